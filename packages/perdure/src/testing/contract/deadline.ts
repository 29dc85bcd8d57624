import assert from "node:assert/strict";
import { assertFields, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

const overdue = { limit: 100 };

export const deadlineCases = casesOf("deadline", {
  async "fails a running task, with DEADLINE"(h) {
    const { taskId } = await h.running({ deadlineMs: 1_000, ttlMs: 60_000 });
    await h.clock.advance(1_500);
    assert.equal(await h.store.failOverdue(overdue), 1);
    const record = await h.read(taskId);
    assertFields(record, {
      status: "failed",
      phase: "ended",
      attempt: 1,
      errors: 0,
      endedAt: h.clock.now(),
      updatedAt: h.clock.now(),
      expiresAt: h.clock.now() + 60_000,
      result: undefined,
    });
    assert.ok(record.status === "failed");
    assertFields(record.failure, { code: "DEADLINE", retryable: false });
    assert.ok(record.failure.message.length > 0);
    const last = (await h.store.timeline({ taskId })).at(-1);
    assertFields(last, { type: "failed", failure: record.failure });
  },

  async "fails a task that is queued, delayed, released or to be tried again"(h) {
    const deadlineMs = 1_000;
    const queued = await h.create({ deadlineMs });
    const delayed = await h.create({ deadlineMs, startAt: h.clock.now() + 60_000 });
    const released = await h.running({ deadlineMs });
    await h.store.release(released);
    const retried = await h.running({ deadlineMs });
    await h.store.retry({ ...retried, failure: failure(), delayMs: 60_000 });
    await h.clock.advance(1_001);
    assert.equal(await h.store.failOverdue(overdue), 4);
    for (const taskId of [queued.id, delayed.id, released.taskId, retried.taskId]) {
      assertFields(await h.read(taskId), { status: "failed", phase: "ended" });
      assert.equal(await h.begin(taskId), undefined);
    }
  },

  async "leaves a task alone before it"(h) {
    const { taskId } = await h.running({ deadlineMs: 1_000 });
    await h.clock.advance(999);
    await leavesUnchanged(h, taskId, async () => assert.equal(await h.store.failOverdue(overdue), 0));
  },

  async "leaves a task without one alone"(h) {
    const { taskId } = await h.running();
    await h.clock.advance(10_000);
    await leavesUnchanged(h, taskId, async () => assert.equal(await h.store.failOverdue(overdue), 0));
  },

  async "leaves what has ended alone"(h) {
    const ended = [
      await h.completed({ deadlineMs: 1_000 }),
      await h.failed({ deadlineMs: 1_000 }),
      await h.cancelled({ deadlineMs: 1_000 }),
    ];
    await h.clock.advance(1_001);
    for (const { taskId } of ended) {
      await leavesUnchanged(h, taskId, async () => assert.equal(await h.store.failOverdue(overdue), 0));
    }
  },

  async "counts from the creation, through every attempt"(h) {
    const first = await h.running({ deadlineMs: 1_000 });
    const { deadlineAt } = await h.read(first.taskId);
    await h.clock.advance(600);
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    await h.beginAgain(first.taskId);
    assert.equal((await h.read(first.taskId)).deadlineAt, deadlineAt);
    await h.clock.advance(401);
    assert.equal(await h.store.failOverdue(overdue), 1);
  },

  async "fails at most so many tasks at a time, each once"(h) {
    for (let n = 0; n < 5; n++) await h.create({ deadlineMs: 1_000 });
    await h.clock.advance(1_001);
    const batches = [];
    for (let n = 0; n < 4; n++) batches.push(await h.store.failOverdue({ limit: 2 }));
    assert.deepEqual(batches, [2, 2, 1, 0]);
    assert.equal((await h.store.list({ status: "failed" })).tasks.length, 5);
  },
});
