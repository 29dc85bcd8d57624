/** The record in Postgres: `perdure/postgres`. */
export { migratePostgres, openPostgresStore, type PostgresStoreOptions } from "./store.ts";
