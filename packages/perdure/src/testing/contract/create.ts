import assert from "node:assert/strict";
import { newTaskId } from "../../task/id.ts";
import { assertFields, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const createCases = casesOf("create", {
  async "makes a queued task that is due at once"(h) {
    const request = h.request();
    const { created, task } = await h.store.create(request);
    assert.equal(created, true);
    assertFields(task, {
      id: request.id,
      tool: "train",
      owner: "ada",
      status: "working",
      phase: "queued",
      dueAt: h.clock.now(),
      attempt: 0,
      errors: 0,
      crashes: 0,
      priority: 0,
      createdAt: h.clock.now(),
      updatedAt: h.clock.now(),
      revision: 1,
      input: { epochs: 3 },
      result: undefined,
    });
  },

  async "leaves out what was not given"(h) {
    const task = await h.create();
    for (const field of [
      "progress",
      "session",
      "idempotencyKey",
      "retryOf",
      "deadlineAt",
      "ttlMs",
      "endedAt",
      "expiresAt",
      "failure",
      "reason",
    ]) {
      assert.ok(!(field in task), `${field} is absent`);
    }
  },

  async "returns the task as it is read back"(h) {
    const task = await h.create({
      priority: 3,
      idempotencyKey: "monday",
      session: { session: "s-1" },
      ttlMs: 60_000,
    });
    assert.deepEqual(await h.store.get({ taskId: task.id }), task);
  },

  async "keeps all that was given"(h) {
    const earlier = await h.completed();
    const session = { session: "s-1", memory: "m-1", actor: "ada" };
    const task = await h.create({
      priority: -5,
      idempotencyKey: "monday",
      session,
      retryOf: earlier.taskId,
      ttlMs: 60_000,
      deadlineMs: 90_000,
    });
    assertFields(task, {
      priority: -5,
      idempotencyKey: "monday",
      session,
      retryOf: earlier.taskId,
      ttlMs: 60_000,
      deadlineAt: h.clock.now() + 90_000,
    });
  },

  async "keeps a session context that is partly known"(h) {
    const task = await h.create({ session: { actor: "ada" } });
    assert.deepEqual((await h.read(task.id)).session, { actor: "ada" });
  },

  async "keeps a task back until its startAt"(h) {
    const startAt = h.clock.now() + 5_000;
    const task = await h.create({ startAt });
    assertFields(task, { phase: "queued", dueAt: startAt });
    await h.clock.advance(4_999);
    assert.equal(await h.begin(task.id), undefined);
    await h.clock.advance(1);
    assert.ok(await h.begin(task.id));
  },

  async "takes a startAt of the past as at once"(h) {
    const task = await h.create({ startAt: h.clock.now() - 5_000 });
    assertFields(task, { phase: "queued", dueAt: h.clock.now() });
    assert.ok(await h.begin(task.id));
  },

  async "begins the first attempt in the same commit, when asked to"(h) {
    await h.execute();
    const task = await h.create({ begin: true });
    assertFields(task, { status: "working", phase: "running", attempt: 1 });
    assert.deepEqual(await h.store.get({ taskId: task.id }), task);
    assert.deepEqual(await h.life(task.id), ["created", "begun"]);
    await h.store.complete({ taskId: task.id, attempt: 1, result: "done" });
    assertFields(await h.read(task.id), { status: "completed", result: "done" });
  },

  async "does not begin before startAt, even when asked to"(h) {
    await h.execute();
    const startAt = h.clock.now() + 5_000;
    const task = await h.create({ begin: true, startAt });
    assertFields(task, { phase: "queued", attempt: 0, dueAt: startAt });
  },

  async "refuses a second task under one id, and keeps the first"(h) {
    const first = await h.create({ input: "first" });
    await leavesUnchanged(h, first.id, () =>
      assert.rejects(() => h.store.create(h.request({ id: first.id, input: "second" }))),
    );
  },

  async "makes many tasks in one turn"(h) {
    const tasks = await Promise.all(Array.from({ length: 200 }, (_, n) => h.create({ input: n })));
    assert.equal(new Set(tasks.map((task) => task.id)).size, 200);
    for (const [n, { id }] of tasks.entries()) assert.equal((await h.read(id)).input, n);
  },

  async "answers undefined for a task that is not there"(h) {
    const taskId = newTaskId(h.clock.now());
    assert.deepEqual(await h.everything(taskId), {
      record: undefined,
      operations: [],
      savedState: undefined,
      timeline: [],
    });
    assert.equal(await h.store.summary({ taskId }), undefined);
  },

  async "tells the same in the summary, without the values"(h) {
    const { taskId } = await h.completed({ session: { session: "s-1" } });
    const { input, result, ...rest } = await h.read(taskId);
    assert.deepEqual(await h.store.summary({ taskId }), rest);
    assert.deepEqual([input, result], [{ epochs: 3 }, { loss: 0.25 }]);
  },
});
