/** Resolving an open wait, and waking the task that stands at it. */
import type { TaskId } from "../../task/id.ts";
import type { TaskRow } from "./rows.ts";
import { type ChangedRow, changed, type Transaction } from "./transaction.ts";

export function resolveOperation(
  tx: Transaction,
  taskId: TaskId,
  name: string,
  state: "done" | "failed",
  value: string | null,
): void {
  tx.sql(
    `UPDATE operations SET state = ?, value = ?, wait = NULL, wake_at = NULL, question_key = NULL, child_id = NULL, recorded_at = ?
     WHERE task_id = ? AND name = ? AND state = 'open'`,
  ).run(state, value, tx.now, taskId, name);
}

/**
 * Something that an open task waits for has happened: parked, it is due; running, its attempt looks again; kept back by
 * a retry, it sees it when its time has come.
 * @param resolved what kind of wait: the end of a question, or of a child that asked (`ask`), may change the task's
 * status. To look for the questions that are left walks over all its operations, which a parent of a hundred children
 * has a hundred times.
 */
export function wake(
  tx: Transaction,
  taskId: TaskId,
  resolved: "ask" | "call" | "signal",
  event?: (revision: number) => void,
): void {
  // Not UPDATE … RETURNING, which SQLite runs by way of a temporary table.
  const row = tx.sql.values(
    `SELECT attempt, revision, ${resolved === "ask" ? statusNow : "status"} AS status, running, due_at, backs_off FROM tasks
     WHERE id = ? AND ended_at IS NULL`,
  )(taskId);
  if (row === undefined) return;
  const [attempt, before, status, running, dueAt, backsOff] = row as [
    TaskRow["attempt"],
    TaskRow["revision"],
    TaskRow["status"],
    TaskRow["running"],
    TaskRow["due_at"],
    0 | 1,
  ];
  const revision = before + 1;
  const parked = running === 0 && attempt > 0 && backsOff === 0;
  tx.sql("UPDATE tasks SET due_at = ?, status = ?, revision = ?, updated_at = ? WHERE id = ?").run(
    parked ? tx.now : dueAt,
    status,
    revision,
    tx.now,
    taskId,
  );
  event?.(revision);
  tx.due ||= parked;
  changed(tx, taskId, { attempt, revision, status });
  if (resolved === "ask") tellCallers(tx, taskId, status);
}

/**
 * What a task asks has changed. Whoever waits for it is `input_required` with it, up to the first caller: that one's
 * client is the only one there is to be asked.
 */
export function tellCallers(tx: Transaction, taskId: TaskId, status: ChangedRow["status"]): void {
  const calls = tx
    .sql("UPDATE operations SET child_asks = ? WHERE child_id = ? AND state = 'open' RETURNING task_id")
    .all(status === "input_required" ? 1 : 0, taskId);
  for (const callerId of new Set(calls.map((call) => call["task_id"] as TaskId))) {
    const caller = tx
      .sql(
        `UPDATE tasks SET status = ${statusNow}, revision = revision + 1, updated_at = ?
         WHERE id = ? AND ended_at IS NULL RETURNING attempt, revision, status`,
      )
      .get(tx.now, callerId) as ChangedRow | undefined;
    if (caller === undefined) continue;
    changed(tx, callerId, caller);
    tellCallers(tx, callerId, caller.status);
  }
}

/** A task is `input_required` while a question is open, its own or one of a child that it waits for. */
export const statusNow = statusWhile("(kind = 'ask' OR child_asks = 1)");
/** The same once the question of this name is none any more. */
export const statusWithout = statusWhile("(kind = 'ask' OR child_asks = 1) AND name <> ?");

function statusWhile(condition: string): string {
  return `CASE WHEN EXISTS (
    SELECT 1 FROM operations WHERE task_id = tasks.id AND state = 'open' AND ${condition}
  ) THEN 'input_required' ELSE 'working' END`;
}

export function touch(tx: Transaction, taskId: TaskId): ChangedRow {
  const row = tx
    .sql(
      "UPDATE tasks SET revision = revision + 1, updated_at = ? WHERE id = ? RETURNING attempt, revision, status",
    )
    .get(tx.now, taskId) as ChangedRow;
  changed(tx, taskId, row);
  return row;
}
