import assert from "node:assert/strict";
import type { TaskStore } from "../../store/store.ts";
import { PerdureError } from "../../task/errors.ts";
import { newTaskId } from "../../task/id.ts";
import { refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";

const calls = (h: ContractHarness): Readonly<Record<string, (store: TaskStore) => Promise<unknown>>> => {
  const taskId = newTaskId(h.clock.now());
  const key = { taskId, attempt: 1 };
  const session = {
    id: "s-1",
    owner: "ada",
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: {},
  };
  return {
    get: (store) => store.get({ taskId }),
    summary: (store) => store.summary({ taskId }),
    list: (store) => store.list({}),
    operations: (store) => store.operations({ taskId }),
    savedState: (store) => store.savedState({ taskId }),
    timeline: (store) => store.timeline({ taskId }),
    create: (store) => store.create(h.request()),
    stopWaiting: (store) => store.stopWaiting({ taskId, caller: "lost" }),
    cancel: (store) => store.cancel({ taskId }),
    delete: (store) => store.delete({ taskId }),
    recordOperation: (store) =>
      store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 }),
    saveState: (store) => store.saveState({ ...key, state: 1 }),
    report: (store) => store.report({ ...key, progress: { done: 1 } }),
    complete: (store) => store.complete({ ...key, result: 1 }),
    fail: (store) => store.fail({ ...key, failure: failure() }),
    retry: (store) => store.retry({ ...key, failure: failure(), delayMs: 0 }),
    release: (store) => store.release(key),
    begin: (store) => store.begin({ taskId, maxCrashes: 1 }),
    failOverdue: (store) => store.failOverdue({ limit: 1 }),
    deleteExpired: (store) => store.deleteExpired({ limit: 1 }),
    "sessions.put": (store) => store.sessions.put(session),
    "sessions.get": (store) => store.sessions.get(session),
    "sessions.end": (store) => store.sessions.end(session),
    "sessions.deleteIdle": (store) => store.sessions.deleteIdle({ idleMs: 1, limit: 1 }),
  };
};

export const closeCases = [
  ...casesOf("close", {
    async "lets no call through any more"(h) {
      await h.store.close();
      for (const [name, call] of Object.entries(calls(h)))
        await refuses("STORE_CLOSED", () => call(h.store), name);
    },

    async "may be called twice, at once too"(h) {
      await Promise.all([h.store.close(), h.store.close()]);
      await h.store.close();
    },

    async "lets through or refuses what is called while it closes, and nothing else"(h) {
      const named = Object.entries(calls(h));
      const before = h.store.create(h.request());
      const closing = h.store.close();
      const outcomes = await Promise.allSettled([before, ...named.map(([, call]) => call(h.store))]);
      await closing;
      for (const [n, outcome] of outcomes.entries()) {
        // Answered, or refused for what the record says, or refused for the store: never an error from inside.
        if (outcome.status === "rejected") {
          assert.ok(
            outcome.reason instanceof PerdureError,
            `${named[n - 1]?.[0]}: ${String(outcome.reason)}`,
          );
        }
      }
    },

    async "leaves no timer that does anything, for those who watch or execute either"(h) {
      await h.execute();
      h.store.subscribe(() => assert.fail("nothing is told any more"));
      await h.store.close();
      await h.clock.advance(10_000);
    },

    async "says where the record is"(h) {
      assert.match(h.store.location, /^[a-z]+:./);
    },
  }),

  ...casesOf(
    "close",
    {
      async "keeps what was issued before it, awaited or not"(h) {
        const requests = Array.from({ length: 20 }, () => h.request());
        const creations = requests.map((request) => h.store.create(request));
        await h.store.close();
        for (const { created } of await Promise.all(creations)) assert.equal(created, true);
        await h.reopen();
        for (const { id } of requests) assert.ok(await h.store.get({ taskId: id }));
      },

      async "keeps everything acknowledged, over and over"(h) {
        const ids = [];
        for (let life = 0; life < 5; life++) {
          ids.push((await h.create({ input: life })).id);
          await h.reopen();
        }
        const inputs = [];
        for (const id of ids) inputs.push((await h.read(id)).input);
        assert.deepEqual(inputs, [0, 1, 2, 3, 4]);
      },
    },
    "reopen",
  ),
];
