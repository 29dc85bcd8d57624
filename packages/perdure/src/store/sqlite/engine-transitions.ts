/** The transitions that the engine and the executor ask for: begin, deadlines, expiry, take-over. */
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { BeginTask, ClaimedTasks, ClaimTasks } from "../store.ts";
import { deleteRows } from "./caller-transitions.ts";
import { deleteEmptyOutboxes } from "./deliveries.ts";
import { endTask } from "./ending.ts";
import { asTaskRow, type TaskRow, toRecord } from "./rows.ts";
import { appendEvent, changed, type Sql, type Transaction } from "./transaction.ts";

export function beginTask(tx: Transaction, { taskId, maxCrashes }: BeginTask): TaskRecord | undefined {
  const due = tx
    .sql("SELECT attempt, running, crashes FROM tasks WHERE id = ? AND due_at <= ?")
    .get(taskId, tx.now);
  if (due === undefined) return undefined;
  const { attempt, running, crashes } = due as Pick<TaskRow, "attempt" | "running" | "crashes">;
  if (running === 1) {
    countCrash(tx, taskId, attempt);
    if (crashes + 1 > maxCrashes) {
      endTask(tx, taskId, { type: "failed", failure: crashLoop(crashes + 1) });
      return undefined;
    }
  }
  const row = asTaskRow(
    tx
      .sql(
        `UPDATE tasks SET attempt = attempt + 1, running = 1, due_at = NULL, revision = revision + 1, updated_at = ?
         WHERE id = ? RETURNING *`,
      )
      .get(tx.now, taskId) ?? {},
  );
  appendEvent(tx, taskId, row.revision, { type: "begun", attempt: row.attempt });
  changed(tx, taskId, row);
  const input = tx.sql("SELECT value FROM payloads WHERE task_id = ? AND kind = 'input'").get(taskId);
  return toRecord(row, input?.["value"] as string | undefined, undefined);
}

function countCrash(tx: Transaction, taskId: TaskId, attempt: number): void {
  const row = tx
    .sql(
      "UPDATE tasks SET running = 0, crashes = crashes + 1, revision = revision + 1 WHERE id = ? RETURNING revision",
    )
    .get(taskId);
  appendEvent(tx, taskId, Number(row?.["revision"]), { type: "crashed", attempt });
}

function crashLoop(crashes: number): Failure {
  return {
    code: "CRASH_LOOP",
    name: "CrashLoop",
    message:
      `the process died ${crashes} times in a row while this task ran, with nothing newly recorded in between. ` +
      `Look for what kills it (out of memory, process.exit, a native module), or raise maxCrashes.`,
    retryable: false,
  };
}

export function failOverdue(tx: Transaction, limit: number): number {
  const overdue = tx
    .sql(
      "SELECT id, deadline_at - created_at AS life FROM tasks WHERE deadline_at <= ? AND ended_at IS NULL LIMIT ?",
    )
    .all(tx.now, limit);
  for (const row of overdue) {
    // The end of its parent, just now, may have been its own.
    if (
      tx.sql("SELECT 1 FROM tasks WHERE id = ? AND ended_at IS NULL").get(row["id"] as TaskId) === undefined
    )
      continue;
    const failure: Failure = {
      code: "DEADLINE",
      name: "DeadlineExceeded",
      message: `the task did not end within its deadline of ${String(row["life"])} ms after its creation.`,
      retryable: false,
    };
    endTask(tx, row["id"] as TaskId, { type: "failed", failure });
  }
  return overdue.length;
}

export function deleteExpired(tx: Transaction, limit: number): number {
  const expired = tx.sql("SELECT id, artifacts FROM tasks WHERE expires_at <= ? LIMIT ?").all(tx.now, limit);
  for (const row of expired) deleteRows(tx, asTaskRow(row));
  deleteEmptyOutboxes(tx, limit);
  return expired.length;
}

/** Makes due what a dead process was running. Only for the process that has just become the one that executes. */
export function recoverRunning(tx: Transaction): void {
  tx.sql("UPDATE tasks SET due_at = ? WHERE running = 1").run(tx.now);
}

export function claimTasks(tx: Transaction, { tools, limit }: ClaimTasks): ClaimedTasks {
  const candidates: {
    readonly id: TaskId;
    readonly priority: number;
    readonly dueAt: number;
    readonly maxCrashes: number;
  }[] = [];
  let more = false;
  for (const { tool, slots, maxCrashes } of tools) {
    const wanted = Math.min(slots, limit);
    const due = dueTasks(tx, tool, wanted + 1);
    more ||= due.length > wanted;
    for (const task of due.slice(0, wanted)) candidates.push({ ...task, maxCrashes });
  }
  candidates.sort((a, b) => b.priority - a.priority || a.dueAt - b.dueAt);
  more ||= candidates.length > limit;
  const begun: TaskRecord[] = [];
  for (const { id, maxCrashes } of candidates.slice(0, limit)) {
    const record = beginTask(tx, { taskId: id, maxCrashes });
    if (record !== undefined) begun.push(record);
  }
  return { begun, more };
}

interface DueTask {
  readonly id: TaskId;
  readonly priority: number;
  readonly dueAt: number;
}

/**
 * One query per priority in use, each a range of the index. A single ORDER BY priority, due_at would walk over every
 * sleeping task of a higher priority to find what is due.
 */
function dueTasks(tx: Transaction, tool: string, limit: number): DueTask[] {
  const due: DueTask[] = [];
  for (const priority of prioritiesInUse(tx.sql, tool)) {
    const rows = tx
      .sql(
        `SELECT id, priority, due_at AS dueAt FROM tasks
         WHERE tool = ? AND priority = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
      )
      .all(tool, priority, tx.now, limit - due.length);
    due.push(...(rows as unknown as DueTask[]));
    if (due.length >= limit) break;
  }
  return due;
}

function* prioritiesInUse(sql: Sql, tool: string): Generator<number> {
  let below = Number.POSITIVE_INFINITY;
  for (;;) {
    const row = sql(
      `SELECT priority FROM tasks WHERE tool = ? AND priority < ? AND due_at IS NOT NULL
       ORDER BY priority DESC LIMIT 1`,
    ).get(tool, below);
    if (row === undefined) return;
    below = Number(row["priority"]);
    yield below;
  }
}

/** When the next task of these tools, or any deadline, is due. */
export function nextDueAt(sql: Sql, tools: readonly string[]): number | undefined {
  const times: number[] = [];
  const deadline = sql(
    "SELECT min(deadline_at) AS at FROM tasks WHERE deadline_at IS NOT NULL AND ended_at IS NULL",
  ).get();
  if (deadline?.["at"] != null) times.push(Number(deadline["at"]));
  for (const tool of tools) {
    for (const priority of prioritiesInUse(sql, tool)) {
      const due = sql(
        "SELECT min(due_at) AS at FROM tasks WHERE tool = ? AND priority = ? AND due_at IS NOT NULL",
      ).get(tool, priority);
      if (due?.["at"] != null) times.push(Number(due["at"]));
    }
  }
  return times.length === 0 ? undefined : Math.min(...times);
}
