import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { newTaskId } from "../task/id.ts";
import type { TaskStatus } from "../task/status.ts";
import type { TaskChange, TaskStore } from "./store.ts";
import { TaskWatches } from "./task-watch.ts";

const [taskId, other] = [newTaskId(1), newTaskId(2)];

/** What a watch needs of a store: those who subscribe, and a way to tell them. */
class Changes {
  readonly listeners = new Set<(change: TaskChange | undefined) => void>();
  subscriptions = 0;
  readonly watches = new TaskWatches(this as unknown as TaskStore);

  subscribe(listener: (change: TaskChange | undefined) => void): () => void {
    this.listeners.add(listener);
    this.subscriptions++;
    return () => this.listeners.delete(listener);
  }

  tell(status: TaskStatus, id = taskId): void {
    for (const listener of this.listeners) listener({ taskId: id, attempt: 1, revision: 1, status });
  }

  tellOfOthers(): void {
    for (const listener of this.listeners) listener(undefined);
  }
}

async function allOf(waits: readonly Promise<void>[]): Promise<void> {
  await Promise.all(waits);
}

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("waiting for a change", () => {
  it("misses none between opening and waiting", async () => {
    const changes = new Changes();
    const watch = changes.watches.open(taskId);
    changes.tell("working");
    expect(await isSettled(watch.changed())).toBe(true);
  });

  it("misses none between two waits, and tells each once", async () => {
    const changes = new Changes();
    const watch = changes.watches.open(taskId);
    const first = watch.changed();
    changes.tell("working");
    await first;
    changes.tell("working");
    changes.tell("working");
    await watch.changed();
    expect(await isSettled(watch.changed())).toBe(false);
  });

  it("is for its own task", async () => {
    const changes = new Changes();
    const waiting = changes.watches.open(taskId).changed();
    changes.tell("completed", other);
    expect(await isSettled(waiting)).toBe(false);
    changes.tell("input_required");
    expect(await isSettled(waiting)).toBe(true);
  });

  it("is told to all who watch the task, whenever they came", async () => {
    const changes = new Changes();
    const waits = [1, 2, 3].map(() => changes.watches.open(taskId).changed());
    changes.tell("working");
    expect(await isSettled(allOf(waits))).toBe(true);
  });

  it("ends when another process has changed something unknown", async () => {
    const changes = new Changes();
    const waits = [taskId, other].flatMap((id) => [
      changes.watches.open(id).changed(),
      changes.watches.open(id).ended(),
    ]);
    changes.tellOfOthers();
    expect(await isSettled(allOf(waits))).toBe(true);
  });
});

describe("waiting for the end", () => {
  it.each<TaskStatus>(["completed", "failed", "cancelled"])(
    "passes over all until it is %s",
    async (status) => {
      const changes = new Changes();
      const ended = changes.watches.open(taskId).ended();
      changes.tell("working");
      changes.tell("input_required");
      expect(await isSettled(ended)).toBe(false);
      changes.tell(status);
      expect(await isSettled(ended)).toBe(true);
    },
  );

  it("does not miss an end that something else followed", async () => {
    const changes = new Changes();
    const watch = changes.watches.open(taskId);
    changes.tell("completed");
    changes.tell("working");
    expect(await isSettled(watch.ended())).toBe(true);
  });
});

describe("a signal", () => {
  it("that is aborted ends the waiting, at once where it was before", async () => {
    const watch = new Changes().watches.open(taskId);
    const controller = new AbortController();
    const waiting = watch.ended(controller.signal);
    expect(await isSettled(waiting)).toBe(false);
    controller.abort();
    expect(await isSettled(waiting)).toBe(true);
    expect(await isSettled(watch.changed(controller.signal))).toBe(true);
  });

  it("that outlives many waits keeps nothing of them", async () => {
    const changes = new Changes();
    const watch = changes.watches.open(taskId);
    const { signal } = new AbortController();
    for (let n = 0; n < 20; n++) {
      const waiting = watch.changed(signal);
      changes.tell("working");
      await waiting;
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("the store's subscription", () => {
  it("is one for all watches, and is held only while somebody watches", () => {
    const changes = new Changes();
    const watches = [taskId, taskId, other].map((id) => changes.watches.open(id));
    expect([changes.subscriptions, changes.listeners.size]).toEqual([1, 1]);
    for (const [n, watch] of watches.entries()) {
      expect(changes.listeners.size, `before ${n} was closed`).toBe(1);
      watch[Symbol.dispose]();
      watch[Symbol.dispose]();
    }
    expect(changes.listeners.size).toBe(0);
    changes.watches.open(taskId);
    expect([changes.subscriptions, changes.listeners.size]).toEqual([2, 1]);
  });

  it("tells nothing to a watch that was closed", async () => {
    const changes = new Changes();
    const [closed, open] = [changes.watches.open(taskId), changes.watches.open(taskId)];
    closed[Symbol.dispose]();
    changes.tell("completed");
    expect(await isSettled(open.ended())).toBe(true);
    expect(await isSettled(closed.ended())).toBe(false);
  });
});
