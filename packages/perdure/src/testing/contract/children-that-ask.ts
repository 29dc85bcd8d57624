/** Children that ask: whoever waits for one asks with it, up to the first caller. */
import assert from "node:assert/strict";
import type { AttemptKey } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import { assertFields, refuses } from "./assertions.ts";
import { call } from "./calls.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { requests } from "./waits.ts";

async function ask(h: ContractHarness, key: AttemptKey, name = "ask"): Promise<void> {
  await h.store.openWait({ ...key, name, wait: requests.ask });
}

/** A task that is parked at a child, which is parked at a child, which runs: the last is asked for first. */
async function family(h: ContractHarness): Promise<readonly [AttemptKey, AttemptKey, AttemptKey]> {
  const first = await h.running();
  const second = await h.beginAgain(await call(h, first));
  await h.store.park({ ...first, waits: ["call"] });
  const third = await h.beginAgain(await call(h, second));
  await h.store.park({ ...second, waits: ["call"] });
  return [first, second, third];
}

async function statuses(h: ContractHarness, tasks: readonly AttemptKey[]): Promise<readonly string[]> {
  return Promise.all(tasks.map(async ({ taskId }) => (await h.read(taskId)).status));
}

const [working, asking] = ["working", "input_required"];

export const childrenThatAskCases = casesOf("children that ask", {
  async "have all who wait for them ask, until the answer, and wake none of them"(h) {
    const tasks = await family(h);
    const [first, second, third] = tasks;
    await ask(h, third);
    assert.deepEqual(await statuses(h, tasks), [asking, asking, asking]);
    for (const { taskId } of [first, second]) assertFields(await h.read(taskId), { phase: "parked" });
    const [asked] = await h.store.questions(first);
    assert.equal(asked?.taskId, third.taskId);
    await h.store.answer({ taskId: third.taskId, key: asked.question.key, action: "accept", content: {} });
    assert.deepEqual(await statuses(h, tasks), [working, working, working]);
    for (const { taskId } of [first, second]) assertFields(await h.read(taskId), { phase: "parked" });
    assert.deepEqual(await h.store.questions(first), []);
  },

  async "are told with the caller's own questions, which come first, and with whose they are"(h) {
    const parent = await h.running();
    const children = [await call(h, parent, {}, "one"), await call(h, parent, {}, "two")];
    const [one, two] = await Promise.all(children.map((id) => h.beginAgain(id)));
    assert.ok(one && two);
    await ask(h, one, "a");
    await h.clock.advance(1);
    await ask(h, two, "b");
    await h.clock.advance(1);
    await ask(h, one, "c");
    await ask(h, parent, "own");
    const asked = await h.store.questions(parent);
    assert.deepEqual(
      asked.map(({ taskId }) => taskId),
      [parent.taskId, one.taskId, two.taskId, one.taskId],
    );
    assertFields(asked[0]?.question, { ...requests.ask.question });
    assert.equal((await h.store.questions(one)).length, 2);
    assert.deepEqual(await h.store.questions({ taskId: "0unknown" as TaskId }), []);
  },

  async "leave the caller's own question open"(h) {
    const parent = await h.running();
    const child = await h.beginAgain(await call(h, parent));
    await ask(h, parent);
    await ask(h, child);
    await h.store.fail({ ...child, failure: failure() });
    assert.deepEqual(await statuses(h, [parent]), [asking]);
    const [own, ...rest] = await h.store.questions(parent);
    assert.deepEqual(rest, []);
    await h.store.answer({ taskId: parent.taskId, key: own?.question.key ?? "", action: "decline" });
    assert.deepEqual(await statuses(h, [parent]), [working]);
  },

  async "tell the callers of every question: asked, again, answered, expired"(h) {
    const [first, second, third] = await family(h);
    const told = async (change: () => Promise<unknown>, about: string): Promise<void> => {
      const before = await Promise.all([first, second].map(({ taskId }) => h.read(taskId)));
      const changed = new Set<string>();
      const unsubscribe = h.store.subscribe((one) => void (one && changed.add(one.taskId)));
      await change();
      unsubscribe();
      for (const { id, revision } of before) {
        assert.ok((await h.read(id)).revision > revision, `${about}: a new revision`);
        assert.ok(changed.has(id), `${about}: subscribers are told`);
      }
    };
    const keyOf = async (): Promise<string> => (await h.store.questions(third))[0]?.question.key ?? "";
    const { taskId } = third;
    await told(() => ask(h, third), "asked");
    await told(() => ask(h, third, "another"), "asked beside");
    const closed = await keyOf();
    await told(() => h.store.askAgain({ taskId, key: closed, problem: "no" }), "asked again");
    const again = await keyOf();
    assert.notEqual(again, closed);
    await told(() => h.store.answer({ taskId, key: again, action: "accept", content: 1 }), "answered");
    const record = { ...third, name: "another", kind: "ask", state: "failed", failure: failure() } as const;
    await told(() => h.store.recordOperation(record), "expired");
    assert.deepEqual(await statuses(h, [first, second, third]), [working, working, working]);
  },

  async "that end have the callers ask no more, however they end"(h) {
    const ends: readonly ((key: AttemptKey) => Promise<unknown>)[] = [
      (key) => h.store.cancel({ taskId: key.taskId }),
      (key) => h.store.fail({ ...key, failure: failure() }),
      (key) => h.store.complete({ ...key, result: 1 }),
    ];
    for (const end of ends) {
      const [first, second, third] = await family(h);
      await ask(h, third);
      await end(third);
      assert.deepEqual(await statuses(h, [first, second]), [working, working]);
      assert.deepEqual(await h.store.questions(first), []);
      assertFields(await h.begin(second.taskId), { attempt: 2 });
    }
  },

  async "ask on through a retry of the caller, and of its own"(h) {
    const parent = await h.running();
    const child = await h.beginAgain(await call(h, parent));
    await ask(h, child);
    await h.store.retry({ ...child, failure: failure(), delayMs: 0 });
    await h.store.retry({ ...parent, failure: failure(), delayMs: 0 });
    assert.deepEqual(await statuses(h, [parent, child]), [asking, asking]);
    assert.equal((await h.store.questions(parent)).length, 1);
  },

  async "that a key finds have their second caller ask at once, and both be told"(h) {
    const first = await h.running();
    const child = await h.beginAgain(await call(h, first, { idempotencyKey: "monday" }));
    await ask(h, child);
    const second = await h.running();
    assert.equal(await call(h, second, { idempotencyKey: "monday" }), child.taskId);
    assert.deepEqual(await statuses(h, [first, second]), [asking, asking]);
    for (const key of [first, second]) assert.equal((await h.store.questions(key)).length, 1);
    const [asked] = await h.store.questions(second);
    const { taskId } = child;
    await h.store.answer({ taskId, key: asked?.question.key ?? "", action: "accept", content: 1 });
    assert.deepEqual(await statuses(h, [first, second]), [working, working]);
  },

  async "ask nobody any more once the caller has ended"(h) {
    const [first, , third] = await family(h);
    await ask(h, third);
    await h.store.cancel({ taskId: first.taskId });
    assert.deepEqual(await h.store.questions(first), []);
    assertFields(await h.read(third.taskId), { status: "cancelled" });
  },
});

