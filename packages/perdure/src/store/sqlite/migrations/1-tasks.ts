/** Tasks, their values, operations and events. */
export const tasks = `
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
`;
