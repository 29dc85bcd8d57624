import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertFields, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const beginCases = casesOf("begin", {
  async "runs the first attempt of a task that is due"(h) {
    const created = await h.create();
    await h.clock.advance(1_000);
    const begun = await h.begin(created.id);
    assert.ok(begun);
    assertFields(begun, {
      id: created.id,
      status: "working",
      phase: "running",
      dueAt: undefined,
      attempt: 1,
      errors: 0,
      crashes: 0,
      input: { epochs: 3 },
      createdAt: created.createdAt,
      updatedAt: h.clock.now(),
    });
    assert.ok(begun.revision > created.revision);
    assert.deepEqual(await h.store.get({ taskId: created.id }), begun);
  },

  async "has nothing to begin while an attempt runs"(h) {
    const { taskId } = await h.running();
    await h.clock.advance(10_000);
    await leavesUnchanged(h, taskId, async () => assert.equal(await h.begin(taskId), undefined));
  },

  async "has nothing to begin before the task is due"(h) {
    const { id } = await h.create({ startAt: h.clock.now() + 1_000 });
    await leavesUnchanged(h, id, async () => assert.equal(await h.begin(id), undefined));
  },

  async "has nothing to begin once the task has ended"(h) {
    for (const { taskId } of [await h.completed(), await h.failed(), await h.cancelled()]) {
      await leavesUnchanged(h, taskId, async () => assert.equal(await h.begin(taskId), undefined));
    }
  },

  async "has nothing to begin of a task that was cancelled while it waited"(h) {
    const { id } = await h.create();
    await h.store.cancel({ taskId: id });
    assert.equal(await h.begin(id), undefined);
  },

  async "has nothing to begin of an unknown task"(h) {
    assert.equal(await h.begin(newTaskId(h.clock.now())), undefined);
  },

  async "numbers attempts upwards: after a retry, and after a release"(h) {
    const first = await h.running();
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    const second = await h.beginAgain(first.taskId);
    await h.store.release(second);
    const third = await h.beginAgain(first.taskId);
    assert.deepEqual([first.attempt, second.attempt, third.attempt], [1, 2, 3]);
    assertFields(await h.read(first.taskId), { attempt: 3, errors: 1, crashes: 0 });
  },

  async "keeps the progress of the attempt before"(h) {
    const first = await h.running();
    await h.store.report({ ...first, progress: { done: 2, total: 3 } });
    await h.store.release(first);
    await h.beginAgain(first.taskId);
    assert.deepEqual((await h.read(first.taskId)).progress, { done: 2, total: 3 });
  },
});
