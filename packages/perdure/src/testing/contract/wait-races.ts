/** What comes from outside against what the attempt does: whichever is first, nothing is lost and nothing happens twice. */
import assert from "node:assert/strict";
import type { AttemptKey } from "../../store/store.ts";
import { openQuestions } from "../../task/record.ts";
import { assertCode, assertFields, assertInAnyOrder } from "./assertions.ts";
import { call } from "./calls.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { everyInterleaving, type Outcome } from "./interleaving.ts";
import { operationOf, requests } from "./waits.ts";

const valueOf = <T>(outcome: Outcome<T>): T => {
  assert.ok(outcome.status === "fulfilled", outcome.status === "rejected" ? String(outcome.reason) : "");
  return outcome.value;
};

async function asking(h: ContractHarness): Promise<AttemptKey & { readonly key: string }> {
  const attempt = await h.running();
  await h.store.openWait({ ...attempt, name: "ask", wait: requests.ask });
  const [question] = openQuestions(await h.store.operations(attempt));
  assert.ok(question);
  return { ...attempt, key: question.key };
}

const answer = (h: ContractHarness, { taskId, key }: AttemptKey & { key: string }, content = "yes") =>
  h.store.answer({ taskId, key, action: "accept", content });

/** However park and what resolves the wait crossed: the value is there, and the task runs or is due. */
async function assertAwake(h: ContractHarness, { taskId }: AttemptKey, parked: boolean): Promise<void> {
  const { phase } = await h.read(taskId);
  assert.equal(phase, parked ? "queued" : "running");
  if (parked) assertFields(await h.begin(taskId), { attempt: 2 });
  await h.store.cancel({ taskId });
}

