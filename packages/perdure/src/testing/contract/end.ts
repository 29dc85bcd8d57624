import assert from "node:assert/strict";
import type { CreateTask } from "../../store/store.ts";
import { assertFields, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

const keepForAMinute: Partial<CreateTask> = { ttlMs: 60_000 };

export const endCases = casesOf("complete and fail", {
  async "complete ends the task with its result"(h) {
    const key = await h.running(keepForAMinute);
    const before = await h.read(key.taskId);
    await h.clock.advance(1_000);
    await h.store.complete({ ...key, result: { accuracy: 0.93 } });
    const after = await h.read(key.taskId);
    assertFields(after, {
      status: "completed",
      phase: "ended",
      result: { accuracy: 0.93 },
      input: { epochs: 3 },
      attempt: 1,
      errors: 0,
      crashes: 0,
      createdAt: before.createdAt,
      endedAt: h.clock.now(),
      updatedAt: h.clock.now(),
      expiresAt: h.clock.now() + 60_000,
      dueAt: undefined,
      failure: undefined,
      reason: undefined,
    });
    assert.ok(after.revision > before.revision);
    assert.deepEqual(await h.life(key.taskId), ["created", "begun", "completed"]);
  },

  async "complete keeps every kind of result"(h) {
    for (const result of [undefined, null, false, 0, "", [], {}, "text", { a: [1, { b: null }] }]) {
      const key = await h.running();
      await h.store.complete({ ...key, result });
      assertFields(await h.read(key.taskId), { status: "completed", result });
    }
  },

  async "complete of a task without a ttl keeps it for ever"(h) {
    const { taskId } = await h.completed();
    assert.ok(!("expiresAt" in (await h.read(taskId))));
  },

  async "complete refuses a result that JSON does not keep, and the attempt goes on"(h) {
    const key = await h.running();
    await refuses("INVALID_VALUE", () => h.store.complete({ ...key, result: { at: Number.NaN } }));
    assertFields(await h.read(key.taskId), { status: "working", phase: "running" });
    await h.store.fail({ ...key, failure: failure({ code: "INVALID_VALUE", retryable: false }) });
    assertFields(await h.read(key.taskId), { status: "failed" });
  },

  async "fail ends the task with its failure"(h) {
    const key = await h.running(keepForAMinute);
    const before = await h.read(key.taskId);
    await h.clock.advance(1_000);
    await h.store.fail({ ...key, failure: failure() });
    const after = await h.read(key.taskId);
    assertFields(after, {
      status: "failed",
      phase: "ended",
      failure: failure(),
      result: undefined,
      input: { epochs: 3 },
      attempt: 1,
      endedAt: h.clock.now(),
      updatedAt: h.clock.now(),
      expiresAt: h.clock.now() + 60_000,
      dueAt: undefined,
      reason: undefined,
    });
    assert.ok(after.revision > before.revision);
    const last = (await h.store.timeline({ taskId: key.taskId })).at(-1);
    assertFields(last, { type: "failed", failure: failure(), at: h.clock.now() });
  },

  async "fail keeps every part of a failure, and nothing more"(h) {
    for (const cause of [
      failure({ data: { rows: [1, null] } }),
      failure({ code: "PROTOCOL_ERROR", jsonRpcCode: -32_602, retryable: false }),
      failure({ code: "TIMEOUT", message: "" }),
      failure({ data: null }),
    ]) {
      const key = await h.running();
      await h.store.fail({ ...key, failure: cause });
      const record = await h.read(key.taskId);
      assert.ok(record.status === "failed");
      assert.deepEqual(record.failure, cause);
    }
  },

  async "both are told in the summary and in the list"(h) {
    await h.completed();
    await h.clock.advance(10);
    await h.failed();
    const { tasks } = await h.store.list({});
    assert.deepEqual(
      tasks.map((task) => task.status),
      ["failed", "completed"],
    );
    assert.ok(tasks[0]?.status === "failed");
    assert.deepEqual(tasks[0].failure, failure());
  },
});
