/** Signals: a value from outside, by name, for the wait that is open or the next one. */
import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";
import { operationOf, parkedAt, requests } from "./waits.ts";

export const signalCases = casesOf("signals", {
  async "resolve the wait that is open for their name, and no other"(h) {
    const key = await h.running();
    for (const name of ["go", "stop"]) await h.store.openWait({ ...key, name, wait: requests.signal });
    await h.clock.advance(5);
    assert.equal(await h.store.signal({ taskId: key.taskId, name: "go", value: { n: 1 } }), true);
    assertFields(await operationOf(h, key, "go"), {
      state: "done",
      value: { n: 1 },
      recordedAt: h.clock.now(),
    });
    assertFields(await operationOf(h, key, "stop"), { state: "open" });
  },

  async "sent before the wait are kept for it"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    assert.equal(await h.store.signal({ taskId: key.taskId, name: "go", value: 7 }), true);
    assert.ok((await h.read(key.taskId)).revision > before.revision);
    assert.deepEqual(await h.store.operations(key), []);
    const opened = await h.store.openWait({ ...key, name: "go", wait: requests.signal });
    assertFields(opened, { state: "done", value: 7, kind: "signal" });
    assert.deepEqual(await h.store.operations(key), [opened]);
  },

  async "sent to a task that never began are kept too"(h) {
    const { id } = await h.create();
    await h.store.signal({ taskId: id, name: "go", value: 1 });
    const key = await h.beginAgain(id);
    assertFields(await h.store.openWait({ ...key, name: "go", wait: requests.signal }), { state: "done" });
  },

  async "do not begin a task before its time"(h) {
    const { id } = await h.create({ startAt: h.clock.now() + 60_000 });
    await h.store.signal({ taskId: id, name: "go", value: 1 });
    assert.equal(await h.begin(id), undefined);
  },

  async "are taken in the order in which they were sent, the first by the first wait"(h) {
    const key = await h.running();
    const { taskId } = key;
    await Promise.all([1, 2, 3].map((value) => h.store.signal({ taskId, name: "go", value })));
    assertFields(await h.store.openWait({ ...key, name: "go", wait: requests.signal }), { value: 1 });
    await leavesUnchanged(h, taskId, async () => {
      const again = await h.store.openWait({ ...key, name: "go", wait: requests.signal });
      assertFields(again, { state: "done", value: 1 });
    });
  },

  async "that come after the wait was resolved do not change it"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "go", wait: requests.signal });
    for (const value of [1, 2]) await h.store.signal({ taskId: key.taskId, name: "go", value });
    assertFields(await operationOf(h, key, "go"), { state: "done", value: 1 });
  },

  async "carry any value, also none"(h) {
    const key = await h.running();
    for (const [i, value] of [null, false, "é", [1], { a: { b: null } }, undefined].entries()) {
      const name = `go ${i}`;
      if (i % 2 === 0) await h.store.openWait({ ...key, name, wait: requests.signal });
      await h.store.signal({ taskId: key.taskId, name, value });
      const read = await h.store.openWait({ ...key, name, wait: requests.signal });
      assert.ok(read.state === "done");
      assert.deepEqual(read.value, value);
    }
  },

  async "do not resolve a wait of another kind"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "nap", wait: requests.sleep });
    await h.store.signal({ taskId: key.taskId, name: "nap", value: 1 });
    assertFields(await operationOf(h, key, "nap"), { state: "open", kind: "sleep" });
  },

  async "to a task that has ended are refused, and change nothing"(h) {
    for (const { taskId } of [await h.completed(), await h.failed(), await h.cancelled()]) {
      await leavesUnchanged(h, taskId, async () =>
        assert.equal(await h.store.signal({ taskId, name: "go", value: 1 }), false),
      );
    }
  },

  async "to nobody say so"(h) {
    assert.equal(await h.store.signal({ taskId: newTaskId(h.clock.now()), name: "go", value: 1 }), undefined);
    const { taskId } = await h.completed({ ttlMs: 10 });
    await h.clock.advance(10);
    assert.equal(await h.store.signal({ taskId, name: "go", value: 1 }), undefined);
  },

  async "wake a parked task, and leave one parked that waits for another"(h) {
    const key = await parkedAt(h, { name: "go", wait: requests.signal });
    await h.store.signal({ taskId: key.taskId, name: "other", value: 1 });
    assertFields(await h.read(key.taskId), { phase: "parked" });
    await h.store.signal({ taskId: key.taskId, name: "go", value: 1 });
    assertFields(await h.begin(key.taskId), { attempt: 2 });
  },

  async "outlive a retry, taken or not"(h) {
    const first = await h.running();
    for (const name of ["taken", "kept"]) await h.store.signal({ taskId: first.taskId, name, value: name });
    await h.store.openWait({ ...first, name: "taken", wait: requests.signal });
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    const second = await h.beginAgain(first.taskId);
    for (const name of ["taken", "kept"]) {
      const operation = await h.store.openWait({ ...second, name, wait: requests.signal });
      assertFields(operation, { state: "done", value: name });
    }
  },

  async "that nobody waits for are kept up to a number, and refused beyond it"(h) {
    const key = await h.running();
    const { taskId } = key;
    const send = (name: string) => h.store.signal({ taskId, name, value: 1, maxKept: 3 });
    for (const name of ["a", "a", "b"]) assert.equal(await send(name), true);
    const refusal = await refuses("LIMIT_EXCEEDED", () => send("c"));
    for (const part of ["3", "limits.signals", taskId])
      assert.ok(refusal.message.includes(part), refusal.message);
    await leavesUnchanged(h, taskId, () => send("c").catch(() => undefined));
    await h.store.openWait({ ...key, name: "a", wait: requests.signal });
    assert.equal(await send("c"), true);
    // One that is waited for is not kept.
    await h.store.openWait({ ...key, name: "go", wait: requests.signal });
    assert.equal(await send("go"), true);
    const other = await h.running();
    assert.equal(await h.store.signal({ taskId: other.taskId, name: "a", value: 1, maxKept: 3 }), true);
  },

  async "that nobody waits for are a thousand, where nothing else is said"(h) {
    const { taskId } = await h.running();
    const send = (value: number) => h.store.signal({ taskId, name: "go", value });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => send(n)));
    const refusal = await refuses("LIMIT_EXCEEDED", () => send(1_000));
    assert.ok(refusal.message.includes("1000"), refusal.message);
  },

  async "leave with the task"(h) {
    const key = await h.running();
    await h.store.signal({ taskId: key.taskId, name: "go", value: 1 });
    await h.store.cancel({ taskId: key.taskId });
    assert.equal(await h.store.delete({ taskId: key.taskId }), true);
    const again = await h.running({ id: key.taskId });
    assertFields(await h.store.openWait({ ...again, name: "go", wait: requests.signal }), { state: "open" });
  },
});
