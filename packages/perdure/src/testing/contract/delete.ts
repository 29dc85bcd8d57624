import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const deleteCases = casesOf("delete", {
  async "removes an ended task and all that is kept of it"(h) {
    const key = await h.running();
    await h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    await h.store.saveState({ ...key, state: 1 });
    await h.store.report({ ...key, logs: [{ level: "info", message: "loading" }] });
    await h.store.complete({ ...key, result: 1 });
    assert.equal(await h.store.delete({ taskId: key.taskId }), true);
    assert.deepEqual(await h.everything(key.taskId), {
      record: undefined,
      operations: [],
      savedState: undefined,
      timeline: [],
    });
    assert.deepEqual(await h.store.list({}), { tasks: [] });
  },

  async "removes failed and cancelled tasks"(h) {
    for (const { taskId } of [await h.failed(), await h.cancelled()]) {
      assert.equal(await h.store.delete({ taskId }), true);
      assert.equal(await h.store.get({ taskId }), undefined);
    }
  },

  async "removes nothing of another task"(h) {
    const [gone, kept] = [await h.completed(), await h.completed()];
    await leavesUnchanged(h, kept.taskId, () => h.store.delete({ taskId: gone.taskId }));
  },

  async "refuses an open task, queued or running"(h) {
    const queued = await h.create();
    const running = await h.running();
    for (const taskId of [queued.id, running.taskId]) {
      await leavesUnchanged(h, taskId, () => refuses("TASK_NOT_ENDED", () => h.store.delete({ taskId })));
    }
  },

  async "says when there was nothing to remove"(h) {
    const { taskId } = await h.completed();
    await h.store.delete({ taskId });
    assert.equal(await h.store.delete({ taskId }), false);
    assert.equal(await h.store.delete({ taskId: newTaskId(h.clock.now()) }), false);
  },

  async "knows nothing of an expired task"(h) {
    const { taskId } = await h.completed({ ttlMs: 1_000 });
    await h.clock.advance(1_000);
    assert.equal(await h.store.delete({ taskId }), false);
  },
});
