import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertInAnyOrder, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const ownerCases = casesOf("owner", {
  async "sees its own tasks"(h) {
    const { id } = await h.create({ owner: "ada" });
    assert.equal((await h.store.get({ taskId: id, owner: "ada" }))?.id, id);
    assert.equal((await h.store.summary({ taskId: id, owner: "ada" }))?.id, id);
  },

  async "sees nothing of another owner's, as if it were not there"(h) {
    const { id } = await h.create({ owner: "ada" });
    for (const taskId of [id, newTaskId(h.clock.now())]) {
      const key = { taskId, owner: "bob" };
      assert.equal(await h.store.get(key), undefined);
      assert.equal(await h.store.summary(key), undefined);
      assert.equal(await h.store.cancel(key), undefined);
      assert.equal(await h.store.delete(key), false);
    }
  },

  async "cancels its own, and nobody else's"(h) {
    const { taskId } = await h.running({ owner: "ada" });
    await leavesUnchanged(h, taskId, () => h.store.cancel({ taskId, owner: "bob", reason: "mine?" }));
    assert.equal((await h.store.cancel({ taskId, owner: "ada" }))?.cancelled, true);
  },

  async "deletes its own, and nobody else's"(h) {
    const { taskId } = await h.completed({ owner: "ada" });
    await leavesUnchanged(h, taskId, async () =>
      assert.equal(await h.store.delete({ taskId, owner: "bob" }), false),
    );
    assert.equal(await h.store.delete({ taskId, owner: "ada" }), true);
  },

  async "learns of another's open task nothing from delete either"(h) {
    const { taskId } = await h.running({ owner: "ada" });
    assert.equal(await h.store.delete({ taskId, owner: "bob" }), false);
  },

  async "lists its own only"(h) {
    const mine = await h.create({ owner: "ada" });
    await h.create({ owner: "bob" });
    const { tasks } = await h.store.list({ owner: "ada" });
    assert.deepEqual(
      tasks.map((task) => task.id),
      [mine.id],
    );
    assert.deepEqual((await h.store.list({ owner: "nobody" })).tasks, []);
  },

  async "is exact: no trimming, folding or prefix"(h) {
    const { id } = await h.create({ owner: "ada" });
    for (const owner of ["Ada", "ada ", "ad", "ada%", "a_a", ""]) {
      assert.equal(await h.store.get({ taskId: id, owner }), undefined, `"${owner}"`);
      assert.deepEqual((await h.store.list({ owner })).tasks, [], `"${owner}"`);
    }
  },

  async "left out, is the operator, who sees and cancels all"(h) {
    const ids = [await h.create({ owner: "ada" }), await h.create({ owner: "bob" })].map((task) => task.id);
    const { tasks } = await h.store.list({});
    assertInAnyOrder(
      tasks.map((task) => task.id),
      ids,
    );
    for (const taskId of ids) assert.equal((await h.store.cancel({ taskId }))?.cancelled, true);
  },
});
