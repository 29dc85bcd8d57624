/** Resolving an open wait, and waking the task that stands at it. */
import type { TaskId } from "../../../task/id.ts";
import type { OperationRow } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { change } from "./shared.ts";

export function resolveOperation(
  unit: UnitOfWork,
  row: OperationRow,
  state: "done" | "failed",
  value: string | null,
): void {
  if (row.state !== "open") return;
  unit.putOperation({
    ...row,
    state,
    value,
    wait: null,
    wake_at: null,
    question_key: null,
    child_id: null,
    child_asks: 0,
    recorded_at: unit.now,
  });
}

/**
 * Something that an open task waits for has happened: parked, it is due; running, its attempt looks again; kept back by
 * a retry, it sees it when its time has come.
 * @param resolved what kind of wait: the end of a question may change the task's status
 */
export function wake(
  unit: UnitOfWork,
  taskId: TaskId,
  resolved: "ask" | "call" | "signal",
  event?: (revision: number) => void,
): void {
  const task = unit.task(taskId);
  if (task === undefined || task.ended_at !== null) return;
  const parked = task.running === 0 && task.attempt > 0 && task.backs_off === 0;
  const row = change(unit, taskId, {
    due_at: parked ? unit.now : task.due_at,
    ...(resolved === "ask" && { status: unit.statusOf(taskId) }),
  });
  event?.(row.revision);
  if (parked) unit.wakeExecutor();
  if (resolved === "ask") tellCallers(unit, taskId);
}

/**
 * What a task asks has changed. Whoever waits for it is `input_required` with it, up to the first caller: that one's
 * client is the only one there is to be asked.
 */
export function tellCallers(unit: UnitOfWork, taskId: TaskId): void {
  unit.requireCallers(taskId);
  const asks = unit.task(taskId)?.status === "input_required" ? 1 : 0;
  const calls = unit.findOperations(({ child_id, state }) => child_id === taskId && state === "open");
  for (const row of calls) unit.putOperation({ ...row, child_asks: asks });
  for (const callerId of new Set(calls.map(({ task_id }) => task_id))) {
    if (unit.task(callerId)?.ended_at !== null) continue;
    change(unit, callerId, { status: unit.statusOf(callerId) });
    tellCallers(unit, callerId);
  }
}
