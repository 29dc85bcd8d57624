/** The transitions that the engine and the executor ask for: begin, deadlines, expiry, take-over. */
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { BeginTask, NextDue } from "../store.ts";
import { endTask } from "./ending.ts";
import { groupsInUse } from "./groups.ts";
import { isPaused, pausedTools } from "./pausing.ts";
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
        `UPDATE tasks SET attempt = attempt + 1, running = 1, due_at = NULL, backs_off = 0, revision = revision + 1, updated_at = ?
         WHERE id = ? RETURNING *`,
      )
      .get(tx.now, taskId) ?? {},
  );
  appendEvent(tx, taskId, row.revision, { type: "begun", attempt: row.attempt });
  changed(tx, taskId, row);
  tx.admission.departed();
  const input = tx.sql("SELECT value FROM payloads WHERE task_id = ? AND kind = 'input'").get(taskId);
  return toRecord(row, input?.["value"] as string | undefined, undefined);
}

/** As `beginTask`, of a task whose tool may be paused. */
export function beginUnlessPaused(tx: Transaction, request: BeginTask): TaskRecord | undefined {
  const row = tx.sql.values("SELECT tool FROM tasks WHERE id = ?")(request.taskId);
  return row === undefined || isPaused(tx.sql, row[0] as string) ? undefined : beginTask(tx, request);
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

/** Makes due what a dead process was running. Only for the process that has just become the one that executes. */
export function recoverRunning(tx: Transaction): void {
  tx.sql("UPDATE tasks SET due_at = ? WHERE running = 1 AND due_at IS NULL").run(tx.now);
}

/** When the next task of these tools, or any deadline, is due. */
export function nextDueAt(sql: Sql, { tools, versions = {}, after = -1 }: NextDue): number | undefined {
  const times: number[] = [];
  const deadline = sql(
    "SELECT min(deadline_at) AS at FROM tasks WHERE deadline_at IS NOT NULL AND ended_at IS NULL",
  ).get();
  if (deadline?.["at"] != null) times.push(Number(deadline["at"]));
  const paused = new Set(pausedTools(sql).map(({ tool }) => tool));
  for (const tool of tools) {
    if (paused.has(tool)) continue;
    for (const { version, priority } of groupsInUse(sql, tool)) {
      if (versions[tool]?.includes(version) === false) continue;
      const due = sql.values(
        `SELECT min(due_at) FROM tasks INDEXED BY tasks_due
         WHERE tool = ? AND version = ? AND priority = ? AND due_at > ?`,
      )(tool, version, priority, after);
      if (due?.[0] != null) times.push(Number(due[0]));
    }
  }
  return times.length === 0 ? undefined : Math.min(...times);
}
