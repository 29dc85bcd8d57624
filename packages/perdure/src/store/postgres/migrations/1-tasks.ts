/**
 * Everything of the first version. Names compare by their bytes (`COLLATE "C"`), as everywhere else; JSON is text,
 * because a database's own JSON type refuses a NUL, and changes numbers; times are milliseconds since 1970.
 */
export const tasks = `
  CREATE TABLE @.tasks (
    id              text COLLATE "C" PRIMARY KEY,
    tool            text COLLATE "C" NOT NULL,
    owner           text COLLATE "C" NOT NULL,
    status          text    NOT NULL,
    attempt         integer NOT NULL,
    running         integer NOT NULL, -- 1: an attempt has begun and not ended; with due_at, its process is dead
    errors          integer NOT NULL,
    crashes         integer NOT NULL,
    priority        bigint  NOT NULL,
    due_at          bigint,           -- when it wants to run next; NULL while running, parked or ended
    backs_off       integer NOT NULL, -- 1: not before due_at, whatever happens
    progress        text,             -- JSON {done, total?, message?}
    session         text,             -- JSON {session?, memory?, actor?}
    idempotency_key text COLLATE "C",
    retry_of        text,
    failure         text,             -- JSON, with status failed
    reason          text,             -- JSON, with status cancelled
    created_at      bigint  NOT NULL,
    updated_at      bigint  NOT NULL,
    deadline_at     bigint,
    ttl_ms          bigint,
    ended_at        bigint,
    expires_at      bigint,
    revision        bigint  NOT NULL,
    waiter          text,             -- the process whose call waits for it
    rejoin_key      text,
    parent_id       text COLLATE "C",
    process         text,             -- the one that runs it
    version         text COLLATE "C" NOT NULL, -- of the handler; empty: none
    log_lines       integer NOT NULL,
    artifacts       integer,          -- how many are recorded; NULL: none was ever begun
    delivery        text,             -- JSON {mode, graceMs, keepMs, claimedAt?, deliveredAt?, undelivered?}
    stamp           bigint  NOT NULL  -- the commit that wrote it last: an optimistic write compares it
  ) WITH (fillfactor = 85);
  CREATE INDEX tasks_by_owner ON @.tasks (owner, id);
  CREATE INDEX tasks_due ON @.tasks (tool, version, priority, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_running ON @.tasks (process) WHERE running = 1;
  CREATE INDEX tasks_deadline ON @.tasks (deadline_at) WHERE deadline_at IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX tasks_expiry ON @.tasks (expires_at) WHERE expires_at IS NOT NULL;
  CREATE UNIQUE INDEX tasks_idempotency ON @.tasks (owner, tool, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX tasks_rejoin ON @.tasks (rejoin_key) WHERE rejoin_key IS NOT NULL;
  CREATE INDEX tasks_by_parent ON @.tasks (parent_id) WHERE parent_id IS NOT NULL AND ended_at IS NULL;

  CREATE TABLE @.payloads (
    task_id text COLLATE "C" NOT NULL,
    kind    text NOT NULL, -- input, result, saved
    value   text,          -- JSON
    bytes   bytea,         -- or bytes as they are
    PRIMARY KEY (task_id, kind)
  );

  CREATE TABLE @.operations (
    task_id      text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    kind         text    NOT NULL,
    state        text    NOT NULL, -- open, attempted, done, failed
    attempt      integer NOT NULL,
    tries        integer NOT NULL,
    value        text,             -- JSON: the value when done, the failure when failed
    recorded_at  bigint  NOT NULL,
    revision     bigint  NOT NULL,
    wait         text,             -- JSON, while open
    wake_at      bigint,           -- when an open one resolves by itself
    question_key text,             -- of an open question
    child_id     text COLLATE "C", -- of an open call
    child_asks   integer NOT NULL, -- 1: the child of an open call asks
    asking       text,             -- JSON {key, by, until, asked}, of a question
    PRIMARY KEY (task_id, name)
  );
  CREATE INDEX operations_open ON @.operations (task_id) WHERE state <> 'done';
  CREATE INDEX operations_by_child ON @.operations (child_id) WHERE child_id IS NOT NULL;

  CREATE TABLE @.events (
    task_id  text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    at       bigint NOT NULL,
    type     text   NOT NULL,
    detail   text,             -- JSON: the rest of the event
    PRIMARY KEY (task_id, revision)
  );

  CREATE TABLE @.signals (
    task_id  text COLLATE "C" NOT NULL,
    name     text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,  -- their order
    value    text,             -- JSON
    PRIMARY KEY (task_id, name, revision)
  );

  CREATE TABLE @.sessions (
    id               text COLLATE "C" NOT NULL,
    owner            text COLLATE "C" NOT NULL,
    protocol_version text   NOT NULL,
    capabilities     text   NOT NULL, -- JSON
    client_info      text   NOT NULL, -- JSON
    log_level        text,
    put_at           bigint NOT NULL,
    ended_at         bigint,
    PRIMARY KEY (owner, id)
  );
  CREATE INDEX sessions_by_age ON @.sessions (put_at);

  -- Which processes are there; a lease in the time of the database.
  CREATE TABLE @.processes (
    id          text PRIMARY KEY,
    tools       text,             -- JSON {tools, versions?}, of one that executes
    host        text   NOT NULL,
    pid         integer NOT NULL,
    started_at  bigint NOT NULL,
    lease_until bigint NOT NULL
  );

  -- Every commit names itself here, so that one whose answer was lost can be asked for; kept for an hour.
  CREATE TABLE @.commits (
    stamp bigint PRIMARY KEY,
    at      bigint NOT NULL
  );
  CREATE INDEX commits_by_age ON @.commits (at);
`;
