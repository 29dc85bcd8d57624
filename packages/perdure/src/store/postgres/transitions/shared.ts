/** The few changes that several transitions share. */
import { PerdureError } from "../../../task/errors.ts";
import type { TaskId } from "../../../task/id.ts";
import type { AttemptKey } from "../../store.ts";
import type { LoadedTask } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";

/** The row of a task that has not expired; of another owner's, none. */
export function findTask(
  unit: UnitOfWork,
  taskId: TaskId,
  owner: string | undefined,
): LoadedTask | undefined {
  const task = unit.task(taskId);
  if (task === undefined || (task.expires_at !== null && task.expires_at <= unit.now)) return undefined;
  return owner === undefined || task.owner === owner ? task : undefined;
}

/** Changes a task visibly: its revision rises. */
export function change(
  unit: UnitOfWork,
  taskId: TaskId,
  patch: Partial<LoadedTask>,
  revisions = 1,
): LoadedTask {
  const revision = (unit.task(taskId)?.revision ?? 0) + revisions;
  const row = unit.update(taskId, { ...patch, revision, updated_at: unit.now });
  unit.tell(taskId, row);
  return row;
}

/** The row of the task that this attempt runs. @throws PerdureError `STALE_ATTEMPT` */
export function requireAttempt(unit: UnitOfWork, key: AttemptKey): LoadedTask {
  const task = unit.task(key.taskId);
  if (task?.attempt === key.attempt && task.running === 1 && task.due_at === null) return task;
  throw new PerdureError("STALE_ATTEMPT", {
    message:
      `attempt ${key.attempt} of task ${key.taskId} may write nothing any more: ` +
      `${whyStale(findTask(unit, key.taskId, undefined), key)}.`,
  });
}

/** @throws PerdureError `STALE_ATTEMPT` */
export function changeByAttempt(
  unit: UnitOfWork,
  key: AttemptKey,
  patch: Partial<LoadedTask>,
  revisions = 1,
): LoadedTask {
  requireAttempt(unit, key);
  return change(unit, key.taskId, patch, revisions);
}

function whyStale(row: LoadedTask | undefined, key: AttemptKey): string {
  if (row === undefined) return "there is no such task";
  if (row.ended_at !== null) return `the task is ${row.status}`;
  if (row.attempt > key.attempt) return `attempt ${row.attempt} has begun`;
  if (row.attempt < key.attempt) return "it has not begun";
  return "it has lost its lease or was given back";
}
