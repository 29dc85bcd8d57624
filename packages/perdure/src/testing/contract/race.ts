/**
 * Two transitions that exclude each other, issued together: exactly one wins, whichever is first and however many
 * turns lie between them, and the record tells of the winner alone.
 */
import assert from "node:assert/strict";
import type { AttemptKey, CreatedTask } from "../../store/store.ts";
import type { TimelineEvent } from "../../task/record.ts";
import { assertCode, assertInAnyOrder } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { everyInterleaving, type Outcome, settled } from "./interleaving.ts";

/** The values of those that won. */
const won = (outcomes: readonly Outcome<unknown>[]) =>
  outcomes.filter((outcome) => outcome.status === "fulfilled");

/** One of two transitions by attempts won, and the other was refused as stale. */
function assertOneWinner(outcomes: readonly Outcome<unknown>[]): void {
  assert.equal(won(outcomes).length, 1, "exactly one wins");
  for (const outcome of outcomes)
    if (outcome.status === "rejected") assertCode(outcome.reason, "STALE_ATTEMPT");
}

const isEnd = (event: TimelineEvent) => ["completed", "failed", "cancelled"].includes(event.type);

async function assertEnded(h: ContractHarness, { taskId }: AttemptKey, status: string): Promise<void> {
  assert.equal((await h.read(taskId)).status, status);
  const ends = (await h.store.timeline({ taskId })).filter(isEnd).map((event) => event.type);
  assert.deepEqual(ends, [status], "the timeline tells of one end");
}

