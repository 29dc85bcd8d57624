/** Waiting for a task to change, whoever changes it. */
import type { TaskId } from "../task/id.ts";
import { isTerminal } from "../task/status.ts";
import type { TaskChange, TaskStore } from "./store.ts";

/** One subscription of a store, shared by all who watch single tasks, and held only while somebody does. */
export class TaskWatches {
  readonly #store: TaskStore;
  readonly #byTask = new Map<TaskId, Set<TaskWatch>>();
  #unsubscribe: (() => void) | undefined;

  constructor(store: TaskStore) {
    this.#store = store;
  }

  /** Watches from now on. Open it before reading the task, so that no change falls between; and close it. */
  open(taskId: TaskId): TaskWatch {
    const watch = new TaskWatch(() => this.#close(taskId, watch));
    const watches = this.#byTask.get(taskId);
    if (watches === undefined) this.#byTask.set(taskId, new Set([watch]));
    else watches.add(watch);
    this.#unsubscribe ??= this.#store.subscribe((change) => this.#onChange(change));
    return watch;
  }

  #close(taskId: TaskId, watch: TaskWatch): void {
    const watches = this.#byTask.get(taskId);
    watches?.delete(watch);
    if (watches?.size === 0) this.#byTask.delete(taskId);
    if (this.#byTask.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  /** Everybody looks again: nobody knows what has changed, or nothing will change any more. */
  wakeAll(): void {
    for (const watches of this.#byTask.values()) for (const watch of watches) watch.notify(true);
  }

  #onChange(change: TaskChange | undefined): void {
    if (change === undefined) return this.wakeAll();
    const watches = this.#byTask.get(change.taskId);
    if (watches !== undefined) for (const watch of watches) watch.notify(isTerminal(change.status));
  }
}

export class TaskWatch implements Disposable {
  readonly #close: () => void;
  #unseen: "nothing" | "change" | "maybe the end" = "nothing";
  #waiting: { readonly endOnly: boolean; readonly resolve: () => void } | undefined;

  constructor(close: () => void) {
    this.#close = close;
  }

  /** Resolves once something has changed since the watch was opened or this was last called; or on abort. */
  changed(signal?: AbortSignal): Promise<void> {
    return this.#next(false, signal);
  }

  /** Resolves once the task may have ended: look. */
  ended(signal?: AbortSignal): Promise<void> {
    return this.#next(true, signal);
  }

  notify(maybeEnded: boolean): void {
    this.#unseen = maybeEnded || this.#unseen === "maybe the end" ? "maybe the end" : "change";
    if (this.#waiting?.endOnly === true && !maybeEnded) return;
    this.#waiting?.resolve();
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  async #next(endOnly: boolean, signal: AbortSignal | undefined): Promise<void> {
    const enough = endOnly ? this.#unseen === "maybe the end" : this.#unseen !== "nothing";
    if (!enough && signal?.aborted !== true) {
      await new Promise<void>((settle) => {
        const resolve = (): void => {
          signal?.removeEventListener("abort", resolve);
          settle();
        };
        this.#waiting = { endOnly, resolve };
        signal?.addEventListener("abort", resolve);
      });
      this.#waiting = undefined;
    }
    this.#unseen = "nothing";
  }
}
