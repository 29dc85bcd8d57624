/** What else a caller asks for: cancel, delete, no longer to wait. */
import { PerdureError } from "../../../task/errors.ts";
import { toSummary } from "../../sqlite/rows.ts";
import type { CancelOutcome, CancelTask, StopWaiting, TaskKey } from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import { endTask } from "./ending.ts";
import { findTask } from "./shared.ts";

export function cancelTask(request: CancelTask): Transition<CancelOutcome | undefined> {
  const { taskId, owner, reason, byCaller } = request;
  return {
    needs: { tasks: [taskId] },
    decide: (unit) => {
      const row = findTask(unit, taskId, owner);
      if (row === undefined) return undefined;
      if (row.ended_at !== null) return { cancelled: false, task: toSummary(row) };
      endTask(unit, taskId, { type: "cancelled", ...(reason !== undefined && { reason }) }, byCaller);
      return { cancelled: true, task: toSummary(unit.task(taskId) ?? row) };
    },
  };
}

export function deleteTask({ taskId, owner }: TaskKey): Transition<boolean> {
  return {
    needs: { tasks: [taskId] },
    decide: (unit) => {
      const row = findTask(unit, taskId, owner);
      if (row === undefined) return false;
      if (row.ended_at === null) {
        throw new PerdureError("TASK_NOT_ENDED", {
          message: `task ${row.id} is ${row.status}: only an ended task can be deleted. Cancel it first.`,
        });
      }
      unit.delete(row.id);
      if (row.artifacts !== null) unit.sweep(row.id);
      unit.tell(row.id, { ...row, revision: row.revision + 1 });
      return true;
    },
  };
}

export function stopWaiting({ taskId, caller }: StopWaiting): Transition<void> {
  return {
    needs: { tasks: [taskId] },
    decide: (unit) => {
      const row = unit.task(taskId);
      if (row?.rejoin_key == null) return;
      unit.update(taskId, { waiter: null, ...(caller === "told" && { rejoin_key: null }) });
    },
  };
}
