/** Waits, questions, children and signals. */
export const waiting = `
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
`;
