/** Who puts a question to a person: one client at a time, and each client once. */
import assert from "node:assert/strict";
import type { LeaseQuestion, QuestionLease } from "../../store/store.ts";
import { openQuestions } from "../../task/record.ts";
import { leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";
import { everyInterleaving } from "./interleaving.ts";
import { requests } from "./waits.ts";

type Lease = (by: string, more?: Partial<LeaseQuestion>) => Promise<QuestionLease | undefined>;

/** An open question, and clients that want to put it, each for a second. */
async function asking(h: ContractHarness) {
  const attempt = await h.running();
  await h.store.openWait({ ...attempt, name: "ask", wait: requests.ask });
  const [question] = openQuestions(await h.store.operations(attempt));
  assert.ok(question);
  const { taskId } = attempt;
  const asked = { taskId, key: question.key };
  const lease: Lease = (by, more) =>
    h.store.leaseQuestion({ ...asked, by, forMs: 1_000, via: "stream", ...more });
  return { ...asked, attempt, lease };
}

export const questionLeaseCases = casesOf("leases of questions", {
  async "are one client's, who asks once and renews"(h) {
    const { lease } = await asking(h);
    assert.equal(await lease("a"), "ask");
    await h.clock.advance(900);
    assert.equal(await lease("b"), "elsewhere");
    assert.equal(await lease("a"), "asked");
    await h.clock.advance(900);
    assert.equal(await lease("b"), "elsewhere");
  },

  async "run out, and another client asks; the first is not asked again"(h) {
    const { lease } = await asking(h);
    await lease("a");
    await h.clock.advance(1_000);
    assert.equal(await lease("b"), "ask");
    assert.equal(await lease("a"), "elsewhere");
    await h.clock.advance(1_000);
    assert.equal(await lease("a"), "asked");
    assert.equal(await lease("b"), "elsewhere");
  },

  async "of a client that has not heard it on the way on which it was asked: it is asked again"(h) {
    const { lease } = await asking(h);
    await lease("a");
    assert.equal(await lease("a", { heard: true }), "asked");
    assert.equal(await lease("a", { via: "other", heard: false }), "asked");
    // The way by which it was asked last is kept by renewals too.
    assert.equal(await lease("a", { heard: false }), "ask");
    assert.equal(await lease("a"), "asked");
  },

  async "are free at once where a client cannot ask, and never its again"(h) {
    const { lease, ...asked } = await asking(h);
    await lease("a");
    await h.store.refuseQuestion({ ...asked, by: "a" });
    assert.equal(await lease("a"), "elsewhere");
    assert.equal(await lease("b"), "ask");
    await h.store.refuseQuestion({ ...asked, by: "c" });
    assert.equal(await lease("b"), "asked");
    await h.clock.advance(5_000);
    assert.equal(await lease("a"), "elsewhere");
    assert.equal(await lease("c"), "elsewhere");
  },

  async "begin anew when it is asked again"(h) {
    const { lease, taskId, key, attempt } = await asking(h);
    await lease("a");
    await h.store.askAgain({ taskId, key, problem: "no" });
    assert.equal(await lease("a"), undefined);
    const [again] = openQuestions(await h.store.operations(attempt));
    assert.equal(await lease("b", { key: again?.key ?? "" }), "ask");
  },

  async "are none where no such question is open"(h) {
    const { lease, taskId, key } = await asking(h);
    assert.equal(await lease("a", { key: "q0" }), undefined);
    assert.equal(await lease("a", { taskId: "0none" as typeof taskId }), undefined);
    await h.store.answer({ taskId, key, action: "accept" });
    assert.equal(await lease("a"), undefined);
    await h.store.refuseQuestion({ taskId, key, by: "a" });
  },

  async "are no change of the task"(h) {
    const { lease, ...asked } = await asking(h);
    await leavesUnchanged(h, asked.taskId, async () => {
      await lease("a");
      await h.store.refuseQuestion({ ...asked, by: "a" });
    });
  },

  async "are given to one of two that ask together"(h) {
    await everyInterleaving(async (together) => {
      const { lease } = await asking(h);
      const outcomes = await together(
        () => lease("a"),
        () => lease("b"),
      );
      const leases = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome));
      assert.deepEqual(leases.map(String).toSorted(), ["ask", "elsewhere"]);
    });
  },
});

export const sharedQuestionLeaseCases = casesOf(
  "leases of questions",
  {
    async "hold in every process"(h) {
      const other = await h.attach();
      const { lease, taskId, key } = await asking(h);
      const beside = { taskId, key, forMs: 1_000, via: "stream" };
      assert.equal(await other.leaseQuestion({ ...beside, by: "a" }), "ask");
      assert.equal(await lease("b"), "elsewhere");
      assert.equal(await lease("a"), "asked");
      await other.refuseQuestion({ taskId, key, by: "a" });
      assert.equal(await lease("b"), "ask");
    },
  },
  "attach",
);
