/** The number of the attempt is the fencing token: whoever lost the task can write nothing more to it. */
import type { AttemptKey, TaskStore } from "../../store/store.ts";
import { newTaskId } from "../../task/id.ts";
import { leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

type Transition = (store: TaskStore, key: AttemptKey) => Promise<unknown>;

/** Every transition by an attempt. */
const transitions: Readonly<Record<string, Transition>> = {
  "recordOperation done": (store, key) =>
    store.recordOperation({ ...key, name: "late", kind: "step", state: "done", value: 1 }),
  "recordOperation failed": (store, key) =>
    store.recordOperation({ ...key, name: "late", kind: "step", state: "failed", failure: failure() }),
  "recordOperation attempted": (store, key) =>
    store.recordOperation({ ...key, name: "late", kind: "step", state: "attempted", tries: 1, delayMs: 0 }),
  saveState: (store, key) => store.saveState({ ...key, state: { late: true } }),
  "saveState of bytes": (store, key) => store.saveState({ ...key, state: new Uint8Array([1]) }),
  "report of progress": (store, key) => store.report({ ...key, progress: { done: 99 } }),
  "report of a log line": (store, key) =>
    store.report({ ...key, logs: [{ level: "info", message: "late" }] }),
  complete: (store, key) => store.complete({ ...key, result: "late" }),
  fail: (store, key) => store.fail({ ...key, failure: failure() }),
  retry: (store, key) => store.retry({ ...key, failure: failure(), delayMs: 0 }),
  release: (store, key) => store.release(key),
};

/** All of them are refused to this attempt, and nothing changes. */
async function allRefused(h: ContractHarness, key: AttemptKey): Promise<void> {
  for (const [name, transition] of Object.entries(transitions)) {
    await leavesUnchanged(
      h,
      key.taskId,
      () => refuses("STALE_ATTEMPT", () => transition(h.store, key), name),
      name,
    );
  }
}

export const fencingCases = [
  ...casesOf("fencing: no transition by an attempt", {
    async "after it completed"(h) {
      await allRefused(h, await h.completed());
    },

    async "after it failed"(h) {
      await allRefused(h, await h.failed());
    },

    async "after the task was cancelled"(h) {
      await allRefused(h, await h.cancelled());
    },

    async "after the deadline failed the task"(h) {
      const key = await h.running({ deadlineMs: 1_000 });
      await h.clock.advance(1_001);
      await h.store.failOverdue({ limit: 10 });
      await allRefused(h, key);
    },

    async "after it gave way to a retry that waits"(h) {
      const key = await h.running();
      await h.store.retry({ ...key, failure: failure(), delayMs: 1_000 });
      await allRefused(h, key);
    },

    async "after it was released"(h) {
      const key = await h.running();
      await h.store.release(key);
      await allRefused(h, key);
    },

    async "after a newer attempt began"(h) {
      const key = await h.running();
      await h.store.retry({ ...key, failure: failure(), delayMs: 0 });
      await h.beginAgain(key.taskId);
      await allRefused(h, key);
    },

    async "after a newer attempt ended the task"(h) {
      const key = await h.running();
      await h.store.release(key);
      await h.store.complete({ ...(await h.beginAgain(key.taskId)), result: "in time" });
      await allRefused(h, key);
    },

    async "that has not begun"(h) {
      const { id } = await h.create();
      await allRefused(h, { taskId: id, attempt: 0 });
      await allRefused(h, { taskId: id, attempt: 1 });
    },

    async "with the number of a later one"(h) {
      const { taskId, attempt } = await h.running();
      await allRefused(h, { taskId, attempt: attempt + 1 });
    },

    async "with a number that is none"(h) {
      const { taskId } = await h.running();
      for (const attempt of [-1, 0, 1.5, Number.NaN]) {
        await leavesUnchanged(h, taskId, () =>
          refuses("STALE_ATTEMPT", () => h.store.complete({ taskId, attempt, result: "late" })),
        );
      }
    },

    async "of an unknown task"(h) {
      await allRefused(h, { taskId: newTaskId(h.clock.now()), attempt: 1 });
    },

    async "of a deleted task"(h) {
      const key = await h.completed();
      await h.store.delete({ taskId: key.taskId });
      await allRefused(h, key);
    },

    async "of an expired task"(h) {
      const key = await h.completed({ ttlMs: 1_000 });
      await h.clock.advance(1_000);
      await allRefused(h, key);
    },
  }),
  ...casesOf(
    "fencing: no transition by an attempt",
    {
      async "of a process that died, once the next has begun"(h) {
        const key = await h.running();
        await h.crash();
        await h.beginAgain(key.taskId);
        await allRefused(h, key);
      },

      async "after the task failed in a crash loop"(h) {
        const key = await h.running();
        await h.crash();
        await h.begin(key.taskId, { maxCrashes: 0 });
        await allRefused(h, key);
      },
    },
    "reopen",
  ),
];
