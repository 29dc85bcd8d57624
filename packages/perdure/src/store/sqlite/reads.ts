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

export function listTasks(sql: Sql, now: Timestamp, query: ListTasks): TaskPage {
  const limit = query.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new PerdureError("INVALID_OPTION", {
      message: `limit must be an integer from 1 to 1,000; ${limit} came.`,
    });
  }
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
  if (query.cursor !== undefined) {
    conditions.push("id < ?");
    values.push(decodeCursor(query.cursor));
  }
  const rows = sql(
    `SELECT * FROM tasks ${sourceOf(query)} WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT ?`,
  ).all(...values, limit + 1);
  const tasks = rows.slice(0, limit).map((row) => toSummary(asTaskRow(row)));
  const last = tasks.at(-1);
  return rows.length > limit && last !== undefined ? { tasks, cursor: encodeCursor(last.id) } : { tasks };
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
