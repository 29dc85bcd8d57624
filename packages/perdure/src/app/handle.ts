/** One task, as the program that submitted it holds it. */
import type { Runtime } from "../engine/runtime.ts";
import { PerdureError, quote, TaskError } from "../task/errors.ts";
import type { PendingDelivery } from "../store/deliveries.ts";
import type { TaskId } from "../task/id.ts";
import type { Progress, TaskSummary, TimelineEvent } from "../task/record.ts";

/** What `watch` tells: the timeline of the task, and its progress. */
export type TaskEvent = TimelineEvent | ({ readonly type: "progress" } & Progress);

export type TaskView = TaskSummary & {
  /** Why an open task that is due does not run. */
  readonly waiting?: string;
  /** What of it waits to be delivered, where something does; what became of its end is in `delivery`. */
  readonly deliveries?: readonly PendingDelivery[];
};

export class TaskHandle<Result = unknown> {
  readonly id: TaskId;
  readonly #owner: string | undefined;
  readonly #runtime: Runtime;

  constructor(id: TaskId, owner: string | undefined, runtime: Runtime) {
    this.id = id;
    this.#owner = owner;
    this.#runtime = runtime;
  }

  /** @throws PerdureError `TASK_NOT_FOUND`: unknown, expired, or another owner's. */
  async status(): Promise<TaskView> {
    const task = await this.#summary();
    const waiting = task.phase === "queued" ? await this.#runtime.waitingFor(task) : undefined;
    // Of a task without a delivery nothing waits, and that costs nothing.
    const deliveries =
      task.delivery === undefined ? [] : await this.#runtime.store.deliveries.pending({ taskId: this.id });
    if (waiting === undefined && deliveries.length === 0) return task;
    return {
      ...task,
      ...(waiting !== undefined && { waiting }),
      ...(deliveries.length > 0 && { deliveries }),
    };
  }

  /**
   * What the handler returned, once it has.
   * @throws TaskError when the task failed or was cancelled, with what the handler threw as `failure`.
   * @throws PerdureError `TASK_NOT_FOUND`
   */
  async result(): Promise<Result> {
    const recorded = await this.#runtime.engine.resultOf(this.#key());
    if (recorded !== undefined) return recorded.result as Result;
    using watch = this.#runtime.watches.open(this.id);
    if ((await this.#summary()).phase !== "ended") await watch.ended();
    let task = await this.#runtime.store.get(this.#key());
    for (; task !== undefined && task.phase !== "ended"; task = await this.#runtime.store.get(this.#key())) {
      await watch.ended(); // others have changed something, but not this
    }
    if (task === undefined) throw notFound(this.id);
    switch (task.status) {
      case "completed":
        return task.result as Result;
      case "failed":
        throw new TaskError(task, task.failure, task.failure.message);
      case "cancelled":
        throw new TaskError(task, undefined, `task ${task.id} was cancelled${reasonOf(task.reason)}`);
    }
  }

  /**
   * Ends the task, at once: whatever its handler still does, it can write nothing any more. False when it had already
   * ended. @throws PerdureError `TASK_NOT_FOUND`
   */
  async cancel(reason?: string): Promise<boolean> {
    const outcome = await this.#runtime.store.cancel({ ...this.#key(), reason });
    if (outcome === undefined) throw notFound(this.id);
    return outcome.cancelled;
  }

  /** The whole timeline from the beginning, then what happens as it happens; the last event is the end of the task. */
  async *watch(): AsyncGenerator<TaskEvent, void, undefined> {
    using watch = this.#runtime.watches.open(this.id);
    let revision = 0;
    let told: string | undefined;
    for (;;) {
      const events = await this.#runtime.store.timeline({ taskId: this.id, after: revision });
      // Read after the events: beside the last one it has the last progress.
      const task = await this.#summary();
      const progress = JSON.stringify(task.progress);
      for (const event of events) {
        const last = event.type === "completed" || event.type === "failed" || event.type === "cancelled";
        if (last && task.progress !== undefined && progress !== told)
          yield { type: "progress", ...task.progress };
        revision = event.revision;
        yield event;
        if (last) return;
      }
      // One reading has a bounded number of events: only an empty one says that nothing is left.
      if (events.length > 0) continue;
      if (task.progress !== undefined && progress !== told) {
        told = progress;
        yield { type: "progress", ...task.progress };
      }
      if (task.phase !== "ended") await watch.changed();
    }
  }

  async #summary(): Promise<TaskSummary> {
    const task = await this.#runtime.store.summary(this.#key());
    if (task === undefined) throw notFound(this.id);
    return task;
  }

  #key(): { readonly taskId: TaskId; readonly owner: string | undefined } {
    return { taskId: this.id, owner: this.#owner };
  }
}

/** The same for a task that never was, has expired, or belongs to somebody else. */
export function notFound(id: string): PerdureError {
  return new PerdureError("TASK_NOT_FOUND", {
    message: `there is no task ${id}: it never was, it has expired, or it belongs to somebody else.`,
  });
}

/** As {@link notFound}: who may not see the task learns nothing of what it left. */
export function noArtifact(id: string, name: string): PerdureError {
  return new PerdureError("TASK_NOT_FOUND", {
    message: `there is no artifact ${quote(name)} of a task ${id}: it never was, the task has expired, or belongs to somebody else.`,
  });
}

function reasonOf(reason: string | undefined): string {
  return reason === undefined ? "." : `: ${reason}`;
}
