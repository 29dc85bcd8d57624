import assert from "node:assert/strict";
import { assertInAnyOrder } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

const ids = async (h: ContractHarness) => (await h.store.list({})).tasks.map((task) => task.id);

export const expiryCases = casesOf("expiry", {
  async "is counted from the end of the task, not from its creation"(h) {
    const key = await h.running({ ttlMs: 1_000 });
    await h.clock.advance(5_000);
    assert.ok(await h.store.get({ taskId: key.taskId }), "an open task does not expire");
    await h.store.complete({ ...key, result: 1 });
    await h.clock.advance(999);
    assert.ok(await h.store.get({ taskId: key.taskId }));
    await h.clock.advance(1);
    assert.equal(await h.store.get({ taskId: key.taskId }), undefined);
  },

  async "makes the task unknown to every reader, before it is deleted"(h) {
    const key = await h.running({ ttlMs: 1_000 });
    await h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    await h.store.saveState({ ...key, state: 1 });
    await h.store.complete({ ...key, result: 1 });
    await h.clock.advance(1_000);
    assert.deepEqual(await h.everything(key.taskId), {
      record: undefined,
      operations: [],
      savedState: undefined,
      timeline: [],
    });
    assert.equal(await h.store.summary({ taskId: key.taskId }), undefined);
    assert.deepEqual(await ids(h), []);
    assert.deepEqual(await h.store.list({ owner: "ada", status: "completed", tool: "train" }), { tasks: [] });
  },

  async "happens to failed and cancelled tasks alike"(h) {
    const keys = [await h.failed({ ttlMs: 1_000 }), await h.cancelled({ ttlMs: 1_000 })];
    await h.clock.advance(1_000);
    for (const { taskId } of keys) assert.equal(await h.store.get({ taskId }), undefined);
  },

  async "never happens without a ttl"(h) {
    const { taskId } = await h.completed();
    await h.clock.advance(10_000);
    assert.equal(await h.store.deleteExpired({ limit: 100 }), 0);
    assert.ok(await h.store.get({ taskId }));
  },

  async "with a ttl of nothing comes with the end"(h) {
    const { taskId } = await h.completed({ ttlMs: 0 });
    assert.equal(await h.store.get({ taskId }), undefined);
  },

  async "is followed by deletion, at most so many at a time"(h) {
    for (let n = 0; n < 5; n++) await h.completed({ ttlMs: 1_000 });
    const kept = await h.completed({ ttlMs: 5_000 });
    const open = await h.running({ ttlMs: 1_000 });
    assert.equal(await h.store.deleteExpired({ limit: 100 }), 0);
    await h.clock.advance(1_000);
    const batches = [];
    for (let n = 0; n < 4; n++) batches.push(await h.store.deleteExpired({ limit: 2 }));
    for (let n = 0; n < 4; n++) batches.push(await h.store.deleteExpired({ limit: 2 }));
    assert.ok(batches.every((count) => count <= 2));
    assert.equal(
      batches.reduce((sum, count) => sum + count, 0),
      5,
    );
    assert.ok(batches.indexOf(0) >= 3, "0 says that nothing is left");
    assertInAnyOrder(await ids(h), [kept.taskId, open.taskId]);
  },

  async "does not disturb paging"(h) {
    for (let n = 0; n < 9; n++) {
      await h.clock.advance(1);
      await h.completed(n % 3 === 0 ? { ttlMs: 1_000 } : {});
    }
    await h.clock.advance(1_000);
    const first = await h.store.list({ limit: 3 });
    const second = await h.store.list({ limit: 3, cursor: first.cursor });
    assert.deepEqual([first.tasks.length, second.tasks.length, second.cursor], [3, 3, undefined]);
  },
});
