/** What a child asks is delivered for those who wait for it. */
import assert from "node:assert/strict";
import type { AttemptKey, CreateTask } from "../../store/store.ts";
import { assertFields, assertInAnyOrder } from "./assertions.ts";
import { call } from "./calls.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { openQuestion, question, unclaimed, withOutbox } from "./outbox.ts";

/** A child that a task waits for, and that runs; it has no session of its own, as those that `task.call` makes. */
async function calling(
  h: ContractHarness,
  key: AttemptKey,
  child: Partial<CreateTask> = {},
): Promise<AttemptKey> {
  return h.beginAgain(await call(h, key, child));
}

export const childDeliveryCases = casesOf("deliveries: a child's question", {
  "is put in for every caller that delivers, up to the first, and says who asks": withOutbox(
    async (h, outbox) => {
      const first = await outbox.running();
      const second = await calling(h, first);
      const third = await calling(h, second);
      const key = await openQuestion(h, third);
      assert.deepEqual(await outbox.pending(third.taskId), []);
      assert.deepEqual(await outbox.pending(second.taskId), []);
      const { entries } = await outbox.one();
      const [entry, ...others] = entries;
      assert.deepEqual(others, []);
      assertFields(entry, {
        kind: "question",
        key: `${first.taskId}-question-${third.taskId}${key}`,
        taskId: first.taskId,
        askerId: third.taskId,
        question: { ...question, key },
      });
    },
  ),

  "is taken out with its answer, its time-out, and is another when it is asked again": withOutbox(
    async (h, outbox) => {
      const first = await outbox.running({ delivery: unclaimed });
      const child = await calling(h, first);
      const { taskId } = child;
      const named = (key: string): string => `${first.taskId}-question-${taskId}${key}`;
      const key = await openQuestion(h, child);
      const other = await openQuestion(h, child, "really?");
      assert.deepEqual(await outbox.pending(first.taskId), [named(key), named(other)]);
      await h.store.askAgain({ taskId, key, problem: "no" });
      const [, again] = await outbox.pending(first.taskId);
      assert.ok(again !== undefined && again !== named(key), "a new key");
      await h.store.answer({ taskId, key: again.slice(named("").length), action: "decline" });
      assert.deepEqual(await outbox.pending(first.taskId), [named(other)]);
      const expired = { name: "really?", kind: "ask", state: "failed", failure: failure() } as const;
      await h.store.recordOperation({ ...child, ...expired });
      assert.deepEqual(await outbox.pending(first.taskId), []);
    },
  ),

  "is taken out when who asks has ended, however deep it is and whoever ended it": withOutbox(
    async (h, outbox) => {
      for (const end of ["third", "second", "first"]) {
        const first = await outbox.running({ delivery: unclaimed });
        const second = await calling(h, first);
        const third = await calling(h, second);
        await openQuestion(h, third);
        assert.equal((await outbox.pending(first.taskId)).length, 1);
        await h.store.cancel({ taskId: { first, second, third }[end]?.taskId ?? third.taskId });
        const left = await outbox.pending(first.taskId);
        assert.deepEqual(left, end === "first" ? [`${first.taskId}-end`] : [], end);
      }
    },
  ),

  "that was asked before is put in for who begins to wait, and for who waits for that": withOutbox(
    async (h, outbox) => {
      const early = await h.running();
      const child = await calling(h, early, { idempotencyKey: "monday" });
      const grandchild = await calling(h, child);
      const keys = [await openQuestion(h, child), await openQuestion(h, grandchild)];
      const late = await outbox.running();
      const between = await calling(h, late);
      assert.equal(await call(h, between, { idempotencyKey: "monday" }), child.taskId);
      assertInAnyOrder(await outbox.pending(late.taskId), [
        `${late.taskId}-question-${child.taskId}${keys[0]}`,
        `${late.taskId}-question-${grandchild.taskId}${keys[1]}`,
      ]);
    },
  ),

  "of a model is nobody's to answer": withOutbox(async (h, outbox) => {
    const first = await outbox.running();
    const child = await calling(h, first);
    const sample = { message: "sample", mode: "sample", request: { maxTokens: 1 } } as const;
    await h.store.openWait({ ...child, name: "sample", wait: { kind: "ask", question: sample } });
    assert.deepEqual(await outbox.pending(first.taskId), []);
  }),
});
