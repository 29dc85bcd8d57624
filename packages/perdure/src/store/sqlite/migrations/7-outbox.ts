/** The outbox. */
export const outbox = `
  ALTER TABLE tasks ADD COLUMN delivery TEXT; -- JSON {mode, graceMs, keepMs, claimedAt?, deliveredAt?, undelivered?}

  CREATE TABLE deliveries (
    position INTEGER NOT NULL PRIMARY KEY, -- their order
    session  TEXT    NOT NULL,             -- JSON {actor?, memory?, session}: the key of its outbox
    task_id  TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    kind     TEXT    NOT NULL,             -- end, question, interim
    content  TEXT,                         -- JSON, of a question and of interim results
    at       INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    until    INTEGER NOT NULL,             -- then it is given up
    state    TEXT    NOT NULL              -- waiting; taken: part of its session's message; alone: to be one of its own
  );
  CREATE UNIQUE INDEX deliveries_by_task ON deliveries (task_id, key);
  CREATE INDEX deliveries_by_session ON deliveries (session, due_at);

  -- One for each session that has something waiting, or had just now.
  CREATE TABLE outboxes (
    session    TEXT    NOT NULL PRIMARY KEY,
    due_at     INTEGER,          -- when its next message is to be tried; NULL: nothing waits
    not_before INTEGER NOT NULL, -- by its rate, a back-off, or a lease
    lease      TEXT,             -- whose
    message    TEXT,             -- key of the message that was leased and is not settled
    failures   INTEGER NOT NULL, -- of that message
    failure    TEXT              -- JSON {kind, message}
  ) WITHOUT ROWID;
  CREATE INDEX outboxes_due ON outboxes (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX outboxes_empty ON outboxes (not_before) WHERE due_at IS NULL;
`;
