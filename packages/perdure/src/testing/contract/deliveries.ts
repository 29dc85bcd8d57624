/** What is put into the outbox of a session, with what it tells of. */
import assert from "node:assert/strict";
import type { AttemptKey } from "../../store/store.ts";
import { assertFields, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { always, openQuestion, question, unclaimed, withOutbox } from "./outbox.ts";

const ends: Readonly<Record<string, (h: ContractHarness, key: AttemptKey) => Promise<unknown>>> = {
  completed: (h, key) => h.store.complete({ ...key, result: 1 }),
  failed: (h, key) => h.store.fail({ ...key, failure: failure() }),
  cancelled: (h, key) => h.store.cancel({ taskId: key.taskId, reason: "by another" }),
  overdue: async (h) => {
    await h.clock.advance(60_000);
    await h.store.failOverdue({ limit: 10 });
  },
};

export const deliveryCases = [
  ...casesOf("deliveries: what is put in", {
    "is nothing of a task without a delivery, whatever its session": withOutbox(async (h, outbox) => {
      const key = await h.running({ session: { session: "s-1" } });
      await outbox.remember(key, "half");
      await h.store.openWait({ ...key, name: "sure?", wait: { kind: "ask", question } });
      await h.store.complete({ ...key, result: 1 });
      assert.deepEqual(await outbox.lease(), []);
      assert.equal(await h.store.deliveries.nextDueMs(), undefined);
      assert.deepEqual(await outbox.pending(key.taskId), []);
    }),

    "is every end, with the end": withOutbox(async (h, outbox) => {
      for (const [name, end] of Object.entries(ends)) {
        const key = await outbox.running({ deadlineMs: 60_000 });
        assert.deepEqual(await outbox.pending(key.taskId), [], name);
        await end(h, key);
        assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`], name);
        const { entries, session } = await outbox.one();
        assert.deepEqual(entries, [
          { kind: "end", key: `${key.taskId}-end`, taskId: key.taskId, at: h.clock.now() },
        ]);
        assert.deepEqual(session, { session: "s-1" });
        await h.clock.advance(60_001);
        assert.equal((await outbox.drain()).length, 1, name);
      }
    }),

    "is no end that the caller itself asked for": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.running();
      await h.store.cancel({ taskId, byCaller: true });
      assert.deepEqual(await outbox.pending(taskId), []);
      assertFields((await h.read(taskId)).delivery, { ...always, claimedAt: h.clock.now() });
    }),

    "is no end that was refused": withOutbox(async (h, outbox) => {
      const key = await outbox.completed();
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...key, result: 2 }));
      await h.store.cancel({ taskId: key.taskId });
      assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
    }),

    "is an open question, until it is answered": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await openQuestion(h, key, "one");
      await openQuestion(h, key, "two");
      const pending = await outbox.pending(key.taskId);
      assert.equal(pending.length, 2);
      const [first] = await h.store.operations(key);
      assert.ok(first?.state === "open" && first.wait.kind === "ask");
      await h.store.answer({
        taskId: key.taskId,
        key: first.wait.question.key,
        action: "accept",
        content: 1,
      });
      assert.deepEqual(await outbox.pending(key.taskId), pending.slice(1));
      await h.clock.advance(30_000);
      const { entries } = await outbox.one();
      assertFields(entries[0], { kind: "question", key: pending[1] });
      assert.ok(entries[0]?.kind === "question");
      assert.equal(entries[0].question.message, "sure?");
    }),

    "is a question that was asked again, and not the one before": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
      const [before] = await outbox.pending(key.taskId);
      const questionKey = before?.split("-").at(-1) ?? "";
      await h.store.askAgain({ taskId: key.taskId, key: questionKey, problem: "too short" });
      const [after, ...others] = await outbox.pending(key.taskId);
      assert.deepEqual(others, []);
      assert.notEqual(after, before);
    }),

    "is no question of a task that has ended, and none for the client's model": withOutbox(
      async (h, outbox) => {
        const key = await outbox.running();
        await h.store.openWait({
          ...key,
          name: "sample",
          wait: { kind: "ask", question: { ...question, mode: "sample", request: {} } },
        });
        assert.deepEqual(await outbox.pending(key.taskId), []);
        await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
        await h.store.complete({ ...key, result: 1 });
        assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
      },
    ),

    "is no question whose time is over": withOutbox(async (h, outbox) => {
      const key = await outbox.running({ delivery: unclaimed });
      await h.store.openWait({ ...key, name: "one", wait: { kind: "ask", question } });
      await h.store.recordOperation({
        ...key,
        name: "one",
        kind: "ask",
        state: "failed",
        failure: failure(),
      });
      assert.deepEqual(await outbox.pending(key.taskId), []);
    }),

    "is nothing of a child, of which its caller is told": withOutbox(async (h, outbox) => {
      const parent = await outbox.running();
      const child = h.request();
      await h.store.openCall({ ...parent, name: "child", child });
      const key = await h.beginAgain(child.id);
      await h.store.complete({ ...key, result: 1 });
      assert.deepEqual(await outbox.pending(child.id), []);
      await h.store.complete({ ...parent, result: 1 });
      assert.deepEqual(await outbox.drain(), [`${parent.taskId}-end`]);
    }),

    "is kept with what was asked for": withOutbox(async (h, outbox) => {
      const { taskId } = await outbox.running({ delivery: unclaimed });
      assert.deepEqual((await h.read(taskId)).delivery, unclaimed);
      assert.deepEqual((await h.store.summary({ taskId }))?.delivery, unclaimed);
    }),
  }),

  ...casesOf("deliveries: interim results", {
    "that wait are one entry, in their order": withOutbox(async (h, outbox) => {
      const key = await outbox.running();
      const start = h.clock.now();
      for (const text of ["a", "b", "c"]) {
        await outbox.remember(key, text);
        await h.clock.advance(10);
      }
      const { entries } = await outbox.one();
      assert.equal(entries.length, 1);
      assertFields(entries[0], {
        kind: "interim",
        remembered: [
          { text: "a", at: start },
          { text: "b", at: start + 10 },
          { text: "c", at: start + 20 },
        ],
        omitted: 0,
      });
    }),

    "of several tasks are several entries": withOutbox(async (_h, outbox) => {
      for (const task of [await outbox.running(), await outbox.running()]) await outbox.remember(task, "x");
      assert.equal((await outbox.one()).entries.length, 2);
    }),

    "are bounded: the latest are kept, the others counted": withOutbox(async (_h, outbox) => {
      const key = await outbox.running();
      for (let n = 0; n < 25; n++) await outbox.remember(key, `${n}`);
      const [entry] = (await outbox.one()).entries;
      assert.ok(entry?.kind === "interim");
      assert.deepEqual([entry.remembered.length, entry.omitted], [20, 5]);
      assert.equal(entry.remembered.at(-1)?.text, "24");
    }),

    "that come while others are under way are another entry": withOutbox(async (_h, outbox) => {
      const key = await outbox.running();
      await outbox.remember(key, "a");
      const first = await outbox.one();
      await outbox.remember(key, "b");
      await outbox.delivered(first);
      const second = await outbox.one();
      assert.deepEqual(
        second.entries.flatMap((entry) =>
          entry.kind === "interim" ? entry.remembered.map((r) => r.text) : [],
        ),
        ["b"],
      );
      assert.notEqual(first.key, second.key);
    }),

    "go after ends and questions": withOutbox(async (h, outbox) => {
      const first = await outbox.running();
      await outbox.remember(first, "a");
      const asking = await outbox.running();
      await h.store.openWait({ ...asking, name: "one", wait: { kind: "ask", question } });
      await h.store.complete({ ...first, result: 1 });
      assert.deepEqual(
        (await outbox.one()).entries.map((entry) => entry.kind),
        ["question", "end", "interim"],
      );
    }),

    "are refused to an attempt that is over": withOutbox(async (h, outbox) => {
      const key = await outbox.completed();
      await refuses("STALE_ATTEMPT", () => outbox.remember(key, "late"));
      assert.deepEqual(await outbox.pending(key.taskId), [`${key.taskId}-end`]);
      assert.equal((await h.store.operations(key)).length, 0);
    }),
  }),
];
