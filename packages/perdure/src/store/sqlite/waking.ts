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

/** Something that an open task waits for has happened: parked, it is due; running, its attempt looks again. */
export function wake(tx: Transaction, taskId: TaskId, event?: (revision: number) => void): void {
  const row = tx
    .sql(
      `UPDATE tasks SET due_at = CASE WHEN running = 0 AND attempt > 0 THEN ? ELSE due_at END, status = ${statusNow},
         revision = revision + 1, updated_at = ?
       WHERE id = ? AND ended_at IS NULL RETURNING attempt, revision, status, running`,
    )
    .get(tx.now, tx.now, taskId) as (ChangedRow & Pick<TaskRow, "running">) | undefined;
  if (row === undefined) return;
  event?.(row.revision);
  tx.due ||= row.running === 0;
  changed(tx, taskId, row);
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
