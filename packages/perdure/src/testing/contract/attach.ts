/** Two processes on the same data: one executes, the other reads, submits and cancels, and takes over. */
import assert from "node:assert/strict";
import { assertFields, eventually, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const attachCases = casesOf(
  "another process",
  {
    async "sees what was committed"(h) {
      const { taskId } = await h.completed();
      const other = await h.attach();
      assert.deepEqual(await other.get({ taskId }), await h.read(taskId));
      const later = await h.create();
      assert.equal((await other.get({ taskId: later.id }))?.id, later.id);
    },

    async "does not execute while another does"(h) {
      await h.execute(["train"]);
      await h.create();
      const other = await h.attach();
      await other.executor.start({ tools: ["train", "index"], wake: () => {} });
      await h.clock.advance(1_000);
      assert.equal(other.executor.executes, false);
      const tools = [{ tool: "train", slots: 1, maxCrashes: 1 }];
      assert.deepEqual((await other.executor.claim({ tools, limit: 1 })).begun, []);
      assert.deepEqual(await other.executor.activeTools(), ["train"]);
      assert.equal((await h.claim()).begun.length, 1);
    },

    async "submits work, which wakes the one that executes"(h) {
      let woken = 0;
      await h.execute(["train"], () => woken++);
      const other = await h.attach();
      await h.clock.advance(1_000);
      woken = 0;
      const { task } = await other.create(h.request());
      await eventually(h, () => woken > 0, "the executing process is woken");
      assertFields((await h.claim()).begun[0], { id: task.id, attempt: 1 });
    },

    async "cancels, which fences the attempt that runs elsewhere"(h) {
      const key = await h.running();
      const other = await h.attach();
      assert.equal((await other.cancel({ taskId: key.taskId }))?.cancelled, true);
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...key, result: 1 }));
    },

    async "is heard of by subscribers here"(h) {
      const { taskId } = await h.running();
      const other = await h.attach();
      await h.clock.advance(1_000);
      let heard = false;
      h.store.subscribe((change) => {
        if (change === undefined || (change.taskId === taskId && change.status === "cancelled")) heard = true;
      });
      await other.cancel({ taskId });
      await eventually(h, () => heard, "the change by another process is told");
    },

    async "shares idempotency keys"(h) {
      const { id } = await h.create({ idempotencyKey: "monday" });
      const other = await h.attach();
      const found = await other.create(h.request({ idempotencyKey: "monday" }));
      assert.deepEqual([found.created, found.task.id], [false, id]);
    },

    async "takes over when the one that executes stops"(h) {
      await h.execute();
      const other = await h.attach();
      let woken = 0;
      await other.executor.start({ tools: ["train"], wake: () => woken++ });
      const { id } = await h.create();
      await h.store.executor.stop();
      await eventually(h, () => other.executor.executes, "the other process executes");
      assert.ok(woken > 0, "and was woken");
      const tools = [{ tool: "train", slots: 1, maxCrashes: 1 }];
      assertFields((await other.executor.claim({ tools, limit: 1 })).begun[0], { id, crashes: 0 });
    },

    async "takes over what the one that executed left running when it died"(h) {
      const dead = await h.running();
      const other = await h.attach();
      await other.executor.start({ tools: ["train"], wake: () => {} });
      await h.store.close();
      await eventually(h, () => other.executor.executes, "the other process executes");
      const tools = [{ tool: "train", slots: 1, maxCrashes: 1 }];
      const { begun } = await other.executor.claim({ tools, limit: 1 });
      assertFields(begun[0], { id: dead.taskId, attempt: 2, crashes: 1 });
      await refuses("STALE_ATTEMPT", () => other.complete({ ...dead, result: "late" }));
    },
  },
  "attach",
);
