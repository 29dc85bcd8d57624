export { nodeSqlite, type SqliteConnection, type SqliteDriver, type SqliteStatement } from "./driver.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./store.ts";
