import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertFields, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const cancelCases = casesOf("cancel", {
  async "ends a running task, with the reason"(h) {
    const { taskId } = await h.running({ ttlMs: 60_000 });
    const before = await h.read(taskId);
    await h.clock.advance(1_000);
    const outcome = await h.store.cancel({ taskId, reason: "no longer needed" });
    assert.ok(outcome);
    assert.equal(outcome.cancelled, true);
    assertFields(outcome.task, {
      id: taskId,
      status: "cancelled",
      phase: "ended",
      reason: "no longer needed",
      endedAt: h.clock.now(),
      updatedAt: h.clock.now(),
      expiresAt: h.clock.now() + 60_000,
      dueAt: undefined,
      failure: undefined,
    });
    assert.ok(outcome.task.revision > before.revision);
    assert.deepEqual(await h.store.summary({ taskId }), outcome.task);
    const last = (await h.store.timeline({ taskId })).at(-1);
    assertFields(last, { type: "cancelled", reason: "no longer needed", at: h.clock.now() });
  },

  async "needs no reason"(h) {
    const { taskId } = await h.running();
    const outcome = await h.store.cancel({ taskId });
    assert.ok(outcome && !("reason" in outcome.task));
    const last = (await h.store.timeline({ taskId })).at(-1);
    assert.ok(last && !("reason" in last));
  },

  async "ends a task that is queued, delayed, or to be tried again"(h) {
    const queued = await h.create();
    const delayed = await h.create({ startAt: h.clock.now() + 60_000 });
    const retried = await h.running();
    await h.store.retry({ ...retried, failure: failure(), delayMs: 60_000 });
    const released = await h.running();
    await h.store.release(released);
    for (const taskId of [queued.id, delayed.id, retried.taskId, released.taskId]) {
      assert.equal((await h.store.cancel({ taskId }))?.cancelled, true);
      assertFields(await h.read(taskId), { status: "cancelled", phase: "ended" });
      await h.clock.advance(10);
      assert.equal(await h.begin(taskId), undefined);
    }
  },

  async "leaves a task that has ended as it is, and says so"(h) {
    for (const { taskId } of [await h.completed(), await h.failed(), await h.cancelled()]) {
      await leavesUnchanged(h, taskId, async () => {
        const outcome = await h.store.cancel({ taskId, reason: "too late" });
        assert.ok(outcome);
        assert.equal(outcome.cancelled, false);
        assert.deepEqual(outcome.task, await h.store.summary({ taskId }));
      });
    }
  },

  async "knows nothing of an unknown task"(h) {
    assert.equal(await h.store.cancel({ taskId: newTaskId(h.clock.now()) }), undefined);
  },

  async "knows nothing of an expired task"(h) {
    const { taskId } = await h.completed({ ttlMs: 1_000 });
    await h.clock.advance(1_000);
    assert.equal(await h.store.cancel({ taskId }), undefined);
  },

  async "leaves the values of the task readable"(h) {
    const key = await h.running();
    await h.store.saveState({ ...key, state: { epoch: 2 } });
    await h.store.cancel({ taskId: key.taskId });
    assertFields(await h.read(key.taskId), { input: { epochs: 3 }, result: undefined });
  },
});
