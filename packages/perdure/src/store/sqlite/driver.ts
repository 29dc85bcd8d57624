/** The seam to SQLite: what the store needs of a driver, and Node's own behind it. No native addon, no server. */
import type { SQLInputValue } from "node:sqlite";

export type SqlValue = SQLInputValue;
export type Row = Record<string, unknown>;

export interface SqliteStatement {
  run(...parameters: SqlValue[]): { readonly changes: number | bigint };
  get(...parameters: SqlValue[]): Row | undefined;
  all(...parameters: SqlValue[]): Row[];
  /** Rows are arrays from then on, in the order of the columns. Node has it since 22.16. */
  setReturnArrays?(arrays: boolean): void;
}

export interface SqliteConnection {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/** Opens a file (made when missing), or `:memory:`. */
export type SqliteDriver = (file: string) => SqliteConnection;

export const nodeSqlite: SqliteDriver = (file) => {
  // Not an import: linking would fail on a Node without the module, before the message of `node-version.ts`.
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  return new DatabaseSync(file);
};
