/** What the record answers: each question is one statement. */
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { decodeJson } from "../../task/json.ts";
import type {
  Operation,
  SavedState,
  TaskRecord,
  TaskSummary,
  TimelineEvent,
  Wait,
} from "../../task/record.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { toOperation, toRecord, toSummary, toTimelineEvent } from "../sqlite/rows.ts";
import type { AskedQuestion, ListTasks, ReadTimeline, RejoinKey, TaskKey, TaskPage } from "../store.ts";
import type { Database } from "./database.ts";
import { isThere } from "./membership.ts";
import { often } from "./prepared.ts";
import type { TaskRow } from "./rows.ts";

/** From `expires_at` on a task is gone, whether or not its rows were deleted yet. */
const kept = "(t.expires_at IS NULL OR t.expires_at > $2)";
const ofKept = `EXISTS (SELECT 1 FROM @.tasks t WHERE t.id = $1 AND ${kept})`;

const recordById = `${often}
  SELECT t.*, i.value AS input, r.value AS result FROM @.tasks t
    LEFT JOIN @.payloads i ON i.task_id = t.id AND i.kind = 'input'
    LEFT JOIN @.payloads r ON r.task_id = t.id AND r.kind = 'result'
  WHERE t.id = $1 AND ${kept}`;

const summaryById = `${often}SELECT t.* FROM @.tasks t WHERE t.id = $1 AND ${kept}`;

export async function readRecord(
  database: Database,
  { taskId, owner }: TaskKey,
): Promise<TaskRecord | undefined> {
  const [row] = await database.query<TaskRow & { input: string | null; result: string | null }>(recordById, [
    taskId,
    database.now(),
  ]);
  if (row === undefined || (owner !== undefined && row.owner !== owner)) return undefined;
  return toRecord(row, row.input ?? undefined, row.result ?? undefined);
}

export async function readSummary(
  database: Database,
  { taskId, owner }: TaskKey,
): Promise<TaskSummary | undefined> {
  const [row] = await database.query<TaskRow>(summaryById, [taskId, database.now()]);
  return row === undefined || (owner !== undefined && row.owner !== owner) ? undefined : toSummary(row);
}

export async function listTasks(database: Database, query: ListTasks): Promise<TaskPage> {
  const limit = query.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new PerdureError("INVALID_OPTION", {
      message: `limit must be an integer from 1 to 1,000; ${limit} came.`,
    });
  }
  const values: unknown[] = [database.now()];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const conditions = ["(expires_at IS NULL OR expires_at > $1)"];
  for (const column of ["owner", "status", "tool"] as const) {
    const wanted = query[column];
    if (wanted !== undefined) conditions.push(`${column} = ${parameter(wanted)}`);
  }
  if (query.children === false) conditions.push("parent_id IS NULL");
  if (query.cursor !== undefined) conditions.push(`id < ${parameter(decodeCursor(query.cursor))}`);
  const rows = await database.query<TaskRow>(
    `SELECT * FROM @.tasks WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT ${parameter(limit + 1)}`,
    values,
  );
  const tasks = rows.slice(0, limit).map(toSummary);
  const last = tasks.at(-1);
  return rows.length > limit && last !== undefined ? { tasks, cursor: encodeCursor(last.id) } : { tasks };
}

export async function readOperations(database: Database, taskId: TaskId): Promise<Operation[]> {
  const rows = await database.query(
    `SELECT * FROM @.operations WHERE task_id = $1 AND ${ofKept} ORDER BY revision`,
    [taskId, database.now()],
  );
  return rows.map(toOperation);
}

/** Its own first, then those of the tasks that it waits for. */
export async function readQuestions(database: Database, taskId: TaskId): Promise<AskedQuestion[]> {
  const rows = await database.query<{ task_id: TaskId; wait: string }>(
    `WITH RECURSIVE asking AS (
       SELECT t.id FROM @.tasks t WHERE t.id = $1 AND t.ended_at IS NULL
       UNION
       SELECT o.child_id FROM @.operations o JOIN asking ON o.task_id = asking.id
       WHERE o.state = 'open' AND o.child_asks = 1
     )
     SELECT o.task_id, o.wait FROM @.operations o JOIN asking ON o.task_id = asking.id
     WHERE o.state = 'open' AND o.kind = 'ask' ORDER BY o.task_id <> $1, o.recorded_at, o.task_id, o.revision`,
    [taskId],
  );
  return rows.map(({ task_id, wait }) => {
    const { question } = JSON.parse(wait) as Extract<Wait, { kind: "ask" }>;
    return { taskId: task_id, question };
  });
}

export async function readSavedState(database: Database, taskId: TaskId): Promise<SavedState | undefined> {
  const [row] = await database.query<{ value: string | null; bytes: Buffer | null }>(
    `SELECT value, bytes FROM @.payloads WHERE task_id = $1 AND kind = 'saved' AND ${ofKept}`,
    [taskId, database.now()],
  );
  if (row === undefined) return undefined;
  return row.bytes === null ? decodeJson(row.value ?? undefined) : new Uint8Array(row.bytes);
}

export async function readTimeline(
  database: Database,
  { taskId, after = 0, limit = 1_000 }: ReadTimeline,
): Promise<TimelineEvent[]> {
  const rows = await database.query(
    `SELECT * FROM @.events WHERE task_id = $1 AND revision > $3 AND ${ofKept} ORDER BY revision LIMIT $4`,
    [taskId, database.now(), after, Math.max(0, limit)],
  );
  return rows.map(toTimelineEvent);
}

/** Whether a call that is still there waits for such a task. */
export async function isAwaited(database: Database, { rejoinKey, owner, tool }: RejoinKey): Promise<boolean> {
  const [row] = await database.query<{ awaited: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM @.tasks t JOIN @.processes p ON p.id = t.waiter
       WHERE t.rejoin_key = $1 AND t.owner = $2 AND t.tool = $3 AND t.ended_at IS NULL AND ${isThere}) AS awaited`,
    [rejoinKey, owner, tool],
  );
  return row?.awaited === true;
}
