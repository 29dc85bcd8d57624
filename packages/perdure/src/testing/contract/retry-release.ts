import assert from "node:assert/strict";
import { assertFields } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { call } from "./calls.ts";
import { failure } from "./harness.ts";
import { requests } from "./waits.ts";

export const retryCases = casesOf("retry", {
  async "queues the next attempt after the delay, and counts the error"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    await h.clock.advance(100);
    await h.store.retry({ ...key, failure: failure(), delayMs: 2_000 });
    const after = await h.read(key.taskId);
    assertFields(after, {
      status: "working",
      phase: "queued",
      dueAt: h.clock.now() + 2_000,
      attempt: 1,
      errors: 1,
      crashes: 0,
      updatedAt: h.clock.now(),
      failure: undefined,
      endedAt: undefined,
    });
    assert.ok(after.revision > before.revision);
    const last = (await h.store.timeline({ taskId: key.taskId })).at(-1);
    assertFields(last, { type: "retry", failure: failure(), delayMs: 2_000, at: h.clock.now() });
  },

  async "is not begun before the delay is over"(h) {
    const key = await h.running();
    await h.store.retry({ ...key, failure: failure(), delayMs: 2_000 });
    await h.clock.advance(1_999);
    assert.equal(await h.begin(key.taskId), undefined);
    await h.clock.advance(1);
    assertFields(await h.begin(key.taskId), { attempt: 2, errors: 1 });
  },

  async "without a delay is due at once"(h) {
    const key = await h.running();
    await h.store.retry({ ...key, failure: failure(), delayMs: 0 });
    assertFields(await h.begin(key.taskId), { attempt: 2 });
  },

  async "is not begun before the delay is over, whatever its waits come to meanwhile"(h) {
    const key = await h.running();
    const { taskId } = key;
    for (const kind of ["ask", "signal"] as const)
      await h.store.openWait({ ...key, name: kind, wait: requests[kind] });
    const childId = await call(h, key);
    await h.store.retry({ ...key, failure: failure(), delayMs: 2_000 });
    const dueAt = h.clock.now() + 2_000;
    const [asked] = await h.store.questions(key);
    await h.store.answer({ taskId, key: asked?.question.key ?? "", action: "accept", content: 1 });
    await h.store.signal({ taskId, name: "signal", value: 2 });
    await h.store.complete({ ...(await h.beginAgain(childId)), result: 3 });
    assertFields(await h.read(taskId), { phase: "queued", dueAt });
    await h.clock.advance(1_999);
    assert.equal(await h.begin(taskId), undefined);
    await h.clock.advance(1);
    const second = await h.beginAgain(taskId);
    const values = (await h.store.operations(second)).map((one) =>
      one.state === "done" ? one.value : one.state,
    );
    assert.deepEqual(values, [1, 2, 3]);
    // What keeps it back is over with the delay: the next wait that is resolved makes it due.
    await h.store.openWait({ ...second, name: "go", wait: requests.signal });
    await h.store.park({ ...second, waits: ["go"] });
    await h.store.signal({ taskId, name: "go", value: 4 });
    assertFields(await h.begin(taskId), { attempt: 3 });
  },

  async "counts every error"(h) {
    let key = await h.running();
    for (const errors of [1, 2, 3]) {
      await h.store.retry({ ...key, failure: failure(), delayMs: 0 });
      assertFields(await h.read(key.taskId), { errors });
      key = await h.beginAgain(key.taskId);
    }
    assert.equal(key.attempt, 4);
  },

  async "forgets operations that failed, and keeps those that are done"(h) {
    const first = await h.running();
    const record = { ...first, kind: "step" } as const;
    await h.store.recordOperation({ ...record, name: "load", state: "done", value: 1 });
    await h.store.recordOperation({ ...record, name: "train", state: "failed", failure: failure() });
    await h.store.recordOperation({ ...record, name: "store", state: "done", value: 3 });
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    const second = await h.beginAgain(first.taskId);
    const names = (await h.store.operations(second)).map((operation) => operation.name);
    assert.deepEqual(names, ["load", "store"]);
    await h.store.recordOperation({ ...second, kind: "step", name: "train", state: "done", value: 2 });
    const train = (await h.store.operations(second)).find((operation) => operation.name === "train");
    assertFields(train, { state: "done", value: 2, attempt: 2 });
  },

  async "forgets nothing of another task"(h) {
    const [first, other] = [await h.running(), await h.running()];
    for (const key of [first, other]) {
      await h.store.recordOperation({
        ...key,
        kind: "step",
        name: "train",
        state: "failed",
        failure: failure(),
      });
    }
    await h.store.retry({ ...first, failure: failure(), delayMs: 0 });
    assert.equal((await h.store.operations(first)).length, 0);
    assert.equal((await h.store.operations(other)).length, 1);
  },

  async "can be cancelled while it waits"(h) {
    const key = await h.running();
    await h.store.retry({ ...key, failure: failure(), delayMs: 2_000 });
    await h.store.cancel({ taskId: key.taskId });
    await h.clock.advance(2_000);
    assert.equal(await h.begin(key.taskId), undefined);
    assertFields(await h.read(key.taskId), { status: "cancelled", errors: 1 });
  },
});

export const releaseCases = casesOf("release", {
  async "queues the task, due at once, and counts nothing"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    await h.clock.advance(100);
    await h.store.release(key);
    const after = await h.read(key.taskId);
    assertFields(after, {
      status: "working",
      phase: "queued",
      dueAt: h.clock.now(),
      attempt: 1,
      errors: 0,
      crashes: 0,
      updatedAt: h.clock.now(),
    });
    assert.ok(after.revision > before.revision);
    const last = (await h.store.timeline({ taskId: key.taskId })).at(-1);
    assertFields(last, { type: "released", attempt: 1, at: h.clock.now() });
  },

  async "lets the next attempt begin, without a crash"(h) {
    const key = await h.running();
    await h.store.release(key);
    assertFields(await h.begin(key.taskId), { phase: "running", attempt: 2, errors: 0, crashes: 0 });
  },

  async "keeps every operation, failed ones too"(h) {
    const key = await h.running();
    const record = { ...key, kind: "step" } as const;
    await h.store.recordOperation({ ...record, name: "load", state: "done", value: 1 });
    await h.store.recordOperation({ ...record, name: "train", state: "failed", failure: failure() });
    await h.store.recordOperation({ ...record, name: "store", state: "attempted", tries: 2, delayMs: 0 });
    const before = await h.store.operations(key);
    await h.store.release(key);
    await h.beginAgain(key.taskId);
    assert.deepEqual(await h.store.operations(key), before);
  },
});
