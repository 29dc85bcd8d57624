import assert from "node:assert/strict";
import { assertInAnyOrder } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const executorCases = [
  ...casesOf("executor: start and stop", {
    async "executes from the start on, until it is stopped"(h) {
      const { executor } = h.store;
      assert.equal(executor.executes, false);
      assert.equal(await executor.activeTools(), undefined);
      await executor.start({ tools: ["train", "index"], wake: () => {} });
      assert.equal(executor.executes, true);
      assertInAnyOrder((await executor.activeTools()) ?? [], ["train", "index"]);
      await executor.stop();
      assert.equal(executor.executes, false);
      assert.equal(await executor.activeTools(), undefined);
    },

    async "claims nothing any more once it is stopped"(h) {
      await h.execute();
      const { id } = await h.create();
      await h.store.executor.stop();
      assert.deepEqual((await h.claim()).begun, []);
      assert.equal((await h.read(id)).attempt, 0);
    },

    async "may be stopped twice, and without a start"(h) {
      await h.store.executor.stop();
      await h.execute();
      await h.store.executor.stop();
      await h.store.executor.stop();
    },

    async "keeps tasks without executing"(h) {
      const { id } = await h.create();
      assert.equal((await h.store.cancel({ taskId: id }))?.cancelled, true);
      assert.equal((await h.store.list({})).tasks.length, 1);
    },
  }),

  ...casesOf("executor: nextDueMs", {
    async "is undefined where nothing is to come"(h) {
      await h.execute();
      assert.equal(await h.nextDueMs(), undefined);
      await h.running();
      await h.completed({ ttlMs: 1_000 });
      assert.equal(await h.nextDueMs(), undefined, "expiry is not waited for");
    },

    async "is no time for what is due"(h) {
      await h.execute();
      await h.create();
      await h.clock.advance(100);
      assert.equal(await h.nextDueMs(), 0);
    },

    async "is the time to the next startAt"(h) {
      await h.execute();
      await h.create({ startAt: h.clock.now() + 5_000 });
      await h.create({ startAt: h.clock.now() + 3_000 });
      assert.equal(await h.nextDueMs(), 3_000);
      await h.clock.advance(1_000);
      assert.equal(await h.nextDueMs(), 2_000);
    },

    async "is the time to the next retry"(h) {
      const key = await h.running();
      await h.store.retry({ ...key, failure: failure(), delayMs: 700 });
      assert.equal(await h.nextDueMs(), 700);
    },

    async "is the time to the next deadline, of a running task too"(h) {
      await h.running({ deadlineMs: 4_000 });
      assert.equal(await h.nextDueMs(), 4_000);
      await h.clock.advance(4_001);
      await h.store.failOverdue({ limit: 10 });
      assert.equal(await h.nextDueMs(), undefined);
    },

    async "is the least of them all"(h) {
      await h.running({ deadlineMs: 2_500 });
      await h.create({ startAt: h.clock.now() + 3_000, deadlineMs: 9_000 });
      await h.create({ startAt: h.clock.now() + 2_000 });
      assert.equal(await h.nextDueMs(), 2_000);
    },

    async "leaves out what is due of other tools"(h) {
      await h.execute();
      await h.create({ tool: "gone" });
      assert.equal(await h.nextDueMs(), undefined);
      await h.create({ tool: "train", startAt: h.clock.now() + 1_000 });
      assert.equal(await h.nextDueMs(), 1_000);
    },

    async "leaves out what was cancelled"(h) {
      await h.execute();
      const { id } = await h.create({ startAt: h.clock.now() + 1_000, deadlineMs: 2_000 });
      await h.store.cancel({ taskId: id });
      assert.equal(await h.nextDueMs(), undefined);
    },
  }),

  ...casesOf(
    "executor: nextDueMs",
    {
      async "is no time for what a dead process left running"(h) {
        await h.running();
        await h.crash();
        assert.equal(await h.nextDueMs(), 0);
      },
    },
    "reopen",
  ),
];