export const raceCases = casesOf("races", {
  async "complete against cancel"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const [completion, cancellation] = await together(
        () => h.store.complete({ ...key, result: 1 }),
        () => h.store.cancel({ taskId: key.taskId }),
      );
      assert.ok(cancellation.status === "fulfilled" && cancellation.value !== undefined);
      const { cancelled, task } = cancellation.value;
      assert.equal(completion.status === "fulfilled", !cancelled);
      assert.equal(task.status, cancelled ? "cancelled" : "completed");
      await assertEnded(h, key, task.status);
    });
  },

  async "complete against fail"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const outcomes = await together(
        () => h.store.complete({ ...key, result: 1 }),
        () => h.store.fail({ ...key, failure: failure() }),
      );
      assertOneWinner(outcomes);
      await assertEnded(h, key, outcomes[0].status === "fulfilled" ? "completed" : "failed");
    });
  },

  async "complete against itself"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const outcomes = await together(
        () => h.store.complete({ ...key, result: 1 }),
        () => h.store.complete({ ...key, result: 2 }),
      );
      assertOneWinner(outcomes);
      assert.equal((await h.read(key.taskId)).result, outcomes[0].status === "fulfilled" ? 1 : 2);
      await assertEnded(h, key, "completed");
    });
  },

  async "complete against the deadline"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running({ deadlineMs: 10 });
      await h.clock.advance(11);
      const [completion, overdue] = await together(
        () => h.store.complete({ ...key, result: 1 }),
        () => h.store.failOverdue({ limit: 10 }),
      );
      assert.ok(overdue.status === "fulfilled");
      assert.equal(completion.status === "fulfilled", overdue.value === 0);
      await assertEnded(h, key, overdue.value === 0 ? "completed" : "failed");
    });
  },

  async "retry against cancel"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const [retry, cancellation] = await together(
        () => h.store.retry({ ...key, failure: failure(), delayMs: 0 }),
        () => h.store.cancel({ taskId: key.taskId }),
      );
      assert.ok(cancellation.status === "fulfilled" && cancellation.value?.cancelled === true);
      if (retry.status === "rejected") assertCode(retry.reason, "STALE_ATTEMPT");
      await assertEnded(h, key, "cancelled");
    });
  },

  async "retry against release"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const outcomes = await together(
        () => h.store.retry({ ...key, failure: failure(), delayMs: 0 }),
        () => h.store.release(key),
      );
      assertOneWinner(outcomes);
      assert.equal((await h.read(key.taskId)).errors, outcomes[0].status === "fulfilled" ? 1 : 0);
      assert.equal((await h.beginAgain(key.taskId)).attempt, 2);
    });
  },

  async "two cancellations"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const outcomes = await together(
        () => h.store.cancel({ taskId: key.taskId, reason: "a" }),
        () => h.store.cancel({ taskId: key.taskId, reason: "b" }),
      );
      const cancelled = outcomes.map(
        (outcome) => outcome.status === "fulfilled" && outcome.value?.cancelled === true,
      );
      assertInAnyOrder(cancelled, [false, true]);
      const record = await h.read(key.taskId);
      assert.ok(record.status === "cancelled");
      assert.equal(record.reason, cancelled[0] ? "a" : "b");
      await assertEnded(h, key, "cancelled");
    });
  },

  async "two begins"(h) {
    await everyInterleaving(async (together) => {
      const { id } = await h.create();
      const outcomes = await together(
        () => h.begin(id),
        () => h.begin(id),
      );
      const attempts = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value?.attempt);
      assertInAnyOrder(attempts, [1, undefined]);
      assert.deepEqual(await h.life(id), ["created", "begun"]);
    });
  },

  async "begin against claim"(h) {
    await h.execute();
    await everyInterleaving(async (together) => {
      const { id } = await h.create();
      const [begun, claimed] = await together(
        () => h.begin(id),
        () => h.claim(),
      );
      assert.ok(begun.status === "fulfilled" && claimed.status === "fulfilled");
      const winners = [begun.value, ...claimed.value.begun].filter((record) => record !== undefined);
      assert.deepEqual(
        winners.map((record) => [record.id, record.attempt]),
        [[id, 1]],
      );
    });
  },

  async "two claims"(h) {
    await h.execute();
    await everyInterleaving(async (together) => {
      const tasks = [await h.create(), await h.create(), await h.create()];
      const outcomes = await together(
        () => h.claim({ limit: 2 }),
        () => h.claim({ limit: 2 }),
      );
      const begun = outcomes.flatMap((outcome) =>
        outcome.status === "fulfilled" ? outcome.value.begun.map((record) => record.id) : [],
      );
      assertInAnyOrder(
        begun,
        tasks.map((task) => task.id),
      );
    });
  },

  async "begin against cancel"(h) {
    await everyInterleaving(async (together) => {
      const { id } = await h.create();
      const [begun, cancellation] = await together(
        () => h.begin(id),
        () => h.store.cancel({ taskId: id }),
      );
      assert.ok(begun.status === "fulfilled");
      assert.ok(cancellation.status === "fulfilled" && cancellation.value?.cancelled === true);
      const key = { taskId: id, attempt: begun.value?.attempt ?? 0 };
      await assertEnded(h, key, "cancelled");
      assert.equal((await h.life(id)).includes("begun"), begun.value !== undefined);
    });
  },

  async "two creates with one idempotency key"(h) {
    let round = 0;
    await everyInterleaving(async (together) => {
      const idempotencyKey = `round ${round++}`;
      const outcomes = await together(
        () => h.store.create(h.request({ idempotencyKey })),
        () => h.store.create(h.request({ idempotencyKey })),
      );
      const created = outcomes.map((outcome) => {
        assert.ok(outcome.status === "fulfilled");
        return outcome.value;
      });
      assertInAnyOrder(
        created.map((one) => one.created),
        [false, true],
      );
      assert.equal(created[0]?.task.id, created[1]?.task.id);
    });
  },

  async "two creates with one idempotency key and two inputs"(h) {
    let round = 0;
    await everyInterleaving(async (together) => {
      const idempotencyKey = `round ${round++}`;
      const outcomes: readonly Outcome<CreatedTask>[] = await together(
        () => h.store.create(h.request({ idempotencyKey, input: "a" })),
        () => h.store.create(h.request({ idempotencyKey, input: "b" })),
      );
      assert.equal(won(outcomes).length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") assertCode(outcome.reason, "IDEMPOTENCY_CONFLICT");
        else assert.equal(outcome.value.created, true);
      }
    });
  },

  async "two records of one operation"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const record = { ...key, name: "charge", kind: "step", state: "done" } as const;
      const outcomes = await together(
        () => h.store.recordOperation({ ...record, value: 1 }),
        () => h.store.recordOperation({ ...record, value: 2 }),
      );
      assert.equal(won(outcomes).length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") assertCode(outcome.reason, "STEP_MISMATCH");
      }
      const [operation] = await h.store.operations(key);
      assert.ok(operation?.state === "done");
      assert.equal(operation.value, outcomes[0].status === "fulfilled" ? 1 : 2);
    });
  },

  async "an operation, a save and a report against cancel"(h) {
    const writes = [
      (key: AttemptKey) =>
        h.store.recordOperation({ ...key, name: "charge", kind: "step", state: "done", value: 1 }),
      (key: AttemptKey) => h.store.saveState({ ...key, state: 1 }),
      (key: AttemptKey) => h.store.report({ ...key, logs: [{ level: "info", message: "charged" }] }),
    ];
    for (const write of writes) {
      await everyInterleaving(async (together) => {
        const key = await h.running();
        const before = await h.everything(key.taskId);
        const [written] = await together<unknown, unknown>(
          () => write(key),
          () => h.store.cancel({ taskId: key.taskId }),
        );
        const { operations, savedState, timeline } = await h.everything(key.taskId);
        const kept =
          operations.length > 0 || savedState !== undefined || timeline.length > before.timeline.length + 1;
        assert.equal(kept, written.status === "fulfilled", "what was refused left no trace");
        if (written.status === "rejected") assertCode(written.reason, "STALE_ATTEMPT");
        await assertEnded(h, key, "cancelled");
      });
    }
  },

  async "two deletions"(h) {
    await everyInterleaving(async (together) => {
      const { taskId } = await h.completed();
      const outcomes = await together(
        () => h.store.delete({ taskId }),
        () => h.store.delete({ taskId }),
      );
      const removed = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value);
      assertInAnyOrder(removed, [false, true]);
    });
  },

  async "twenty of everything on one task: one end"(h) {
    const key = await h.running();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => [
        settled(() => h.store.fail({ ...key, failure: failure() })),
        settled(() => h.store.complete({ ...key, result: n })),
        settled(() => h.store.release(key)),
      ]).flat(),
    );
    assertOneWinner(outcomes);
    await assertEnded(h, key, "failed");
  },
});
