/** Why the attempt that a process still runs has no business any more: as the record says. */
import type { AttemptKey } from "../store/store.ts";
import { PerdureError } from "../task/errors.ts";
import type { TaskSummary } from "../task/record.ts";

/** `undefined` while the task is the attempt's. */
export function reasonToEnd(task: TaskSummary | undefined, key: AttemptKey): PerdureError | undefined {
  if (task?.status === "cancelled") {
    const why = task.reason === undefined ? "" : `: ${task.reason}`;
    return new PerdureError("CANCELLED", { message: `task ${task.id} was cancelled${why}` });
  }
  if (task?.status === "failed" && task.failure.code === "DEADLINE") {
    return new PerdureError("DEADLINE", { message: task.failure.message });
  }
  if (task === undefined || task.attempt !== key.attempt || task.phase === "ended") return overtaken();
  return undefined;
}

export function overtaken(): PerdureError {
  return new PerdureError("STALE_ATTEMPT", {
    message: "another process or attempt has taken the task over.",
  });
}
