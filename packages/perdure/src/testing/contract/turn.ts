/**
 * A store may gather the writes of an event-loop turn into one commit. A caller does not notice: each transition is
 * applied or refused alone, in the order in which they were issued.
 */
import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertCode, assertFields } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const turnCases = casesOf("one turn", {
  async "applies transitions in the order in which they were issued"(h) {
    const key = await h.running();
    await Promise.all([
      h.store.report({ ...key, progress: { done: 1 } }),
      h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 }),
      h.store.saveState({ ...key, state: { epoch: 1 } }),
      h.store.report({ ...key, logs: [{ level: "info", message: "almost" }] }),
      h.store.saveState({ ...key, state: { epoch: 2 } }),
      h.store.complete({ ...key, result: "done" }),
    ]);
    assertFields(await h.read(key.taskId), { status: "completed", result: "done", progress: { done: 1 } });
    assert.deepEqual(await h.store.savedState(key), { epoch: 2 });
    assert.deepEqual(await h.life(key.taskId), ["created", "begun", "operation", "log", "completed"]);
  },

  async "lets a whole life happen in it"(h) {
    await h.execute();
    const request = h.request();
    const taskId = request.id;
    await Promise.all([
      h.store.create(request),
      h.store.begin({ taskId, maxCrashes: 1 }),
      h.store.retry({ taskId, attempt: 1, failure: failure(), delayMs: 0 }),
      h.store.begin({ taskId, maxCrashes: 1 }),
      h.store.complete({ taskId, attempt: 2, result: "done" }),
    ]);
    assertFields(await h.read(taskId), { status: "completed", attempt: 2, errors: 1, result: "done" });
    assert.deepEqual(await h.life(taskId), ["created", "begun", "retry", "begun", "completed"]);
  },

  async "does not let a refused transition undo its neighbours"(h) {
    const key = await h.running();
    const ended = await h.completed();
    await h.create({ idempotencyKey: "monday" });
    await h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    const [first, last] = [h.request({ input: "first" }), h.request({ input: "last" })];
    const outcomes = await Promise.allSettled([
      h.store.create(first),
      h.store.complete({ ...ended, result: "again" }),
      h.store.saveState({ ...key, state: { epoch: 1 } }),
      h.store.create(h.request({ idempotencyKey: "monday", input: "another" })),
      h.store.report({ ...key, progress: { done: 1 } }),
      h.store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 2 }),
      h.store.recordOperation({ ...key, name: "train", kind: "step", state: "done", value: 3 }),
      h.store.delete({ taskId: key.taskId }),
      h.store.create(h.request({ input: Number.NaN })),
      h.store.create(h.request({ id: ended.taskId })),
      h.store.fail({ taskId: newTaskId(h.clock.now()), attempt: 1, failure: failure() }),
      h.store.create(last),
    ]);
    const refused = outcomes.map((outcome) => outcome.status === "rejected");
    assert.deepEqual(
      refused,
      [false, true, false, true, false, true, false, true, true, true, true, false],
      "each is refused or applied alone",
    );
    for (const [index, code] of [
      [1, "STALE_ATTEMPT"],
      [3, "IDEMPOTENCY_CONFLICT"],
      [5, "STEP_MISMATCH"],
      [7, "TASK_NOT_ENDED"],
      [8, "INVALID_VALUE"],
      [10, "STALE_ATTEMPT"],
    ] as const) {
      const outcome = outcomes[index];
      assert.ok(outcome.status === "rejected");
      assertCode(outcome.reason, code);
    }
    assert.equal((await h.read(first.id)).input, "first");
    assert.equal((await h.read(last.id)).input, "last");
    assert.deepEqual(await h.store.savedState(key), { epoch: 1 });
    assert.deepEqual((await h.read(key.taskId)).progress, { done: 1 });
    const operations = await h.store.operations(key);
    assert.deepEqual(
      operations.map((operation) => operation.state === "done" && [operation.name, operation.value]),
      [
        ["load", 1],
        ["train", 3],
      ],
    );
  },

  async "lets a refused transition leave nothing of its own"(h) {
    const key = await h.running();
    const good = h.request();
    const bad = h.request({ id: key.taskId, idempotencyKey: "bad" });
    await Promise.allSettled([h.store.create(bad), h.store.create(good)]);
    const { created } = await h.store.create(h.request({ idempotencyKey: "bad", input: "another" }));
    assert.equal(created, true, "the key of the refused one is free");
    assert.deepEqual(await h.life(key.taskId), ["created", "begun"]);
  },

  async "shows what was acknowledged to every later reader"(h) {
    await h.execute();
    for (let n = 0; n < 10; n++) {
      const { id } = await h.create({ input: n });
      const [record, summary, page] = await Promise.all([
        h.store.get({ taskId: id }),
        h.store.summary({ taskId: id }),
        h.store.list({ limit: 1_000 }),
      ]);
      assert.equal(record?.input, n);
      assert.ok(summary);
      assert.ok(page.tasks.some((task) => task.id === id));
    }
  },
});
