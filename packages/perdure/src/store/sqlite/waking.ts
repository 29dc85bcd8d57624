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
 * Something that an open task waits for has happened: parked, it is due; running, its attempt looks again.
 * @param resolved what kind of wait: the end of a question may change the task's status. To look for the questions
 * that are left walks over all its operations, which a parent of a hundred children has a hundred times.
 */
export function wake(
  tx: Transaction,
  taskId: TaskId,
  resolved: "ask" | "call" | "signal",
  event?: (revision: number) => void,
): void {
  // Not UPDATE … RETURNING, which SQLite runs by way of a temporary table.
  const row = tx.sql.values(
    `SELECT attempt, revision, ${resolved === "ask" ? statusNow : "status"} AS status, running, due_at FROM tasks
     WHERE id = ? AND ended_at IS NULL`,
  )(taskId);
  if (row === undefined) return;
  const [attempt, before, status, running, dueAt] = row as [
    TaskRow["attempt"],
    TaskRow["revision"],
    TaskRow["status"],
    TaskRow["running"],
    TaskRow["due_at"],
  ];
  const revision = before + 1;
  const parked = running === 0 && attempt > 0;
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
}

/** A task is `input_required` while a question is open. */
export const statusNow = statusWhile("kind = 'ask'");
/** The same once the question of this name is none any more. */
export const statusWithout = statusWhile("kind = 'ask' AND name <> ?");

function statusWhile(condition: string): string {
  return `CASE WHEN EXISTS (
    SELECT 1 FROM operations WHERE task_id = tasks.id AND state = 'open' AND ${condition}
  ) THEN 'input_required' ELSE 'working' END`;
}

export function touch(tx: Transaction, taskId: TaskId): void {
  const row = tx
    .sql(
      "UPDATE tasks SET revision = revision + 1, updated_at = ? WHERE id = ? RETURNING attempt, revision, status",
    )
    .get(tx.now, taskId) as ChangedRow;
  changed(tx, taskId, row);
}
