/** Creating a task, or finding the one that is meant. */
import { PerdureError } from "../../../task/errors.ts";
import { canonicalJson, decodeJson } from "../../../task/json.ts";
import type { TaskRecord } from "../../../task/record.ts";
import { toRecord } from "../../sqlite/rows.ts";
import type { CreatedTask, CreateTask } from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import { type Count, Missing, nameOfCount, type Needs } from "../needs.ts";
import type { LoadedTask, TaskRow } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";

/** @param input the encoded `task.input` */
export function createTask(task: CreateTask, input: string | undefined): Transition<CreatedTask> {
  return {
    needs: needsOf(task),
    needsIfTaken: { tasks: [task.id] },
    decide: (unit) => create(unit, task, input),
  };
}

/** What creating such a task has to see: most have no key, and need nothing. */
export function needsOf({ owner, tool, idempotencyKey, rejoinKey }: CreateTask): Needs {
  return {
    ...(idempotencyKey !== undefined && { idempotencyKeys: [{ owner, tool, key: idempotencyKey }] }),
    ...(rejoinKey !== undefined && { rejoinKeys: [{ owner, tool, key: rejoinKey }] }),
  };
}

export function create(unit: UnitOfWork, task: CreateTask, input: string | undefined): CreatedTask {
  const existing = byIdempotencyKey(unit, task, input) ?? rejoin(unit, task);
  if (existing !== undefined) return { created: false, task: existing };
  if (unit.task(task.id) !== undefined) {
    throw new PerdureError("INVALID_OPTION", {
      message: `there is a task ${task.id} already: the id of a new task must be new.`,
    });
  }
  const row = newRow(unit, task);
  unit.admission.admit(unit, task, row.due_at === unit.now);
  unit.insert(row);
  if (input !== undefined) unit.putPayload(row.id, "input", input);
  for (const [name, value] of Object.entries(task.answers ?? {})) {
    unit.putOperation({
      task_id: row.id,
      name,
      kind: "ask",
      state: "done",
      attempt: 0,
      tries: 0,
      value: JSON.stringify(value),
      recorded_at: unit.now,
      revision: 1,
      wait: null,
      wake_at: null,
      question_key: null,
      child_id: null,
      child_asks: 0,
      asking: null,
    });
  }
  unit.event(row.id, 1, { type: "created" });
  if (row.running === 1) {
    unit.event(row.id, 2, { type: "begun", attempt: 1 });
    // As it counts for the next of its owner.
    for (const tool of [undefined, task.tool])
      unit.take(nameOfCount({ of: "running", owner: task.owner, tool }), 1);
  } else {
    unit.take(nameOfCount(queuedOf(task)), 1);
    unit.wakeExecutor();
  }
  unit.tell(row.id, row);
  return { created: true, task: toRecord(row, input, undefined) };
}

function newRow(unit: UnitOfWork, task: CreateTask): TaskRow {
  const dueAt = Math.max(task.startAt ?? 0, unit.now);
  const begins = task.begin === true && dueAt === unit.now && mayBegin(unit, task);
  return {
    id: task.id,
    tool: task.tool,
    owner: task.owner,
    status: "working",
    attempt: begins ? 1 : 0,
    running: begins ? 1 : 0,
    errors: 0,
    crashes: 0,
    priority: task.priority ?? 0,
    due_at: begins ? null : dueAt,
    backs_off: 0,
    progress: null,
    session: task.session === undefined ? null : JSON.stringify(task.session),
    idempotency_key: task.idempotencyKey ?? null,
    retry_of: task.retryOf ?? null,
    failure: null,
    reason: null,
    created_at: unit.now,
    updated_at: unit.now,
    deadline_at: task.deadlineMs === undefined ? null : unit.now + task.deadlineMs,
    ttl_ms: task.ttlMs ?? null,
    ended_at: null,
    expires_at: null,
    revision: begins ? 2 : 1,
    waiter: task.rejoinKey === undefined ? null : unit.process,
    rejoin_key: task.rejoinKey ?? null,
    parent_id: task.parentId ?? null,
    process: begins ? unit.process : null,
    version: task.version ?? "",
    log_lines: 0,
    artifacts: null,
    delivery: task.delivery === undefined ? null : JSON.stringify(task.delivery),
    stamp: unit.stamp,
  };
}

/** Neither past a pause, nor beyond what its owner may have running, nor before what its owner has queued. */
function mayBegin(unit: UnitOfWork, task: CreateTask): boolean {
  const { tool, owner, slotsPerOwner } = task;
  if (slotsPerOwner !== undefined) {
    for (const [ofTool, most] of [
      [undefined, slotsPerOwner.inAll],
      [tool, slotsPerOwner.tool],
    ] as const) {
      if (most !== undefined && counted(unit, { of: "running", owner, tool: ofTool, max: most }) >= most)
        return false;
    }
    if (counted(unit, queuedOf(task)) > 0) return false;
  }
  return unit.mayBegin(tool);
}

function queuedOf({ tool, version = "", priority = 0, owner }: CreateTask): Count {
  return { of: "queued", owner, tool, version, priority, max: 1 };
}

function counted(unit: UnitOfWork, count: Count): number {
  return unit.count(count) + unit.takenOf(nameOfCount(count));
}

function byIdempotencyKey(
  unit: UnitOfWork,
  task: CreateTask,
  input: string | undefined,
): TaskRecord | undefined {
  const { idempotencyKey: key, owner, tool } = task;
  if (key === undefined) return undefined;
  const [row] = unit.find(
    (other) => other.idempotency_key === key && other.owner === owner && other.tool === tool,
  );
  if (row === undefined) return undefined;
  if (row.expires_at !== null && row.expires_at <= unit.now) {
    throw new Missing({ expired: [row.id] });
  }
  const [firstInput, result] = [unit.payload(row.id, "input"), unit.payload(row.id, "result")];
  if (canonicalJson(decodeJson(firstInput)) !== canonicalJson(decodeJson(input))) {
    throw new PerdureError("IDEMPOTENCY_CONFLICT", {
      message:
        `the idempotency key ${JSON.stringify(key)} of tool ${tool} already names task ${row.id}, which was ` +
        `created with another input. Use another key, or the same input.`,
    });
  }
  return toRecord(row, firstInput, result);
}

function rejoin(unit: UnitOfWork, { rejoinKey, owner, tool }: CreateTask): TaskRecord | undefined {
  if (rejoinKey === undefined) return undefined;
  const lost = unit
    .find((other) => isEqualCall(other, { rejoinKey, owner, tool }))
    .find((row) => !isAwaited(row));
  if (lost === undefined) return undefined;
  unit.update(lost.id, { waiter: unit.process, waiter_here: true });
  return toRecord(lost, unit.payload(lost.id, "input"), undefined);
}

function isEqualCall(
  row: LoadedTask,
  call: { readonly rejoinKey: string; readonly owner: string; readonly tool: string },
): boolean {
  return (
    row.rejoin_key === call.rejoinKey &&
    row.owner === call.owner &&
    row.tool === call.tool &&
    row.ended_at === null
  );
}

/** Whether the process whose call waits for it is there. */
function isAwaited(row: LoadedTask): boolean {
  return row.waiter !== null && row.waiter_here;
}
