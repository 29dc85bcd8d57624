/** The outbox, artifacts to be swept, and pauses. */
export const growing = `
  CREATE INDEX tasks_turns ON @.tasks (tool, version, priority, owner, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_running_by_owner ON @.tasks (owner, tool) WHERE running = 1 AND due_at IS NULL;
  CREATE INDEX tasks_open ON @.tasks (owner, id) WHERE ended_at IS NULL;
  CREATE INDEX tasks_unsuccessful ON @.tasks (status, id) WHERE status IN ('failed', 'cancelled');

  CREATE TABLE @.paused_tools (
    tool  text COLLATE "C" PRIMARY KEY,
    since bigint NOT NULL
  );

  CREATE TABLE @.artifact_sweeps (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id text NOT NULL
  );

  CREATE TABLE @.deliveries (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- their order
    session  text COLLATE "C" NOT NULL, -- JSON {actor?, memory?, session}: the key of its outbox
    task_id  text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    kind     text   NOT NULL,           -- end, question, interim
    content  text,                      -- JSON, of a question and of interim results
    at       bigint NOT NULL,
    due_at   bigint NOT NULL,
    until    bigint NOT NULL,           -- then it is given up
    state    text   NOT NULL,           -- waiting; taken: part of its session's message; alone: to be one of its own
    asker_id text COLLATE "C"           -- of a question: the child that asks it; NULL: the task itself
  );
  CREATE INDEX deliveries_by_asker ON @.deliveries (asker_id) WHERE asker_id IS NOT NULL;
  CREATE UNIQUE INDEX deliveries_by_task ON @.deliveries (task_id, key);
  CREATE INDEX deliveries_by_session ON @.deliveries (session, due_at);

  -- One for each session that has something waiting, or had just now.
  CREATE TABLE @.outboxes (
    session    text COLLATE "C" PRIMARY KEY,
    due_at     bigint,          -- not before this is its next message to be tried; NULL: nothing waits
    not_before bigint NOT NULL, -- by its rate, a back-off, or a lease
    lease      text,            -- whose
    process    text,            -- of whoever leased it
    message    text,            -- key of the message that was leased and is not settled
    failures   integer NOT NULL,-- of that message
    failure    text,            -- JSON {kind, message}
    stamp      bigint NOT NULL
  );
  CREATE INDEX outboxes_due ON @.outboxes (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX outboxes_empty ON @.outboxes (not_before) WHERE due_at IS NULL;
`;
