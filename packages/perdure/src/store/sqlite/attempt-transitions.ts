/** The transitions by a running attempt. Each is fenced by the attempt's number. */
import { PerdureError } from "../../task/errors.ts";
import type { LogLine, Operation, Progress } from "../../task/record.ts";
import type { AttemptKey, CompleteTask, FailTask, RecordOperation, RetryTask } from "../store.ts";
import type { TaskId } from "../../task/id.ts";
import type { Row, SqlValue } from "./driver.ts";
import { endByAttempt } from "./ending.ts";
import { deliverInterim, dropClosedQuestions } from "./outbox.ts";
import { toOperation } from "./rows.ts";
import { statusNow, statusWithout, tellCallers } from "./waking.ts";
import {
  appendEvent,
  type DeliveringRow,
  type Transaction,
  updateByAttempt,
  writePayload,
} from "./transaction.ts";

/** @param value the encoded value when done, the encoded failure when failed */
export function recordOperation(
  tx: Transaction,
  operation: RecordOperation,
  value: string | undefined,
): Operation {
  const { taskId, name, kind, state, attempt } = operation;
  const { revision, status, delivery } = updateForOperation(tx, operation);
  const row = tx
    .sql(
      `INSERT INTO operations (task_id, name, kind, state, attempt, tries, value, wake_at, recorded_at, revision)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, attempt = excluded.attempt, tries = excluded.tries,
         value = excluded.value, wait = NULL, wake_at = excluded.wake_at,
         question_key = NULL, child_id = NULL, recorded_at = excluded.recorded_at, revision = excluded.revision
       WHERE state IN ('attempted', 'open') AND kind = excluded.kind RETURNING *`,
    )
    .get(
      taskId,
      name,
      kind,
      state,
      attempt,
      state === "attempted" ? operation.tries : 0,
      value ?? null,
      state === "attempted" ? tx.now + operation.delayMs : null,
      tx.now,
      revision,
    );
  if (row === undefined) {
    throw new PerdureError("STEP_MISMATCH", {
      message:
        `task ${taskId} has already recorded an operation named ${JSON.stringify(name)}. ` +
        `A name is recorded once: put the key of a loop or branch into it.`,
    });
  }
  appendEvent(tx, taskId, revision, { type: "operation", name, kind, state });
  if (kind === "ask") {
    dropClosedQuestions(tx, taskId, delivery);
    tellCallers(tx, taskId, status);
  }
  if (kind === "remember" && value !== undefined) {
    deliverInterim(tx, taskId, delivery, String(JSON.parse(value)), revision);
  }
  return toOperation(row);
}

function updateForOperation(tx: Transaction, operation: RecordOperation): DeliveringRow {
  switch (operation.kind) {
    case "ask":
      return updateByAttempt(tx, operation, `crashes = 0, status = ${statusWithout}`, [operation.name]);
    case "artifact":
      return updateByAttempt(tx, operation, "crashes = 0, artifacts = coalesce(artifacts, 0) + ?", [
        operation.state === "done" ? 1 : 0,
      ]);
    default:
      return updateByAttempt(tx, operation, "crashes = 0", []);
  }
}

/** @param state JSON text, or bytes */
export function saveState(tx: Transaction, key: AttemptKey, state: SqlValue): void {
  updateByAttempt(tx, key, "crashes = 0", []);
  writePayload(tx, key.taskId, "saved", state);
}

export function report(
  tx: Transaction,
  key: AttemptKey,
  {
    progress,
    logs,
    maxLogLines,
  }: { progress: Progress | undefined; logs: readonly LogLine[]; maxLogLines: number | undefined },
): void {
  const json = progress === undefined ? null : JSON.stringify(progress);
  const { revision } = updateByAttempt(
    tx,
    key,
    "progress = coalesce(?, progress), log_lines = log_lines + ?",
    [json, logs.length],
    Math.max(1, logs.length),
  );
  for (const [i, line] of logs.entries()) {
    appendEvent(tx, key.taskId, revision - logs.length + 1 + i, { type: "log", ...line });
  }
  if (logs.length > 0 && maxLogLines !== undefined) keepLogLines(tx, key.taskId, maxLogLines);
}

/** Of what is dropped, so many lines at once more than need be: the next drop is not at the next line. */
const droppedShare = 0.1;

/** Drops the oldest lines beyond `max`, and leaves in the place of the last of them how many there were. */
function keepLogLines(tx: Transaction, taskId: TaskId, max: number): void {
  const lines = Number(tx.sql.values("SELECT log_lines FROM tasks WHERE id = ?")(taskId)?.[0]);
  if (lines <= max) return;
  const surplus = Math.min(lines, lines - max + Math.floor(max * droppedShare));
  const oldest = tx
    .sql(
      "SELECT revision, type, detail FROM events WHERE task_id = ? AND type IN ('log', 'dropped') ORDER BY revision LIMIT ?",
    )
    .all(taskId, surplus + 1);
  let dropped = 0;
  let last: Row | undefined;
  let before = 0;
  for (const row of oldest) {
    if (row["type"] === "log" && dropped === surplus) break;
    if (row["type"] === "log") dropped++;
    else before += (JSON.parse(row["detail"] as string) as { readonly lines: number }).lines;
    last = row;
    tx.sql("DELETE FROM events WHERE task_id = ? AND revision = ?").run(taskId, Number(row["revision"]));
  }
  tx.sql("UPDATE tasks SET log_lines = log_lines - ? WHERE id = ?").run(dropped, taskId);
  appendEvent(tx, taskId, Number(last?.["revision"]), { type: "dropped", lines: before + dropped });
}

/** @param result the encoded `completion.result` */
export function completeTask(
  tx: Transaction,
  { result: _, ...key }: CompleteTask,
  result: string | undefined,
): void {
  if (result !== undefined) writePayload(tx, key.taskId, "result", result);
  endByAttempt(tx, key, { type: "completed" });
}

export function failTask(tx: Transaction, { failure, ...key }: FailTask): void {
  endByAttempt(tx, key, { type: "failed", failure });
}

export function retryTask(tx: Transaction, { failure, delayMs, ...key }: RetryTask): void {
  const { revision } = updateByAttempt(
    tx,
    key,
    `status = ${statusNow}, errors = errors + 1, running = 0, due_at = ?, backs_off = 1`,
    [tx.now + delayMs],
  );
  tx.sql("DELETE FROM operations WHERE task_id = ? AND state IN ('failed', 'attempted')").run(key.taskId);
  appendEvent(tx, key.taskId, revision, { type: "retry", failure, delayMs });
  tx.due = true;
}

export function releaseTask(tx: Transaction, key: AttemptKey): void {
  const { revision } = updateByAttempt(tx, key, "running = 0, due_at = ?", [tx.now]);
  appendEvent(tx, key.taskId, revision, { type: "released", attempt: key.attempt });
  tx.due = true;
}
