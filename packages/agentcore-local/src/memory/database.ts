/**
 * The file under the memory, or none: SQLite either way. A transaction is on the disk before it is answered (WAL,
 * `synchronous = FULL`). One process has the file, from opening to closing; SQLite's own lock sees to that, and falls
 * free when the process dies.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** Of the tables below. A file with another number is not touched. */
const schemaVersion = 1;

/** "agcl" in the header of the file, as SQLite wants it of an application's own format. */
const applicationId = 0x6167636c;

const tables = `
  CREATE TABLE sessions (
    memory_id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- since its last event was deleted; NULL while it has any
    empty_since INTEGER,
    PRIMARY KEY (memory_id, actor_id, session_id)
  ) WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    memory_id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    branch TEXT NOT NULL,
    metadata TEXT,
    payload TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX events_by_id ON events (memory_id, event_id);
  CREATE INDEX events_by_time ON events (memory_id, actor_id, session_id, timestamp, seq);
  CREATE INDEX events_by_expiry ON events (expires_at);

  -- where each branch but main begins: after this event of its parent
  CREATE TABLE branches (
    memory_id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    name TEXT NOT NULL,
    root_event_id TEXT,
    parent TEXT,
    root_timestamp INTEGER,
    root_seq INTEGER,
    PRIMARY KEY (memory_id, actor_id, session_id, name)
  ) WITHOUT ROWID;

  -- what a client token was answered with
  CREATE TABLE client_tokens (
    memory_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    token TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (memory_id, operation, token)
  ) WITHOUT ROWID;
  CREATE INDEX client_tokens_by_expiry ON client_tokens (expires_at);

  CREATE TABLE records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    memory_id TEXT NOT NULL,
    record_id TEXT NOT NULL,
    namespaces TEXT NOT NULL,
    text TEXT NOT NULL,
    strategy_id TEXT,
    metadata TEXT,
    timestamp INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
  );
  CREATE UNIQUE INDEX records_by_id ON records (memory_id, record_id);
`;

export type Row = Readonly<Record<string, unknown>>;

export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @param file made when missing; `:memory:` for none. @throws Error that says what to do */
  constructor(file: string) {
    // Not an import: linking would fail on a Node without the module, before the message of `node-version.ts`.
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    let connection: DatabaseSync | undefined;
    try {
      connection = new DatabaseSync(file);
      prepare(connection);
    } catch (error) {
      connection?.close();
      throw explain(file, error);
    }
    this.#connection = connection;
  }

  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...parameters);
  }

  all(sql: string, ...parameters: SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...parameters);
  }

  /** Returns the number of rows that changed. */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...parameters).changes);
  }

  /** All of it or nothing; on the disk when this returns. */
  transaction<Value>(work: () => Value): Value {
    this.#connection.exec("BEGIN IMMEDIATE");
    try {
      const value = work();
      this.#connection.exec("COMMIT");
      return value;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Makes the tables of a new file. The lock that it takes stays. */
function prepare(connection: DatabaseSync): void {
  const pragma = (name: string): unknown => connection.prepare(`PRAGMA ${name}`).get()?.[name];
  connection.exec("PRAGMA busy_timeout = 1000; PRAGMA locking_mode = EXCLUSIVE");
  const isNew = pragma("application_id") === 0 && pragma("schema_version") === 0;
  if (!isNew && pragma("application_id") !== applicationId) {
    throw new Error("it is not a file of agentcore-local");
  }
  if (!isNew && pragma("user_version") !== schemaVersion) {
    throw new Error("another version of agentcore-local wrote it");
  }
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  connection.exec(`BEGIN IMMEDIATE;
    PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion};
    ${isNew ? tables : ""}
    COMMIT`);
}

function explain(file: string, error: unknown): Error {
  const said = error instanceof Error ? error.message : String(error);
  const reason = said.includes("locked") ? "another process has it open; give each its own file" : said;
  return new Error(`agentcore-local cannot open ${file}: ${reason}.`, { cause: error });
}
