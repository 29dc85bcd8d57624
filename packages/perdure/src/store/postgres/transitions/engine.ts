/** The transitions that the engine asks for: begin, deadlines. */
import type { Failure } from "../../../task/failure.ts";
import type { TaskId } from "../../../task/id.ts";
import type { TaskRecord } from "../../../task/record.ts";
import { toRecord } from "../../sqlite/rows.ts";
import type { BeginTask } from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import { endTask } from "./ending.ts";
import { change } from "./shared.ts";

export function beginTask({ taskId, maxCrashes }: BeginTask): Transition<TaskRecord | undefined> {
  return {
    needs: { values: [taskId] },
    decide: (unit) => {
      const due = unit.task(taskId);
      if (due?.due_at == null || due.due_at > unit.now) return undefined;
      if (!unit.mayBegin(due.tool)) return undefined;
      if (due.running === 1) {
        const revision = due.revision + 1;
        unit.update(taskId, { running: 0, process: null, crashes: due.crashes + 1, revision });
        unit.event(taskId, revision, { type: "crashed", attempt: due.attempt });
        if (due.crashes + 1 > maxCrashes) {
          endTask(unit, taskId, { type: "failed", failure: crashLoop(due.crashes + 1) });
          return undefined;
        }
      }
      const row = change(unit, taskId, {
        attempt: due.attempt + 1,
        running: 1,
        due_at: null,
        backs_off: 0,
        process: unit.process,
      });
      unit.depart();
      unit.event(taskId, row.revision, { type: "begun", attempt: row.attempt });
      return toRecord(row, unit.payload(taskId, "input"), undefined);
    },
  };
}

export function crashLoop(crashes: number): Failure {
  return {
    code: "CRASH_LOOP",
    name: "CrashLoop",
    message:
      `the process died ${crashes} times in a row while this task ran, with nothing newly recorded in between. ` +
      `Look for what kills it (out of memory, process.exit, a native module), or raise maxCrashes.`,
    retryable: false,
  };
}

/** Returns how many it has ended; the end of a parent, just now, may have been the child's own. */
export function failOverdue(taskIds: readonly TaskId[]): Transition<number> {
  return {
    needs: { tasks: taskIds },
    decide: (unit) => {
      let ended = 0;
      for (const taskId of taskIds) {
        const task = unit.task(taskId);
        if (task?.deadline_at == null) continue;
        if (task.ended_at !== null || task.deadline_at > unit.now) continue;
        const failure: Failure = {
          code: "DEADLINE",
          name: "DeadlineExceeded",
          message: `the task did not end within its deadline of ${task.deadline_at - task.created_at} ms after its creation.`,
          retryable: false,
        };
        endTask(unit, taskId, { type: "failed", failure });
        ended++;
      }
      return ended;
    },
  };
}
