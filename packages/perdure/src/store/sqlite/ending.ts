/**
 * The end of a task: its row, its event, and what others had to do with it. A parent that waits for it has its result
 * or failure, and its own open children end with it, all in one transaction.
 */
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import type { TimelineEntry } from "../../task/record.ts";
import type { TerminalStatus } from "../../task/status.ts";
import type { AttemptKey } from "../store.ts";
import { sweepArtifacts } from "./artifact-sweeps.ts";
import type { SqlValue } from "./driver.ts";
import { deliverEnd, dropAskedBy } from "./outbox.ts";
import { asTaskRow, type TaskRow } from "./rows.ts";
import { appendEvent, type ChangedRow, changed, requireAttempt, type Transaction } from "./transaction.ts";
import { resolveOperation, wake } from "./waking.ts";

/** What ends a task, and what its timeline then says. */
export type Ending = Extract<TimelineEntry, { readonly type: TerminalStatus }>;

/** Ends a task that is open, whatever it does: the caller has checked. */
export function endTask(tx: Transaction, taskId: TaskId, ending: Ending, byCaller = false): void {
  const row = tx
    .sql(
      `UPDATE tasks SET ${assignments}, revision = revision + 1, updated_at = ?
       WHERE id = ? RETURNING attempt, revision, status, artifacts, delivery`,
    )
    .get(...values(tx, ending), tx.now, taskId) as ChangedRow & Pick<TaskRow, "artifacts" | "delivery">;
  changed(tx, taskId, row);
  sweepArtifacts(tx, taskId, row);
  deliverEnd(tx, taskId, row.delivery, byCaller);
  settle(tx, taskId, row.revision, ending);
}

/** Ends a task by its attempt. @throws PerdureError `STALE_ATTEMPT` */
export function endByAttempt(tx: Transaction, key: AttemptKey, ending: Ending): void {
  // Not UPDATE … RETURNING, which SQLite runs by way of a temporary table: 6 µs of an end to end of 50.
  const before = requireAttempt(tx, key);
  const revision = before.revision + 1;
  tx.sql(`UPDATE tasks SET ${assignments}, revision = ?, updated_at = ? WHERE id = ?`).run(
    ...values(tx, ending),
    revision,
    tx.now,
    key.taskId,
  );
  changed(tx, key.taskId, { attempt: key.attempt, revision, status: ending.type });
  sweepArtifacts(tx, key.taskId, before);
  deliverEnd(tx, key.taskId, before.delivery, false);
  settle(tx, key.taskId, revision, ending);
}

const assignments =
  "status = ?, failure = ?, reason = ?, running = 0, due_at = NULL, rejoin_key = NULL, ended_at = ?, expires_at = ? + ttl_ms";

function values(tx: Transaction, ending: Ending): SqlValue[] {
  const failure = ending.type === "failed" ? JSON.stringify(ending.failure) : null;
  // As JSON: a driver may cut plain text at a NUL, or change an unpaired surrogate.
  const reason =
    ending.type === "cancelled" && ending.reason !== undefined ? JSON.stringify(ending.reason) : null;
  return [ending.type, failure, reason, tx.now, tx.now];
}

/** Most tasks were called by none and have called none: one question says so. */
const hasFamily = `SELECT EXISTS (SELECT 1 FROM operations WHERE child_id = ? AND state = 'open')
  OR EXISTS (SELECT 1 FROM tasks WHERE parent_id = ? AND ended_at IS NULL)`;

function settle(tx: Transaction, taskId: TaskId, revision: number, ending: Ending): void {
  appendEvent(tx, taskId, revision, ending);
  tx.admission.departed();
  if (tx.sql.values(hasFamily)(taskId, taskId)?.[0] !== 1) return;
  settleCalls(tx, taskId);
  const children = tx.sql("SELECT id FROM tasks WHERE parent_id = ? AND ended_at IS NULL").all(taskId);
  for (const child of children) {
    const childId = child["id"] as TaskId;
    if (!adopted(tx, childId))
      endTask(tx, childId, { type: "cancelled", reason: `its parent ${taskId} has ended` });
  }
}

/** A child that another open task waits for too, by its idempotency key, is that one's from now on. */
function adopted(tx: Transaction, childId: TaskId): boolean {
  const { changes } = tx
    .sql(
      `UPDATE tasks SET parent_id = waiting.id FROM (
         SELECT caller.id FROM operations JOIN tasks AS caller ON caller.id = operations.task_id
         WHERE child_id = ? AND state = 'open' AND caller.ended_at IS NULL LIMIT 1
       ) AS waiting WHERE tasks.id = ?`,
    )
    .run(childId, childId);
  return Number(changes) > 0;
}

/** Gives the calls that wait for an ended task its result, or its failure. */
export function settleCalls(tx: Transaction, childId: TaskId): void {
  const calls = tx
    .sql("SELECT task_id, name, child_asks FROM operations WHERE child_id = ? AND state = 'open'")
    .all(childId);
  if (calls.length === 0) return;
  if (calls.some((call) => call["child_asks"] === 1)) dropAskedBy(tx, childId);
  const completed = tx.sql.values("SELECT status FROM tasks WHERE id = ?")(childId)?.[0] === "completed";
  const value = completed ? readResult(tx, childId) : JSON.stringify(childFailure(tx, childId));
  for (const call of calls) {
    const parentId = call["task_id"] as TaskId;
    resolveOperation(tx, parentId, call["name"] as string, completed ? "done" : "failed", value);
    wake(tx, parentId, call["child_asks"] === 1 ? "ask" : "call");
  }
}

function readResult(tx: Transaction, taskId: TaskId): string | null {
  const row = tx.sql.values("SELECT value FROM payloads WHERE task_id = ? AND kind = 'result'")(taskId);
  return (row?.[0] as string | undefined) ?? null;
}

function childFailure(tx: Transaction, childId: TaskId): Failure {
  const child = asTaskRow(tx.sql("SELECT * FROM tasks WHERE id = ?").get(childId) ?? {});
  const failure = child.failure === null ? undefined : (JSON.parse(child.failure) as Failure);
  const reason = child.reason === null ? "" : `: ${JSON.parse(child.reason) as string}`;
  return {
    code: "CHILD_FAILED",
    name: "TaskError",
    message: failure?.message ?? `task ${child.id} was cancelled${reason}`,
    retryable: failure?.retryable ?? false,
    data: { taskId: child.id, tool: child.tool, ...(failure !== undefined && { failure: { ...failure } }) },
  };
}