export const callCycleCases = casesOf("a call that would never end", {
  async "is refused: of the caller itself, and of whoever waits for it"(h) {
    const keys = ["first", "second", "third"] as const;
    const first = await h.running({ idempotencyKey: keys[0] });
    const second = await h.beginAgain(await call(h, first, { idempotencyKey: keys[1] }));
    const third = await h.beginAgain(await call(h, second, { idempotencyKey: keys[2] }));
    const before = await h.everything(third.taskId);
    for (const idempotencyKey of keys) {
      const child = h.request({ idempotencyKey });
      const refusal = await refuses("CALL_CYCLE", () => h.store.openCall({ ...third, name: "back", child }));
      assert.ok(refusal.message.includes(idempotencyKey), refusal.message);
    }
    assert.deepEqual(await h.everything(third.taskId), before);
    assert.equal((await h.store.list({})).tasks.length, 3);
  },

  async "is not one of a task that waits for others, or no more for the caller"(h) {
    const first = await h.running({ idempotencyKey: "first" });
    const child = await h.beginAgain(await call(h, first));
    const beside = await h.running({ idempotencyKey: "beside" });
    await call(h, beside);
    await call(h, child, { idempotencyKey: "beside" }, "beside");
    await h.store.complete({ ...first, result: 1 });
    const other = await h.running();
    const { operation } = await h.store.openCall({
      ...other,
      name: "first",
      child: h.request({ idempotencyKey: "first" }),
    });
    assertFields(operation, { state: "done", value: 1 });
  },
});
