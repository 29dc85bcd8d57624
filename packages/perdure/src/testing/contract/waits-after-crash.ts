/** Waits outlive the process, whatever the task was doing, and are resolved by the next one as by this. */
import assert from "node:assert/strict";
import { openQuestions } from "../../task/record.ts";
import { assertFields, assertInAnyOrder } from "./assertions.ts";
import { call, calling } from "./calls.ts";
import { casesOf } from "./contract.ts";
import { operationOf, parkedAt, requests } from "./waits.ts";

export const waitsAfterCrashCases = casesOf(
  "waits after a crash",
  {
    async "stand as they stood, parked: no crash is counted, and nothing is due"(h) {
      const key = await parkedAt(
        h,
        { name: "ask", wait: requests.ask },
        { name: "go", wait: requests.signal },
      );
      const before = await h.everything(key.taskId);
      await h.crash();
      assert.deepEqual(await h.everything(key.taskId), before);
      assert.deepEqual((await h.claim()).begun, []);
      const [question] = openQuestions(await h.store.operations(key));
      const answer = { taskId: key.taskId, key: question?.key ?? "", action: "accept", content: 1 } as const;
      assert.equal(await h.store.answer(answer), true);
      assertFields(await h.begin(key.taskId), { attempt: 2, crashes: 0 });
    },

    async "are due at their time, also when that passed while no process lived"(h) {
      const short = await parkedAt(h, { name: "nap", wait: { kind: "sleep", ms: 1_000 } });
      const long = await parkedAt(h, { name: "nap", wait: { kind: "sleep", ms: 9_000 } });
      await h.clock.advance(2_000);
      await h.crash();
      assert.deepEqual(
        (await h.claim()).begun.map(({ id }) => id),
        [short.taskId],
      );
      assert.equal(await h.nextDueMs(), 7_000);
      await h.clock.advance(7_000);
      assertFields(await h.begin(long.taskId), { attempt: 2, crashes: 0 });
    },

    async "of a child that was begun with its call: both are taken up again"(h) {
      await h.execute();
      const caller = await h.running();
      const child = h.request({ begin: true });
      await h.store.openCall({ ...caller, name: "call", child });
      await h.crash();
      const { begun } = await h.claim();
      assertInAnyOrder(
        begun.map(({ id, attempt }) => `${id} ${attempt}`),
        [`${caller.taskId} 2`, `${child.id} 2`],
      );
    },

    async "of an attempt that ran are there for the next, and none is opened twice"(h) {
      const first = await h.running();
      const childId = await call(h, first);
      for (const name of ["a", "b"]) await h.store.openWait({ ...first, name, wait: requests.ask });
      await h.store.openWait({ ...first, name: "nap", wait: { kind: "sleep", ms: 5_000 } });
      const before = await h.store.operations(first);
      await h.clock.advance(1_000);
      await h.crash();
      assertFields(await h.read(first.taskId), { status: "input_required" });
      const second = await h.beginAgain(first.taskId);
      for (const name of ["a", "b"]) await h.store.openWait({ ...second, name, wait: requests.ask });
      await h.store.openWait({ ...second, name: "nap", wait: { kind: "sleep", ms: 5_000 } });
      assert.equal(await call(h, second), childId);
      assert.deepEqual(await h.store.operations(second), before);
      assertFields(await h.read(first.taskId), { crashes: 1, attempt: 2 });
    },

    async "that were resolved while nothing ran are resolved"(h) {
      const first = await h.running();
      await h.store.openWait({ ...first, name: "go", wait: requests.signal });
      const childId = await call(h, first);
      await h.crash();
      await h.store.signal({ taskId: first.taskId, name: "go", value: 1 });
      await h.store.cancel({ taskId: childId });
      assertFields(await operationOf(h, first, "go"), { state: "done", value: 1 });
      assertFields(await operationOf(h, first, "call"), { state: "failed" });
      assertFields(await h.begin(first.taskId), { attempt: 2, crashes: 1 });
    },

    async "keep signals that nobody has waited for yet"(h) {
      const first = await h.running();
      await h.store.signal({ taskId: first.taskId, name: "go", value: [1] });
      await h.crash();
      const second = await h.beginAgain(first.taskId);
      const opened = await h.store.openWait({ ...second, name: "go", wait: requests.signal });
      assertFields(opened, { state: "done", value: [1] });
    },

    async "a child goes on, and its caller hears of its end"(h) {
      const { childId, ...key } = await calling(h);
      const dead = await h.beginAgain(childId);
      await h.crash();
      const child = await h.beginAgain(childId);
      assert.equal(child.attempt, dead.attempt + 1);
      assertFields(await h.read(key.taskId), { phase: "parked" });
      await h.store.complete({ ...child, result: 4 });
      await h.crash();
      assertFields(await operationOf(h, key, "call"), { state: "done", value: 4 });
      assertFields(await h.begin(key.taskId), { attempt: 2, crashes: 0 });
    },

    async "a child that crashes too often fails its caller's call"(h) {
      const { childId, ...key } = await calling(h);
      await h.beginAgain(childId);
      await h.crash();
      assert.equal(await h.begin(childId, { maxCrashes: 0 }), undefined);
      assertFields(await h.read(childId), { status: "failed" });
      assertFields(await operationOf(h, key, "call"), { state: "failed" });
      assertFields(await h.begin(key.taskId), { attempt: 2 });
    },

    async "keys of questions are not used again by the next process"(h) {
      const key = await parkedAt(h, { name: "ask", wait: requests.ask });
      const keys = new Set<string>();
      for (let round = 0; round < 3; round++) {
        const [question] = openQuestions(await h.store.operations(key));
        assert.ok(question && !keys.has(question.key));
        keys.add(question.key);
        await h.store.askAgain({ taskId: key.taskId, key: question.key, problem: `no ${round}` });
        await h.crash();
      }
    },
  },
  "reopen",
);
