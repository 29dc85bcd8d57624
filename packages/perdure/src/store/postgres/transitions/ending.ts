/**
 * The end of a task: its row, its event, and what others had to do with it. A parent that waits for it has its result
 * or failure, and its own open children end with it, all in one commit.
 */
import type { Failure } from "../../../task/failure.ts";
import type { TaskId } from "../../../task/id.ts";
import type { TimelineEntry } from "../../../task/record.ts";
import type { TerminalStatus } from "../../../task/status.ts";
import type { AttemptKey } from "../../store.ts";
import type { LoadedTask } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { deliverEnd } from "./outbox.ts";
import { change, requireAttempt } from "./shared.ts";
import { resolveOperation, wake } from "./waking.ts";

/** What ends a task, and what its timeline then says. */
export type Ending = Extract<TimelineEntry, { readonly type: TerminalStatus }>;

/** Ends a task by its attempt. @throws PerdureError `STALE_ATTEMPT` */
export function endByAttempt(unit: UnitOfWork, key: AttemptKey, ending: Ending): void {
  requireAttempt(unit, key);
  endTask(unit, key.taskId, ending);
}

/** Ends a task that is open, whatever it does: the caller has checked. */
export function endTask(unit: UnitOfWork, taskId: TaskId, ending: Ending, byCaller = false): void {
  unit.requireFamily(taskId);
  const ttl = unit.task(taskId)?.ttl_ms ?? null;
  const row = change(unit, taskId, {
    status: ending.type,
    failure: ending.type === "failed" ? JSON.stringify(ending.failure) : null,
    // As JSON: a database refuses a NUL in plain text, and a driver changes an unpaired surrogate.
    reason: ending.type === "cancelled" && ending.reason !== undefined ? JSON.stringify(ending.reason) : null,
    running: 0,
    due_at: null,
    rejoin_key: null,
    process: null,
    ended_at: unit.now,
    expires_at: ttl === null ? null : unit.now + ttl,
  });
  if (row.artifacts !== null) unit.sweep(taskId);
  deliverEnd(unit, row, byCaller);
  unit.event(taskId, row.revision, ending);
  unit.depart();
  settleCalls(unit, taskId);
  for (const child of unit.find((other) => other.parent_id === taskId && other.ended_at === null)) {
    if (!adopted(unit, child.id)) {
      endTask(unit, child.id, { type: "cancelled", reason: `its parent ${taskId} has ended` });
    }
  }
}

/** A child that another open task waits for too, by its idempotency key, is that one's from now on. */
function adopted(unit: UnitOfWork, childId: TaskId): boolean {
  const [waiting] = unit.findOperations(
    ({ child_id, state, task_id }) =>
      child_id === childId && state === "open" && unit.task(task_id)?.ended_at === null,
  );
  if (waiting === undefined) return false;
  unit.update(childId, { parent_id: waiting.task_id });
  // Whoever is about to end the new parent has to look again.
  unit.update(waiting.task_id, { family: true });
  return true;
}

/** Gives the calls that wait for an ended task its result, or its failure. */
export function settleCalls(unit: UnitOfWork, childId: TaskId): void {
  const calls = unit.findOperations(({ child_id, state }) => child_id === childId && state === "open");
  const child = unit.task(childId);
  if (calls.length === 0 || child === undefined) return;
  if (calls.some(({ child_asks }) => child_asks === 1)) unit.dropAskedBy(childId);
  const completed = child.status === "completed";
  const value = completed ? (unit.payload(childId, "result") ?? null) : JSON.stringify(childFailure(child));
  for (const row of calls) {
    const asked = row.child_asks === 1;
    resolveOperation(unit, row, completed ? "done" : "failed", value);
    wake(unit, row.task_id, asked ? "ask" : "call");
  }
}

function childFailure(child: LoadedTask): Failure {
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
