/**
 * The schema of the embedded store, as the list of steps that lead to it: step n brings a file from version n−1 to n
 * (`PRAGMA user_version`). A step that was released never changes; a new need is a new step.
 *
 * Four tables. `tasks` holds the small row that changes often; the values stand apart in `payloads`, because SQLite
 * writes a row anew at every update, and a progress report must not rewrite a megabyte of input. All but `tasks` are
 * `WITHOUT ROWID`: one b-tree instead of two, and everything of a task side by side.
 *
 * A migration library was looked at and left: `umzug`, the well-kept one, brings a command line and five packages to
 * every user, and its steps are not one transaction with the version number, which a process that may be killed at
 * any write needs.
 */
import type { SqliteConnection } from "./driver.ts";

export const migrations: readonly string[] = [
  /* 1 */ `
  CREATE TABLE tasks (
    id              TEXT    NOT NULL PRIMARY KEY,
    tool            TEXT    NOT NULL,
    owner           TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    attempt         INTEGER NOT NULL,
    running         INTEGER NOT NULL, -- 1: an attempt has begun and not ended; with due_at, its process is dead
    errors          INTEGER NOT NULL,
    crashes         INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    due_at          INTEGER,          -- when it wants to run next; NULL while running, parked or ended
    progress        TEXT,             -- JSON {done, total?, message?}
    session         TEXT,             -- JSON {session?, memory?, actor?}
    idempotency_key TEXT,
    retry_of        TEXT,
    failure         TEXT,             -- JSON, with status failed
    reason          TEXT,             -- JSON, with status cancelled
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deadline_at     INTEGER,
    ttl_ms          INTEGER,
    ended_at        INTEGER,
    expires_at      INTEGER,
    revision        INTEGER NOT NULL
  );
  CREATE INDEX tasks_by_owner ON tasks (owner, id);
  CREATE INDEX tasks_due ON tasks (tool, priority, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_running ON tasks (running) WHERE running = 1;
  CREATE INDEX tasks_deadline ON tasks (deadline_at) WHERE deadline_at IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX tasks_expiry ON tasks (expires_at) WHERE expires_at IS NOT NULL;
  CREATE UNIQUE INDEX tasks_idempotency ON tasks (owner, tool, idempotency_key) WHERE idempotency_key IS NOT NULL;

  CREATE TABLE payloads (
    task_id TEXT NOT NULL,
    kind    TEXT NOT NULL, -- input, result, saved
    value   BLOB NOT NULL, -- TEXT: JSON; BLOB: bytes as they are
    PRIMARY KEY (task_id, kind)
  ) WITHOUT ROWID;

  CREATE TABLE operations (
    task_id     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    state       TEXT    NOT NULL, -- done, failed, attempted
    attempt     INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    value       TEXT,             -- JSON: the value when done, the failure when failed
    recorded_at INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    PRIMARY KEY (task_id, name)
  ) WITHOUT ROWID;

  CREATE TABLE events (
    task_id  TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    type     TEXT    NOT NULL,
    detail   TEXT,             -- JSON: the rest of the event
    PRIMARY KEY (task_id, revision)
  ) WITHOUT ROWID;

  CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  /* 2: calls that are lost and come again */ `
  ALTER TABLE tasks ADD COLUMN rejoin_key TEXT;
  ALTER TABLE tasks ADD COLUMN waiter TEXT; -- the process whose call waits for it
  CREATE INDEX tasks_rejoin ON tasks (rejoin_key) WHERE rejoin_key IS NOT NULL;
  `,
  /* 3: sessions of 2025 clients */ `
  CREATE TABLE sessions (
    id               TEXT    NOT NULL,
    owner            TEXT    NOT NULL,
    protocol_version TEXT    NOT NULL,
    capabilities     TEXT    NOT NULL, -- JSON
    client_info      TEXT    NOT NULL, -- JSON
    log_level        TEXT,
    put_at           INTEGER NOT NULL,
    ended_at         INTEGER,
    PRIMARY KEY (owner, id)
  );
  CREATE INDEX sessions_by_age ON sessions (put_at);
  `,
  /* 4: waiting */ `
  ALTER TABLE tasks ADD COLUMN parent_id TEXT;
  CREATE INDEX tasks_by_parent ON tasks (parent_id) WHERE parent_id IS NOT NULL;
  ALTER TABLE operations ADD COLUMN wait TEXT;         -- JSON, while open
  ALTER TABLE operations ADD COLUMN wake_at INTEGER;   -- when an open one resolves by itself
  ALTER TABLE operations ADD COLUMN question_key TEXT; -- of an open question
  ALTER TABLE operations ADD COLUMN child_id TEXT;     -- of an open call
  CREATE INDEX operations_by_child ON operations (child_id) WHERE child_id IS NOT NULL;
  CREATE TABLE signals (
    task_id  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL, -- their order
    value    TEXT,             -- JSON
    PRIMARY KEY (task_id, name, revision)
  ) WITHOUT ROWID;
  `,
  /* 5: who puts a question to a person */ `
  ALTER TABLE operations ADD COLUMN asking TEXT; -- JSON {key, by, until, asked}, of a question
  `,
];

/** Says that a file is perdure's: "pdre". */
export const applicationId = 0x70647265;

/** Brings the file to the newest version, in one transaction; two processes that open it together take turns. */
export function migrate(connection: SqliteConnection, steps: readonly string[] = migrations): void {
  if (fileVersion(connection) === steps.length) return;
  connection.exec("BEGIN EXCLUSIVE");
  try {
    const found = fileVersion(connection);
    for (const step of steps.slice(found)) connection.exec(step);
    // Another process may have brought it further than these steps lead.
    const reached = Math.max(found, steps.length);
    connection.exec(`PRAGMA user_version = ${reached}; PRAGMA application_id = ${applicationId}`);
    connection.exec("COMMIT");
  } catch (error) {
    rollBack(connection);
    throw error;
  }
}

function rollBack(connection: SqliteConnection): void {
  try {
    connection.exec("ROLLBACK");
  } catch {
    // A full disk makes SQLite roll back by itself; the first error is the one to tell.
  }
}

export function fileVersion(connection: SqliteConnection): number {
  return Number(connection.prepare("PRAGMA user_version").get()?.["user_version"]);
}
