/** What the record answers. Reads see committed state only, because a commit group runs within one call. */
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { decodeJson } from "../../task/json.ts";
import type {
  Operation,
  SavedState,
  TaskRecord,
  TaskSummary,
  TimelineEvent,
  Timestamp,
  Wait,
} from "../../task/record.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { AskedQuestion, ListTasks, ReadTimeline, TaskKey, TaskPage } from "../store.ts";
import type { SqlValue } from "./driver.ts";
import { asTaskRow, toOperation, toRecord, toSummary, toTimelineEvent } from "./rows.ts";
import { findTask, type Sql } from "./transaction.ts";

export function readRecord(sql: Sql, now: Timestamp, { taskId, owner }: TaskKey): TaskRecord | undefined {
  const row = findTask(sql, now, taskId, owner);
  if (row === undefined) return undefined;
  const payloads = new Map<string, string>();
  for (const payload of sql("SELECT kind, value FROM payloads WHERE task_id = ? AND kind <> 'saved'").all(
    taskId,
  )) {
    payloads.set(payload["kind"] as string, payload["value"] as string);
  }
  return toRecord(row, payloads.get("input"), payloads.get("result"));
}

export function readSummary(sql: Sql, now: Timestamp, { taskId, owner }: TaskKey): TaskSummary | undefined {
  const row = findTask(sql, now, taskId, owner);
  return row === undefined ? undefined : toSummary(row);
}

/**
 * What only some tasks of a long history have is looked for in slices, with a turn of the event loop in between: the
 * last of 100,000 tasks of another tool was found in one piece of 40 to 100 ms, in which nothing else was answered. An
 * index by tool would cost every create instead.
 */
const lookedAtOnce = 4_000;

/** @param read looks into the file, or says why nobody can */
export async function listTasks(
  read: <T>(look: (sql: Sql) => T) => T,
  now: Timestamp,
  query: ListTasks,
): Promise<TaskPage> {
  const limit = query.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new PerdureError("INVALID_OPTION", {
      message: `limit must be an integer from 1 to 1,000; ${limit} came.`,
    });
  }
  const source = sourceOf(query);
  const seldom = query.tool !== undefined || query.status !== undefined || query.children === false;
  const tasks: TaskSummary[] = [];
  let before = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
  for (;;) {
    const from = source === "" && seldom ? read((sql) => sliceStart(sql, query, before)) : undefined;
    const most = limit + 1 - tasks.length;
    tasks.push(...read((sql) => listSlice(sql, now, query, { source, from, before, most })));
    if (tasks.length > limit || from === undefined) break;
    before = from;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const page = tasks.slice(0, limit);
  const last = page.at(-1);
  return tasks.length > limit && last !== undefined
    ? { tasks: page, cursor: encodeCursor(last.id) }
    : { tasks: page };
}

interface Slice {
  readonly source: string;
  /** The oldest of it; absent: to the end. */
  readonly from: string | undefined;
  readonly before: string | undefined;
  readonly most: number;
}

function listSlice(
  sql: Sql,
  now: Timestamp,
  query: ListTasks,
  { source, from, before, most }: Slice,
): TaskSummary[] {
  const conditions = ["(expires_at IS NULL OR expires_at > ?)"];
  const values: SqlValue[] = [now];
  for (const column of ["owner", "status", "tool"] as const) {
    const wanted = query[column];
    if (wanted === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(wanted);
  }
  if (query.status === "working" || query.status === "input_required") conditions.push("ended_at IS NULL");
  if (query.status === "failed" || query.status === "cancelled")
    conditions.push("status IN ('failed', 'cancelled')");
  if (query.children === false) conditions.push("parent_id IS NULL");
  if (before !== undefined) {
    conditions.push("id < ?");
    values.push(before);
  }
  if (from !== undefined) {
    conditions.push("id >= ?");
    values.push(from);
  }
  return sql(`SELECT * FROM tasks ${source} WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT ?`)
    .all(...values, most)
    .map((row) => toSummary(asTaskRow(row)));
}

/** The oldest of the next slice, of the owner's tasks or of all; `undefined` where fewer are left. */
function sliceStart(sql: Sql, { owner }: ListTasks, before: string | undefined): string | undefined {
  const [ofOwner, older] = [
    owner === undefined ? "" : "AND owner = ?",
    before === undefined ? "" : "AND id < ?",
  ];
  const values = [owner, before].filter((value) => value !== undefined);
  const row = sql(`SELECT id FROM tasks WHERE 1 ${ofOwner} ${older} ORDER BY id DESC LIMIT 1 OFFSET ?`).get(
    ...values,
    lookedAtOnce - 1,
  );
  return row?.["id"] as string | undefined;
}

/** Where few of many are wanted, an index that holds only such; what is completed is nearly all there is. */
function sourceOf({ status }: ListTasks): string {
  switch (status) {
    case "working":
    case "input_required":
      return "INDEXED BY tasks_open";
    case "failed":
    case "cancelled":
      return "INDEXED BY tasks_unsuccessful";
    case "completed":
    case undefined:
      return "";
  }
}

export function readOperations(sql: Sql, now: Timestamp, taskId: TaskId): Operation[] {
  if (findTask(sql, now, taskId, undefined) === undefined) return [];
  return sql("SELECT * FROM operations WHERE task_id = ? ORDER BY revision").all(taskId).map(toOperation);
}

/** Its own first, then those of the tasks that it waits for. */
export function readQuestions(sql: Sql, now: Timestamp, taskId: TaskId): AskedQuestion[] {
  const task = findTask(sql, now, taskId, undefined);
  if (task === undefined || task.ended_at !== null) return [];
  return sql(
    `WITH RECURSIVE asking (id) AS (
       VALUES (?)
       UNION SELECT child_id FROM operations JOIN asking ON task_id = id WHERE state = 'open' AND child_asks = 1
     ) SELECT task_id, wait FROM operations JOIN asking ON task_id = id
       WHERE state = 'open' AND kind = 'ask' ORDER BY task_id <> ?, recorded_at, task_id, revision`,
  )
    .all(taskId, taskId)
    .map((row) => {
      const { question } = JSON.parse(row["wait"] as string) as Extract<Wait, { kind: "ask" }>;
      return { taskId: row["task_id"] as TaskId, question };
    });
}

export function readSavedState(sql: Sql, now: Timestamp, taskId: TaskId): SavedState | undefined {
  if (findTask(sql, now, taskId, undefined) === undefined) return undefined;
  const row = sql("SELECT value FROM payloads WHERE task_id = ? AND kind = 'saved'").get(taskId);
  const value = row?.["value"] as string | Uint8Array | undefined;
  return typeof value === "string" ? decodeJson(value) : value;
}

export function readTimeline(
  sql: Sql,
  now: Timestamp,
  { taskId, after = 0, limit = 1_000 }: ReadTimeline,
): TimelineEvent[] {
  if (findTask(sql, now, taskId, undefined) === undefined) return [];
  return sql("SELECT * FROM events WHERE task_id = ? AND revision > ? ORDER BY revision LIMIT ?")
    .all(taskId, after, Math.max(0, limit))
    .map(toTimelineEvent);
}