export const waitRaceCases = casesOf("races of waits", {
  async "two answers: one is taken"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const outcomes = await together(
        () => answer(h, asked, "a"),
        () => answer(h, asked, "b"),
      );
      const taken = outcomes.map(valueOf);
      assertInAnyOrder(taken, [false, true]);
      assertFields(await operationOf(h, asked, "ask"), { state: "done", value: taken[0] ? "a" : "b" });
      const answers = (await h.life(asked.taskId)).filter((type) => type === "answered");
      assert.equal(answers.length, 1);
    });
  },

  async "answer against decline"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const [accepted, declined] = await together(
        () => answer(h, asked),
        () => h.store.answer({ taskId: asked.taskId, key: asked.key, action: "decline" }),
      );
      assert.notEqual(valueOf(accepted), valueOf(declined));
      const state = valueOf(accepted) ? "done" : "failed";
      assertFields(await operationOf(h, asked, "ask"), { state });
    });
  },

  async "answer against asking again"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const [taken, again] = await together(
        () => answer(h, asked),
        () => h.store.askAgain({ taskId: asked.taskId, key: asked.key, problem: "no" }),
      );
      assert.notEqual(valueOf(taken), valueOf(again));
      assertFields(await operationOf(h, asked, "ask"), { state: valueOf(taken) ? "done" : "open" });
      const status = valueOf(taken) ? "working" : "input_required";
      assertFields(await h.read(asked.taskId), { status });
    });
  },

  async "answer against cancel"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      await h.store.park({ ...asked, waits: ["ask"] });
      const [taken, cancellation] = await together(
        () => answer(h, asked),
        () => h.store.cancel({ taskId: asked.taskId }),
      );
      assert.equal(valueOf(cancellation)?.cancelled, true);
      assertFields(await operationOf(h, asked, "ask"), { state: valueOf(taken) ? "done" : "open" });
      assertFields(await h.read(asked.taskId), { status: "cancelled", phase: "ended" });
      assert.equal(await h.begin(asked.taskId), undefined);
    });
  },

  async "answer against its expiry"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const expired = { name: "ask", kind: "ask", state: "failed", failure: failure() } as const;
      const [taken, expiry] = await together(
        () => answer(h, asked),
        () => h.store.recordOperation({ taskId: asked.taskId, attempt: asked.attempt, ...expired }),
      );
      if (expiry.status === "rejected") assertCode(expiry.reason, "STEP_MISMATCH");
      assert.equal(valueOf(taken), expiry.status === "rejected");
      assertFields(await operationOf(h, asked, "ask"), { state: valueOf(taken) ? "done" : "failed" });
      assertFields(await h.read(asked.taskId), { status: "working" });
    });
  },

  async "park against answer"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const [parked, taken] = await together(
        () => h.store.park({ ...asked, waits: ["ask"] }),
        () => answer(h, asked),
      );
      assert.equal(valueOf(taken), true);
      assertFields(await operationOf(h, asked, "ask"), { state: "done", value: "yes" });
      await assertAwake(h, asked, valueOf(parked));
    });
  },

  async "park against signal"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      await h.store.openWait({ ...key, name: "go", wait: requests.signal });
      const [parked, sent] = await together(
        () => h.store.park({ ...key, waits: ["go"] }),
        () => h.store.signal({ taskId: key.taskId, name: "go", value: 1 }),
      );
      assert.equal(valueOf(sent), true);
      assertFields(await operationOf(h, key, "go"), { state: "done", value: 1 });
      await assertAwake(h, key, valueOf(parked));
    });
  },

  async "a wait against its signal"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const [opened, sent] = await together(
        () => h.store.openWait({ ...key, name: "go", wait: requests.signal }),
        () => h.store.signal({ taskId: key.taskId, name: "go", value: 1 }),
      );
      valueOf(opened);
      assert.equal(valueOf(sent), true);
      assertFields(await operationOf(h, key, "go"), { state: "done", value: 1 });
      await h.store.cancel({ taskId: key.taskId });
    });
  },

  async "park against the end of a child"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const child = await h.beginAgain(await call(h, key));
      const [parked, completion] = await together(
        () => h.store.park({ ...key, waits: ["call"] }),
        () => h.store.complete({ ...child, result: 3 }),
      );
      valueOf(completion);
      assertFields(await operationOf(h, key, "call"), { state: "done", value: 3 });
      await assertAwake(h, key, valueOf(parked));
    });
  },

  async "park against cancel"(h) {
    await everyInterleaving(async (together) => {
      const asked = await asking(h);
      const [parked, cancellation] = await together(
        () => h.store.park({ ...asked, waits: ["ask"] }),
        () => h.store.cancel({ taskId: asked.taskId }),
      );
      assert.equal(valueOf(cancellation)?.cancelled, true);
      if (parked.status === "rejected") assertCode(parked.reason, "STALE_ATTEMPT");
      assertFields(await h.read(asked.taskId), { status: "cancelled", phase: "ended" });
    });
  },

  async "a call against the end of its caller: no child is left behind"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const child = h.request();
      const [opened] = await together(
        () => h.store.openCall({ ...key, name: "call", child }),
        () => h.store.cancel({ taskId: key.taskId }),
      );
      if (opened.status === "rejected") {
        assertCode(opened.reason, "STALE_ATTEMPT");
        assert.equal(await h.store.get({ taskId: child.id }), undefined);
      } else {
        assertFields(await h.read(child.id), { status: "cancelled" });
      }
    });
  },

  async "a child's end against its caller's: each ends once"(h) {
    await everyInterleaving(async (together) => {
      const key = await h.running();
      const child = await h.beginAgain(await call(h, key));
      const [completion, cancellation] = await together(
        () => h.store.complete({ ...child, result: 1 }),
        () => h.store.cancel({ taskId: key.taskId }),
      );
      assert.equal(valueOf(cancellation)?.cancelled, true);
      if (completion.status === "rejected") assertCode(completion.reason, "STALE_ATTEMPT");
      const status = completion.status === "fulfilled" ? "completed" : "cancelled";
      assertFields(await h.read(child.taskId), { status });
      const ends = (await h.life(child.taskId)).filter(
        (type) => type === "completed" || type === "cancelled",
      );
      assert.deepEqual(ends, [status]);
    });
  },

  async "two calls with one key: one child"(h) {
    let round = 0;
    await everyInterleaving(async (together) => {
      const [a, b] = [await h.running(), await h.running()];
      const idempotencyKey = `round ${round++}`;
      const [first, second] = await together(
        () => call(h, a, { idempotencyKey }),
        () => call(h, b, { idempotencyKey }),
      );
      assert.equal(valueOf(first), valueOf(second));
    });
  },

  async "a call by its key against that child's end: the caller hears of it"(h) {
    let round = 0;
    await everyInterleaving(async (together) => {
      const idempotencyKey = `late ${round++}`;
      const child = await h.running({ idempotencyKey });
      const key = await h.running();
      const [opened, completion] = await together(
        () => h.store.openCall({ ...key, name: "call", child: h.request({ idempotencyKey }) }),
        () => h.store.complete({ ...child, result: 9 }),
      );
      valueOf(opened);
      valueOf(completion);
      assertFields(await operationOf(h, key, "call"), { state: "done", value: 9 });
      await h.store.cancel({ taskId: key.taskId });
    });
  },
});
