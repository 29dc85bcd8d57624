/** The whole record as its store tells it, through the public interface only. */
import type { TaskStore } from "../../../packages/perdure/src/store/store.ts";
import type { JsonValue } from "../../../packages/perdure/src/task/json.ts";
import type { TaskRecord, TimelineEvent } from "../../../packages/perdure/src/task/record.ts";
import type { Outcome } from "../journal.ts";
import type { ItemInput } from "./plan.ts";

export interface FinalTask {
  readonly id: string;
  readonly tool: string;
  readonly input: ItemInput;
  readonly idempotencyKey: string | undefined;
  readonly parentId?: string | undefined;
  /** Of the handler that it was made for. */
  readonly version?: string | undefined;
  /** Whether its end is to be delivered: there is a session, and its caller has not ended it. */
  readonly delivers?: boolean;
  readonly status: string;
  readonly phase: string;
  readonly attempt: number;
  readonly errors: number;
  /** Absent while the task is open. */
  readonly outcome: Outcome | undefined;
  readonly operations: readonly {
    readonly name: string;
    readonly state: string;
    readonly attempt: number;
    readonly value?: JsonValue | undefined;
  }[];
  readonly timeline: readonly {
    readonly type: string;
    readonly attempt?: number;
    /** Of a question that was answered. */
    readonly key?: string;
    /** Of an operation, and what became of it. */
    readonly name?: string;
    readonly state?: string;
  }[];
}

export async function readRecord(store: TaskStore): Promise<readonly FinalTask[]> {
  const tasks: FinalTask[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ cursor, limit: 200 });
    const read = page.tasks.map(async ({ id }) => {
      const record = await store.get({ taskId: id });
      return record === undefined ? undefined : readTask(store, record);
    });
    tasks.push(...(await Promise.all(read)).filter((task) => task !== undefined));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return tasks;
}

async function readTask(store: TaskStore, record: TaskRecord): Promise<FinalTask> {
  const operations = await store.operations({ taskId: record.id });
  const timeline: TimelineEvent[] = [];
  for (let more = true; more;) {
    // One reading has a bounded number of events: only an empty one says that nothing is left.
    const next = await store.timeline({ taskId: record.id, after: timeline.at(-1)?.revision ?? 0 });
    timeline.push(...next);
    more = next.length > 0;
  }
  return {
    id: record.id,
    tool: record.tool,
    input: record.input as unknown as ItemInput,
    idempotencyKey: record.idempotencyKey,
    parentId: record.parentId,
    version: record.version,
    delivers: record.delivery !== undefined && record.delivery.claimedAt === undefined,
    status: record.status,
    phase: record.phase,
    attempt: record.attempt,
    errors: record.errors,
    outcome: outcomeOf(record),
    operations: operations.map((operation) => ({
      name: operation.name,
      state: operation.state,
      attempt: operation.attempt,
      ...(operation.state === "done" ? { value: operation.value } : {}),
    })),
    timeline: timeline.map((event) => ({
      type: event.type,
      ...("attempt" in event ? { attempt: event.attempt } : {}),
      ...("key" in event ? { key: event.key } : {}),
      ...(event.type === "operation" ? { name: event.name, state: event.state } : {}),
    })),
  };
}

export function outcomeOf(record: TaskRecord): Outcome | undefined {
  if (record.phase !== "ended") return undefined;
  if (record.status === "completed") return { status: "completed", result: record.result };
  if (record.status === "cancelled") return { status: "cancelled" };
  return { status: "failed", code: record.failure.code, message: record.failure.message };
}
