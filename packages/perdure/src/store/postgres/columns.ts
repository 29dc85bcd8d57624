/** The columns that a unit of work reads and writes, with their types: rows travel as JSON, a table at a time. */
export const taskColumns = {
  id: "text",
  tool: "text",
  owner: "text",
  status: "text",
  attempt: "integer",
  running: "integer",
  errors: "integer",
  crashes: "integer",
  priority: "bigint",
  due_at: "bigint",
  backs_off: "integer",
  progress: "text",
  session: "text",
  idempotency_key: "text",
  retry_of: "text",
  failure: "text",
  reason: "text",
  created_at: "bigint",
  updated_at: "bigint",
  deadline_at: "bigint",
  ttl_ms: "bigint",
  ended_at: "bigint",
  expires_at: "bigint",
  revision: "bigint",
  waiter: "text",
  rejoin_key: "text",
  parent_id: "text",
  process: "text",
  version: "text",
  log_lines: "integer",
  artifacts: "integer",
  delivery: "text",
  stamp: "bigint",
} as const;

/** What never changes once a task is created. */
const fixed: ReadonlySet<string> = new Set([
  "id",
  "tool",
  "owner",
  "session",
  "idempotency_key",
  "retry_of",
  "created_at",
  "ttl_ms",
  "version",
]);

export const changingTaskColumns = Object.keys(taskColumns).filter((column) => !fixed.has(column));

export const operationColumns = {
  task_id: "text",
  name: "text",
  kind: "text",
  state: "text",
  attempt: "integer",
  tries: "integer",
  value: "text",
  recorded_at: "bigint",
  revision: "bigint",
  wait: "text",
  wake_at: "bigint",
  question_key: "text",
  child_id: "text",
  child_asks: "integer",
  asking: "text",
} as const;

export const eventColumns = {
  task_id: "text",
  revision: "bigint",
  at: "bigint",
  type: "text",
  detail: "text",
} as const;
export const signalColumns = { task_id: "text", name: "text", revision: "bigint", value: "text" } as const;

export const deliveryColumns = {
  session: "text",
  task_id: "text",
  key: "text",
  kind: "text",
  content: "text",
  at: "bigint",
  due_at: "bigint",
  until: "bigint",
  state: "text",
  asker_id: "text",
} as const;

export const outboxColumns = {
  session: "text",
  due_at: "bigint",
  not_before: "bigint",
  lease: "text",
  process: "text",
  message: "text",
  failures: "integer",
  failure: "text",
  stamp: "bigint",
} as const;

type Columns = Readonly<Record<string, string>>;

/** `name type, …`: how `json_to_recordset` is told the columns. */
export function definitions(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");
}

export function names(columns: Columns): string {
  return Object.keys(columns).join(", ");
}
