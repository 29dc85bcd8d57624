/** The transitions that a caller asks for: create, cancel, delete. */
import { PerdureError } from "../../task/errors.ts";
import { canonicalJson, decodeJson } from "../../task/json.ts";
import type { TaskRecord } from "../../task/record.ts";
import type {
  CancelOutcome,
  CancelTask,
  CreatedTask,
  CreateTask,
  RejoinKey,
  StopWaiting,
  TaskKey,
} from "../store.ts";
import { sweepArtifacts } from "./artifact-sweeps.ts";
import { endTask } from "./ending.ts";
import { dropDeliveries } from "./outbox.ts";
import { OwnerSlots } from "./owner-slots.ts";
import { isPaused } from "./pausing.ts";
import { asTaskRow, type TaskRow, toRecord, toSummary } from "./rows.ts";
import { appendEvent, changed, findTask, type Transaction, writePayload } from "./transaction.ts";

/** Both events of a task that is begun as it is created, in one statement. */
const createdAndBegun = `
  INSERT INTO events (task_id, revision, at, type, detail)
  VALUES (?, 1, ?, 'created', NULL), (?, 2, ?, 'begun', '{"attempt":1}')`;

/** @param input the encoded `task.input` */
export function createTask(tx: Transaction, task: CreateTask, input: string | undefined): CreatedTask {
  if (task.idempotencyKey !== undefined) {
    const existing = findByIdempotencyKey(tx, task, task.idempotencyKey, input);
    if (existing !== undefined) return { created: false, task: existing };
  }
  const rejoined = rejoin(tx, task, input);
  if (rejoined !== undefined) return { created: false, task: rejoined };
  const row = newRow(tx, task);
  tx.admission.admit(tx, task, row.due_at === tx.now);
  tx.sql(
    `INSERT INTO tasks (id, tool, version, owner, status, attempt, running, errors, crashes, priority, due_at, session,
       idempotency_key, retry_of, created_at, updated_at, deadline_at, ttl_ms, revision, parent_id,
       rejoin_key, waiter, delivery)
     VALUES (?, ?, ?, ?, 'working', ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    row.id,
    row.tool,
    row.version,
    row.owner,
    row.attempt,
    row.running,
    row.priority,
    row.due_at,
    row.session,
    row.idempotency_key,
    row.retry_of,
    row.created_at,
    row.updated_at,
    row.deadline_at,
    row.ttl_ms,
    row.revision,
    row.parent_id,
    task.rejoinKey ?? null,
    task.rejoinKey === undefined ? null : tx.presence.id,
    row.delivery,
  );
  if (input !== undefined) writePayload(tx, row.id, "input", input);
  for (const [name, value] of Object.entries(task.answers ?? {})) {
    tx.sql(
      `INSERT INTO operations (task_id, name, kind, state, attempt, tries, value, recorded_at, revision)
       VALUES (?, ?, 'ask', 'done', 0, 0, ?, ?, 1)`,
    ).run(row.id, name, JSON.stringify(value), tx.now);
  }
  if (row.running === 1) tx.sql(createdAndBegun).run(row.id, tx.now, row.id, tx.now);
  else appendEvent(tx, row.id, 1, { type: "created" });
  tx.due ||= row.running === 0;
  changed(tx, row.id, row);
  return { created: true, task: toRecord(row, input, undefined) };
}

function newRow(tx: Transaction, task: CreateTask): TaskRow {
  const dueAt = Math.max(task.startAt ?? 0, tx.now);
  const begins = task.begin === true && dueAt === tx.now && mayBegin(tx, task);
  return {
    id: task.id,
    tool: task.tool,
    version: task.version ?? "",
    owner: task.owner,
    status: "working",
    attempt: begins ? 1 : 0,
    running: begins ? 1 : 0,
    errors: 0,
    crashes: 0,
    priority: task.priority ?? 0,
    due_at: begins ? null : dueAt,
    progress: null,
    session: task.session === undefined ? null : JSON.stringify(task.session),
    idempotency_key: task.idempotencyKey ?? null,
    retry_of: task.retryOf ?? null,
    failure: null,
    reason: null,
    created_at: tx.now,
    updated_at: tx.now,
    deadline_at: task.deadlineMs === undefined ? null : tx.now + task.deadlineMs,
    ttl_ms: task.ttlMs ?? null,
    ended_at: null,
    expires_at: null,
    revision: begins ? 2 : 1,
    waiter: task.rejoinKey === undefined ? null : tx.presence.id,
    parent_id: task.parentId ?? null,
    artifacts: null,
    delivery: task.delivery === undefined ? null : JSON.stringify(task.delivery),
  };
}

/** Neither past a pause, nor beyond what its owner may have running, nor before what its owner has queued. */
function mayBegin(
  tx: Transaction,
  { tool, version = "", priority = 0, owner, slotsPerOwner }: CreateTask,
): boolean {
  if (isPaused(tx.sql, tool)) return false;
  if (slotsPerOwner === undefined) return true;
  const slots = new OwnerSlots(tx.sql, slotsPerOwner.inAll);
  if (!slots.mayTake(owner, { tool, slotsPerOwner: slotsPerOwner.tool })) return false;
  const queued = tx.sql.values(
    `SELECT 1 FROM tasks INDEXED BY tasks_turns
     WHERE tool = ? AND version = ? AND priority = ? AND owner = ? AND due_at <= ? LIMIT 1`,
  );
  return queued(tool, version, priority, owner, tx.now) === undefined;
}

function findByIdempotencyKey(tx: Transaction, task: CreateTask, key: string, input: string | undefined) {
  const found = tx
    .sql("SELECT * FROM tasks WHERE owner = ? AND tool = ? AND idempotency_key = ?")
    .get(task.owner, task.tool, key);
  if (found === undefined) return undefined;
  const row = asTaskRow(found);
  if (row.expires_at !== null && row.expires_at <= tx.now) {
    deleteRows(tx, row);
    return undefined;
  }
  const [firstInput, result] = [readPayload(tx, row, "input"), readPayload(tx, row, "result")];
  if (canonicalJson(decodeJson(firstInput)) !== canonicalJson(decodeJson(input))) {
    throw new PerdureError("IDEMPOTENCY_CONFLICT", {
      message:
        `the idempotency key ${JSON.stringify(key)} of tool ${task.tool} already names task ${row.id}, which was ` +
        `created with another input. Use another key, or the same input.`,
    });
  }
  return toRecord(row, firstInput, result);
}

function rejoin(tx: Transaction, task: CreateTask, input: string | undefined): TaskRecord | undefined {
  if (task.rejoinKey === undefined) return undefined;
  const lost = equalCalls(tx, { ...task, rejoinKey: task.rejoinKey }).find((row) => !isAwaitedRow(tx, row));
  if (lost === undefined) return undefined;
  tx.sql("UPDATE tasks SET waiter = ? WHERE id = ?").run(tx.presence.id, lost.id);
  return toRecord(lost, input, undefined);
}

/** Whether a call that is still there waits for such a task. */
export function isAwaited(tx: Transaction, key: RejoinKey): boolean {
  return equalCalls(tx, key).some((row) => isAwaitedRow(tx, row));
}

function equalCalls({ sql }: Transaction, { rejoinKey, owner, tool }: RejoinKey): TaskRow[] {
  return sql(
    "SELECT * FROM tasks WHERE rejoin_key = ? AND owner = ? AND tool = ? AND ended_at IS NULL ORDER BY id",
  )
    .all(rejoinKey, owner, tool)
    .map(asTaskRow);
}

function isAwaitedRow(tx: Transaction, { waiter }: TaskRow): boolean {
  return waiter !== null && !tx.presence.isGone(waiter);
}

export function stopWaiting(tx: Transaction, { taskId, caller }: StopWaiting): void {
  const key = caller === "told" ? "NULL" : "rejoin_key";
  tx.sql(`UPDATE tasks SET waiter = NULL, rejoin_key = ${key} WHERE id = ? AND rejoin_key IS NOT NULL`).run(
    taskId,
  );
}

function readPayload(tx: Transaction, row: TaskRow, kind: "input" | "result"): string | undefined {
  const payload = tx.sql("SELECT value FROM payloads WHERE task_id = ? AND kind = ?").get(row.id, kind);
  return payload?.["value"] as string | undefined;
}

export function cancelTask(tx: Transaction, request: CancelTask): CancelOutcome | undefined {
  const row = findTask(tx.sql, tx.now, request.taskId, request.owner);
  if (row === undefined) return undefined;
  if (row.ended_at !== null) return { cancelled: false, task: toSummary(row) };
  const { reason, byCaller } = request;
  endTask(tx, row.id, { type: "cancelled", ...(reason !== undefined && { reason }) }, byCaller);
  const after = findTask(tx.sql, tx.now, row.id, undefined) ?? row;
  return { cancelled: true, task: toSummary(after) };
}

export function deleteTask(tx: Transaction, key: TaskKey): boolean {
  const row = findTask(tx.sql, tx.now, key.taskId, key.owner);
  if (row === undefined) return false;
  if (row.ended_at === null) {
    throw new PerdureError("TASK_NOT_ENDED", {
      message: `task ${row.id} is ${row.status}: only an ended task can be deleted. Cancel it first.`,
    });
  }
  deleteRows(tx, row);
  changed(tx, row.id, { ...row, revision: row.revision + 1 });
  return true;
}

export function deleteRows(tx: Transaction, row: Pick<TaskRow, "id" | "artifacts">): void {
  sweepArtifacts(tx, row.id, row);
  tx.sql("DELETE FROM payloads WHERE task_id = ?").run(row.id);
  tx.sql("DELETE FROM operations WHERE task_id = ?").run(row.id);
  tx.sql("DELETE FROM events WHERE task_id = ?").run(row.id);
  tx.sql("DELETE FROM signals WHERE task_id = ?").run(row.id);
  dropDeliveries(tx, row.id);
  tx.sql("DELETE FROM tasks WHERE id = ?").run(row.id);
}
