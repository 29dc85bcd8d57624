import assert from "node:assert/strict";
import { assertFields, assertInAnyOrder, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

export const crashCases = casesOf(
  "crash",
  {
    async "keeps all that was acknowledged"(h) {
      const key = await h.running({
        idempotencyKey: "monday",
        ttlMs: 60_000,
        deadlineMs: 90_000,
        session: { actor: "ada" },
      });
      await h.store.recordOperation({
        ...key,
        name: "load",
        kind: "step",
        state: "done",
        value: [1, "é", null],
      });
      await h.store.saveState({ ...key, state: new Uint8Array([0, 255, 7]) });
      await h.store.report({
        ...key,
        progress: { done: 1, total: 3, message: "loading" },
        logs: [{ level: "info", message: "loading", data: { rows: 5 } }],
      });
      const ended = await h.failed();
      const waiting = await h.create({ startAt: h.clock.now() + 5_000 });
      const ids = [key.taskId, ended.taskId, waiting.id];
      const before = await Promise.all(ids.map((id) => h.everything(id)));
      await h.reopen();
      assert.deepEqual(await Promise.all(ids.map((id) => h.everything(id))), before);
    },

    async "leaves a running attempt to be begun again, and counts it"(h) {
      const { taskId } = await h.running();
      await h.clock.advance(1_000);
      await h.crash();
      const begun = await h.begin(taskId);
      assert.ok(begun);
      assertFields(begun, { phase: "running", attempt: 2, crashes: 1, errors: 0, updatedAt: h.clock.now() });
      assert.deepEqual(await h.life(taskId), ["created", "begun", "crashed", "begun"]);
      const [, , crashed, again] = await h.store.timeline({ taskId });
      assertFields(crashed, { type: "crashed", attempt: 1 });
      assertFields(again, { type: "begun", attempt: 2 });
    },

    async "counts an attempt that was begun by create"(h) {
      await h.execute();
      const { id } = await h.create({ begin: true });
      await h.crash();
      assertFields(await h.begin(id), { attempt: 2, crashes: 1 });
    },

    async "does not count a task that was only queued"(h) {
      const { id } = await h.create();
      await h.execute();
      await h.crash();
      assertFields(await h.begin(id), { attempt: 1, crashes: 0 });
    },

    async "does not count an attempt that was released, nor one that is to be tried again"(h) {
      const released = await h.running();
      await h.store.release(released);
      const retried = await h.running();
      await h.store.retry({ ...retried, failure: failure(), delayMs: 0 });
      await h.crash();
      assertFields(await h.begin(released.taskId), { attempt: 2, crashes: 0, errors: 0 });
      assertFields(await h.begin(retried.taskId), { attempt: 2, crashes: 0, errors: 1 });
    },

    async "leaves what has ended alone"(h) {
      const { taskId } = await h.completed();
      await leavesUnchanged(h, taskId, async () => {
        await h.crash();
        assert.equal(await h.begin(taskId), undefined);
      });
    },

    async "is begun again once, not twice"(h) {
      const { taskId } = await h.running();
      await h.crash();
      const both = await Promise.all([h.begin(taskId), h.begin(taskId)]);
      assertInAnyOrder(
        both.map((record) => record?.attempt),
        [2, undefined],
      );
    },

    async "refuses the dead attempt once the next has begun"(h) {
      const dead = await h.running();
      await h.crash();
      await h.beginAgain(dead.taskId);
      await leavesUnchanged(h, dead.taskId, () =>
        refuses("STALE_ATTEMPT", () => h.store.complete({ ...dead, result: "late" })),
      );
    },

    async "fails the task beyond maxCrashes in a row"(h) {
      const { taskId } = await h.running({ ttlMs: 60_000 });
      for (const crashes of [1, 2]) {
        await h.crash();
        assertFields(await h.begin(taskId, { maxCrashes: 2 }), { crashes });
      }
      await h.crash();
      assert.equal(await h.begin(taskId, { maxCrashes: 2 }), undefined);
      const record = await h.read(taskId);
      assertFields(record, {
        status: "failed",
        phase: "ended",
        attempt: 3,
        crashes: 3,
        endedAt: h.clock.now(),
        expiresAt: h.clock.now() + 60_000,
      });
      assert.ok(record.status === "failed");
      assertFields(record.failure, { code: "CRASH_LOOP", retryable: false });
      assert.deepEqual((await h.life(taskId)).slice(-2), ["crashed", "failed"]);
    },

    async "fails the task at its first crash where none is allowed"(h) {
      const { taskId } = await h.running();
      await h.crash();
      assert.equal(await h.begin(taskId, { maxCrashes: 0 }), undefined);
      assertFields(await h.read(taskId), { status: "failed", attempt: 1, crashes: 1 });
    },

    async "counts from nothing again once an operation was recorded"(h) {
      for (const outcome of [
        { state: "done", value: 1 },
        { state: "failed", failure: failure() },
      ] as const) {
        const { taskId } = await h.running();
        await h.crash();
        const second = await h.beginAgain(taskId);
        await h.store.recordOperation({ ...second, name: "load", kind: "step", ...outcome });
        assertFields(await h.read(taskId), { crashes: 0 });
        await h.crash();
        assertFields(await h.begin(taskId, { maxCrashes: 1 }), { crashes: 1 });
        await h.store.cancel({ taskId });
      }
    },

    async "counts from nothing again once state was saved"(h) {
      const { taskId } = await h.running();
      await h.crash();
      const second = await h.beginAgain(taskId);
      await h.store.saveState({ ...second, state: { epoch: 1 } });
      assertFields(await h.read(taskId), { crashes: 0 });
    },

    async "goes on counting through progress, logs and releases"(h) {
      const { taskId } = await h.running();
      await h.crash();
      const second = await h.beginAgain(taskId);
      await h.store.report({ ...second, progress: { done: 1 }, logs: [{ level: "info", message: "again" }] });
      assertFields(await h.read(taskId), { crashes: 1 });
      await h.store.release(second);
      assertFields(await h.begin(taskId), { crashes: 1 });
      await h.crash();
      assertFields(await h.begin(taskId), { crashes: 2, attempt: 4 });
    },

    async "keeps operations and saved state for the next attempt"(h) {
      const first = await h.running();
      await h.store.recordOperation({ ...first, name: "load", kind: "step", state: "done", value: "rows" });
      await h.store.saveState({ ...first, state: { epoch: 2 } });
      await h.crash();
      await h.beginAgain(first.taskId);
      assertFields((await h.store.operations({ taskId: first.taskId }))[0], {
        name: "load",
        attempt: 1,
        value: "rows",
      });
      assert.deepEqual(await h.store.savedState({ taskId: first.taskId }), { epoch: 2 });
    },
  },
  "reopen",
);
