import assert from "node:assert/strict";
import { assertFields, assertInAnyOrder } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const claimAfterCrashCases = casesOf(
  "executor: claim",
  {
    async "begins again what a dead process left running, and counts the crash"(h) {
      const { taskId } = await h.running();
      await h.crash();
      const { begun, more } = await h.claim();
      assert.deepEqual([begun.length, more], [1, false]);
      assertFields(begun[0], { id: taskId, attempt: 2, crashes: 1, phase: "running" });
      assert.deepEqual(await h.life(taskId), ["created", "begun", "crashed", "begun"]);
    },

    async "begins again what a dead process had claimed"(h) {
      await h.create();
      await h.claim();
      await h.crash();
      assertFields((await h.claim()).begun[0], { attempt: 2, crashes: 1 });
    },

    async "fails a crash loop, and goes on with the others"(h) {
      const looping = await h.running({ priority: 9 });
      await h.crash();
      await h.claim();
      await h.crash();
      await h.create({ input: "healthy" });
      const { begun } = await h.claim({ maxCrashes: 1 });
      assert.deepEqual(
        begun.map((record) => record.input),
        ["healthy"],
      );
      const record = await h.read(looping.taskId);
      assert.ok(record.status === "failed");
      assertFields(record, { crashes: 2, attempt: 2 });
      assert.equal(record.failure.code, "CRASH_LOOP");
    },

    async "allows each tool its own number of crashes"(h) {
      await h.execute(["train", "index"]);
      await h.create({ tool: "train" });
      await h.create({ tool: "index" });
      await h.claim();
      await h.crash();
      const { begun } = await h.claim({
        tools: [
          { tool: "train", slots: 5, maxCrashes: 1 },
          { tool: "index", slots: 5, maxCrashes: 0 },
        ],
      });
      assert.deepEqual(
        begun.map((record) => record.tool),
        ["train"],
      );
      assert.equal((await h.store.list({ tool: "index", status: "failed" })).tasks.length, 1);
    },

    async "takes what the dead process left of every state"(h) {
      const queued = await h.create({ input: "queued" });
      const delayed = await h.create({ startAt: h.clock.now() + 1_000 });
      const running = await h.running();
      await h.completed();
      await h.crash();
      const { begun } = await h.claim();
      assertInAnyOrder(
        begun.map((record) => record.id),
        [queued.id, running.taskId],
      );
      await h.clock.advance(1_000);
      assert.deepEqual(
        (await h.claim()).begun.map((record) => record.id),
        [delayed.id],
      );
    },

    async "leaves what a dead process ran of a tool that is unknown now"(h) {
      const { taskId } = await h.running({ tool: "train" });
      await h.reopen();
      await h.execute(["index"]);
      assert.deepEqual(await h.claim(), { begun: [], more: false });
      assertFields(await h.read(taskId), { status: "working", attempt: 1 });
      await h.reopen();
      await h.execute(["train"]);
      assertFields((await h.claim()).begun[0], { id: taskId, attempt: 2, crashes: 1 });
    },
  },
  "reopen",
);
