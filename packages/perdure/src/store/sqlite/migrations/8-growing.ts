/**
 * Limits, versions, pauses and turns. The due tasks of a tool and version stand in two orders: by time, and by owner,
 * for owners that take turns. Open tasks, and those that failed, are found among millions that are completed.
 */
export const growing = `
  ALTER TABLE tasks ADD COLUMN version TEXT NOT NULL DEFAULT ''; -- of the handler; '': none
  ALTER TABLE tasks ADD COLUMN log_lines INTEGER NOT NULL DEFAULT 0;
  DROP INDEX tasks_due;
  CREATE INDEX tasks_due ON tasks (tool, version, priority, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_turns ON tasks (tool, version, priority, owner, due_at) WHERE due_at IS NOT NULL;
  DROP INDEX tasks_running;
  CREATE INDEX tasks_running ON tasks (owner, tool) WHERE running = 1 AND due_at IS NULL;
  CREATE INDEX tasks_open ON tasks (owner, id) WHERE ended_at IS NULL;
  CREATE INDEX tasks_unsuccessful ON tasks (owner, status, id) WHERE status IN ('failed', 'cancelled');
  CREATE TABLE paused_tools (
    tool  TEXT    NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL
  ) WITHOUT ROWID;
`;
