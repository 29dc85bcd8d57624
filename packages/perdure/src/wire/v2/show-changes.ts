/**
 * What one task shows to a listener, in the order of its changes, until it ends.
 *
 * A status and a question are shown at once. Progress is shown at most twice a second, always the latest: it is a message for people.
 * Changes are told apart by the record's revision; times are too coarse for that (two changes in one millisecond once
 * lost an end).
 */
import type { TaskId } from "../../task/id.ts";
import type { JsonObject, JsonValue } from "../../task/json.ts";
import type { Service } from "../service.ts";
import type { Askable } from "./envelope.ts";
import { detailedTask } from "./task-view.ts";

const progressIntervalMs = 500;

export interface Showing {
  readonly taskId: TaskId;
  readonly owner: string;
  readonly askable: Askable;
  readonly until: AbortSignal;
  readonly show: (task: JsonObject) => void;
}

/** Resolves once the task has ended, is gone, or `until` is aborted. */
export async function showChanges(service: Service, showing: Showing): Promise<void> {
  const { taskId, owner, askable, until, show } = showing;
  const { store, clock, watches } = service.runtime;
  using watch = watches.open(taskId);
  let seen = -1;
  let shown: JsonObject | undefined;
  let quietUntil = 0;
  const isOver = (): boolean => until.aborted;
  while (!isOver()) {
    const task = await store.summary({ taskId, owner });
    if (task === undefined || isOver()) return;
    const mayShow =
      task.status === "input_required" || task.status !== shown?.["status"] || clock.now() >= quietUntil;
    if (task.revision > seen && mayShow) {
      const detailed = await detailedTask(service, task, askable);
      if (detailed === undefined) return;
      seen = task.revision;
      if (differs(detailed, shown)) {
        show(detailed);
        shown = detailed;
        quietUntil = clock.now() + progressIntervalMs;
      }
    }
    if (task.phase === "ended") return service.runtime.endGiven(task);
    if (task.revision > seen) await changedWithin(quietUntil - clock.now());
    else await watch.changed(until);
  }

  /** There is progress that was not shown yet: it is, when the quiet time ends. */
  async function changedWithin(ms: number): Promise<void> {
    const over = new AbortController();
    const timer = clock.after(Math.max(0, ms), () => over.abort());
    await watch.changed(AbortSignal.any([until, over.signal]));
    timer.cancel();
  }
}

/** Log lines and recorded operations change a task, and nothing that is shown here. */
function differs(now: JsonObject, before: JsonObject | undefined): boolean {
  return ["status", "statusMessage", "inputRequests"].some((field) => !isSame(now[field], before?.[field]));
}

function isSame(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
