import assert from "node:assert/strict";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const savedStateCases = casesOf("saved state", {
  async "is nothing before the first save"(h) {
    const { taskId } = await h.running();
    assert.equal(await h.store.savedState({ taskId }), undefined);
  },

  async "is the one saved last"(h) {
    const key = await h.running();
    for (const epoch of [1, 2, 3]) await h.store.saveState({ ...key, state: { epoch } });
    assert.deepEqual(await h.store.savedState({ taskId: key.taskId }), { epoch: 3 });
  },

  async "is the one saved last in a turn"(h) {
    const key = await h.running();
    await Promise.all([1, 2, 3].map((epoch) => h.store.saveState({ ...key, state: { epoch } })));
    assert.deepEqual(await h.store.savedState({ taskId: key.taskId }), { epoch: 3 });
  },

  async "may be any JSON value, null and empty ones too"(h) {
    const key = await h.running();
    for (const state of [null, 0, "", false, [], {}, "text", [1, [2]], { a: { b: null } }]) {
      await h.store.saveState({ ...key, state });
      assert.deepEqual(await h.store.savedState({ taskId: key.taskId }), state);
    }
  },

  async "may be bytes, which come back as they are"(h) {
    const key = await h.running();
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const state of [every, new Uint8Array(0), every.subarray(10, 20), Buffer.from("model")]) {
      await h.store.saveState({ ...key, state });
      const back = await h.store.savedState({ taskId: key.taskId });
      assert.ok(back instanceof Uint8Array);
      assert.deepEqual([...back], [...state]);
    }
  },

  async "may change between bytes and JSON"(h) {
    const key = await h.running();
    await h.store.saveState({ ...key, state: new Uint8Array([1, 2]) });
    await h.store.saveState({ ...key, state: { epoch: 1 } });
    assert.deepEqual(await h.store.savedState({ taskId: key.taskId }), { epoch: 1 });
    await h.store.saveState({ ...key, state: new Uint8Array([3]) });
    assert.deepEqual([...((await h.store.savedState({ taskId: key.taskId })) as Uint8Array)], [3]);
  },

  async "is what it was when save was called, whatever becomes of the object"(h) {
    const key = await h.running();
    const model = { weights: [1, 2, 3] };
    const saving = h.store.saveState({ ...key, state: model });
    model.weights.fill(0);
    await saving;
    assert.deepEqual(await h.store.savedState({ taskId: key.taskId }), { weights: [1, 2, 3] });

    const bytes = new Uint8Array([1, 2, 3]);
    const savingBytes = h.store.saveState({ ...key, state: bytes });
    bytes.fill(0);
    await savingBytes;
    assert.deepEqual([...((await h.store.savedState({ taskId: key.taskId })) as Uint8Array)], [1, 2, 3]);
  },

  async "is kept when a value is refused"(h) {
    const key = await h.running();
    await h.store.saveState({ ...key, state: { epoch: 1 } });
    await leavesUnchanged(h, key.taskId, () =>
      refuses("INVALID_VALUE", () => h.store.saveState({ ...key, state: { epoch: Number.NaN } })),
    );
  },

  async "is there for the attempt after a retry, and after a release"(h) {
    const first = await h.running();
    await h.store.saveState({ ...first, state: { epoch: 1 } });
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    const second = await h.beginAgain(first.taskId);
    assert.deepEqual(await h.store.savedState(second), { epoch: 1 });
    await h.store.release(second);
    const third = await h.beginAgain(first.taskId);
    assert.deepEqual(await h.store.savedState(third), { epoch: 1 });
  },

  async "belongs to one task"(h) {
    const [first, second] = [await h.running(), await h.running()];
    await h.store.saveState({ ...first, state: 1 });
    assert.equal(await h.store.savedState({ taskId: second.taskId }), undefined);
  },

  async "changes nothing of the status"(h) {
    const key = await h.running();
    await h.store.saveState({ ...key, state: 1 });
    assertFields(await h.read(key.taskId), {
      status: "working",
      phase: "running",
      attempt: 1,
      result: undefined,
    });
  },
});
