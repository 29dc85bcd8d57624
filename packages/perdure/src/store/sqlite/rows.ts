/** Rows of the file as what they mean. The columns are those of `migrations.ts`. */
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import { decodeJson } from "../../task/json.ts";
import type {
  Operation,
  TaskRecord,
  TaskState,
  TaskSummary,
  TimelineEvent,
  Wait,
} from "../../task/record.ts";
import type { TaskStatus } from "../../task/status.ts";
import type { Row } from "./driver.ts";

export interface TaskRow {
  readonly id: TaskId;
  readonly tool: string;
  /** `""`: none. */
  readonly version: string;
  readonly owner: string;
  readonly status: TaskStatus;
  readonly attempt: number;
  readonly running: 0 | 1;
  readonly errors: number;
  readonly crashes: number;
  readonly priority: number;
  readonly due_at: number | null;
  readonly progress: string | null;
  readonly session: string | null;
  readonly idempotency_key: string | null;
  readonly retry_of: TaskId | null;
  readonly failure: string | null;
  readonly reason: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly deadline_at: number | null;
  readonly ttl_ms: number | null;
  readonly ended_at: number | null;
  readonly expires_at: number | null;
  readonly revision: number;
  readonly waiter: string | null;
  readonly parent_id: TaskId | null;
  readonly artifacts: number | null;
  readonly delivery: string | null;
}

/** The columns of a {@link TaskRow}, in the order of its fields. */
export const taskColumns = `id, tool, owner, status, attempt, running, errors, crashes, priority, due_at, progress,
  session, idempotency_key, retry_of, failure, reason, created_at, updated_at, deadline_at, ttl_ms, ended_at,
  expires_at, revision, waiter, parent_id, artifacts, delivery, version`;

/** Of the values of {@link taskColumns}: SQLite is typed by value, the schema by us. */
export function toTaskRow(values: readonly unknown[]): TaskRow {
  return {
    id: values[0],
    tool: values[1],
    owner: values[2],
    status: values[3],
    attempt: values[4],
    running: values[5],
    errors: values[6],
    crashes: values[7],
    priority: values[8],
    due_at: values[9],
    progress: values[10],
    session: values[11],
    idempotency_key: values[12],
    retry_of: values[13],
    failure: values[14],
    reason: values[15],
    created_at: values[16],
    updated_at: values[17],
    deadline_at: values[18],
    ttl_ms: values[19],
    ended_at: values[20],
    expires_at: values[21],
    revision: values[22],
    waiter: values[23],
    parent_id: values[24],
    artifacts: values[25],
    delivery: values[26],
    version: values[27],
  } satisfies { readonly [Column in keyof TaskRow]: unknown } as unknown as TaskRow;
}

/** The edge where rows enter: SQLite is typed by value, the schema by us. */
export function asTaskRow(row: Row): TaskRow {
  return row as unknown as TaskRow;
}

export function toSummary(row: TaskRow): TaskSummary {
  return {
    id: row.id,
    tool: row.tool,
    owner: row.owner,
    attempt: row.attempt,
    errors: row.errors,
    crashes: row.crashes,
    priority: row.priority,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
    ...(row.version !== "" && { version: row.version }),
    ...(row.progress !== null && {
      progress: JSON.parse(row.progress) as NonNullable<TaskSummary["progress"]>,
    }),
    ...(row.artifacts !== null && row.artifacts > 0 && { artifacts: row.artifacts }),
    ...(row.session !== null && { session: JSON.parse(row.session) as NonNullable<TaskSummary["session"]> }),
    ...(row.delivery !== null && {
      delivery: JSON.parse(row.delivery) as NonNullable<TaskSummary["delivery"]>,
    }),
    ...(row.idempotency_key !== null && { idempotencyKey: row.idempotency_key }),
    ...(row.parent_id !== null && { parentId: row.parent_id }),
    ...(row.retry_of !== null && { retryOf: row.retry_of }),
    ...(row.deadline_at !== null && { deadlineAt: row.deadline_at }),
    ...(row.ttl_ms !== null && { ttlMs: row.ttl_ms }),
    ...toState(row),
  };
}

function toState(row: TaskRow): TaskState {
  if (row.status === "working" || row.status === "input_required") {
    if (row.due_at !== null) return { status: row.status, phase: "queued", dueAt: row.due_at };
    return { status: row.status, phase: row.running === 1 ? "running" : "parked" };
  }
  const ended = {
    phase: "ended" as const,
    endedAt: row.ended_at ?? 0,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  };
  switch (row.status) {
    case "completed":
      return { ...ended, status: "completed" };
    case "failed":
      return { ...ended, status: "failed", failure: JSON.parse(row.failure ?? "null") as Failure };
    case "cancelled":
      return {
        ...ended,
        status: "cancelled",
        ...(row.reason !== null && { reason: JSON.parse(row.reason) as string }),
      };
  }
}

export function toRecord(row: TaskRow, input: string | undefined, result: string | undefined): TaskRecord {
  return { ...toSummary(row), input: decodeJson(input), result: decodeJson(result) };
}

export function toOperation(row: Row): Operation {
  const { name, kind, attempt, recorded_at, state, value, tries, wait, wake_at } = row as unknown as {
    readonly name: string;
    readonly kind: Operation["kind"];
    readonly attempt: number;
    readonly recorded_at: number;
    readonly state: Operation["state"];
    readonly value: string | null;
    readonly tries: number;
    readonly wait: string | null;
    readonly wake_at: number | null;
  };
  const head = { name, kind, attempt, recordedAt: recorded_at };
  switch (state) {
    case "done":
      return { ...head, state, value: decodeJson(value ?? undefined) };
    case "failed":
      return { ...head, state, failure: JSON.parse(value ?? "null") as Failure };
    case "attempted":
      return { ...head, state, tries, until: wake_at ?? recorded_at };
    case "open":
      return { ...head, state, wait: JSON.parse(wait ?? "null") as Wait };
  }
}

export function toTimelineEvent(row: Row): TimelineEvent {
  const { revision, at, type, detail } = row as unknown as {
    readonly revision: number;
    readonly at: number;
    readonly type: TimelineEvent["type"];
    readonly detail: string | null;
  };
  return { revision, at, type, ...(JSON.parse(detail ?? "{}") as object) } as TimelineEvent;
}
