/** Questions: asked under a key, answered once, asked again under another. */
import assert from "node:assert/strict";
import type { AttemptKey } from "../../store/store.ts";
import { newTaskId } from "../../task/id.ts";
import { openQuestions, type Question } from "../../task/record.ts";
import { assertFields, leavesUnchanged } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";
import { operationOf, parkedAt, question, requests } from "./waits.ts";

export async function questionsOf(h: ContractHarness, key: AttemptKey): Promise<readonly Question[]> {
  return openQuestions(await h.store.operations(key));
}

async function onlyQuestion(h: ContractHarness, key: AttemptKey): Promise<Question> {
  const [first, ...rest] = await questionsOf(h, key);
  assert.ok(first && rest.length === 0, "one question is open");
  return first;
}

/** A running task with an open question. */
async function asking(h: ContractHarness, name = "ask") {
  const key = await h.running();
  await h.store.openWait({ ...key, name, wait: requests.ask });
  return { ...key, question: await onlyQuestion(h, key) };
}

export const questionCases = casesOf("questions", {
  async "that were answered before the task was created are asked no more"(h) {
    const task = await h.create({ answers: { name: { name: "Ada" }, sure: null } });
    const [begun] = (await h.claim()).begun;
    assert.equal(begun?.id, task.id);
    const key = { taskId: task.id, attempt: 1 };
    for (const [name, value] of Object.entries({ name: { name: "Ada" }, sure: null })) {
      const operation = await h.store.openWait({ ...key, name, wait: requests.ask });
      assertFields(operation, { name, kind: "ask", state: "done", value });
    }
    assertFields(await h.read(task.id), { status: "working" });
    await h.store.openWait({ ...key, name: "other", wait: requests.ask });
    assertFields(await h.read(task.id), { status: "input_required" });
  },

  async "are asked as they were given, under a key of letters and digits"(h) {
    const { question: asked, ...key } = await asking(h);
    assertFields(asked, { ...question, until: undefined });
    assert.match(asked.key, /^[A-Za-z0-9]+$/);
    assertFields(await h.read(key.taskId), { status: "input_required", phase: "running" });
  },

  async "take their answer once"(h) {
    const { taskId, attempt, question: asked } = await asking(h);
    await h.clock.advance(5);
    const answer = { taskId, key: asked.key, action: "accept", content: { go: true } } as const;
    assert.equal(await h.store.answer(answer), true);
    const resolved = await operationOf(h, { taskId, attempt }, "ask");
    assertFields(resolved, {
      state: "done",
      value: { go: true },
      recordedAt: h.clock.now(),
      wait: undefined,
    });
    assertFields(await h.read(taskId), { status: "working", phase: "running" });
    const last = (await h.store.timeline({ taskId })).at(-1);
    assertFields(last, { type: "answered", key: asked.key, action: "accept", at: h.clock.now() });
    await leavesUnchanged(h, taskId, async () => {
      for (const action of ["accept", "decline", "cancel"] as const) {
        assert.equal(await h.store.answer({ ...answer, action, content: { go: false } }), false);
      }
      assert.equal(await h.store.askAgain({ taskId, key: asked.key, problem: "no" }), false);
    });
  },

  async "may be answered without content"(h) {
    const { question: asked, ...key } = await asking(h);
    assert.equal(await h.store.answer({ taskId: key.taskId, key: asked.key, action: "accept" }), true);
    assertFields(await operationOf(h, key, "ask"), { state: "done", value: undefined });
  },

  async "are declined and dismissed: the operation failed, with which it was"(h) {
    for (const action of ["decline", "cancel"] as const) {
      const { question: asked, ...key } = await asking(h);
      assert.equal(await h.store.answer({ taskId: key.taskId, key: asked.key, action }), true);
      const operation = await operationOf(h, key, "ask");
      assert.ok(operation.state === "failed");
      assertFields(operation.failure, { code: "DECLINED", retryable: false, data: { action } });
      assertFields((await h.store.timeline(key)).at(-1), { type: "answered", action });
      assertFields(await h.read(key.taskId), { status: "working" });
    }
  },

  async "take no answer under a key that is none of theirs"(h) {
    const { taskId, question: asked } = await asking(h);
    const other = await asking(h);
    await leavesUnchanged(h, taskId, async () => {
      for (const key of ["", "q0", "ask", `${asked.key}x`]) {
        assert.equal(await h.store.answer({ taskId, key, action: "accept", content: {} }), false);
        assert.equal(await h.store.askAgain({ taskId, key, problem: "no" }), false);
      }
    });
    assert.equal((await questionsOf(h, other)).length, 1);
  },

  async "belong to the owner of the task: to others it does not exist"(h) {
    const { taskId, question: asked } = await asking(h);
    const answer = { taskId, key: asked.key, action: "accept", content: {} } as const;
    await leavesUnchanged(h, taskId, async () => {
      assert.equal(await h.store.answer({ ...answer, owner: "eve" }), undefined);
      assert.equal(await h.store.askAgain({ taskId, owner: "eve", key: asked.key, problem: "p" }), undefined);
      assert.equal(await h.store.signal({ taskId, owner: "eve", name: "go", value: 1 }), undefined);
      const unknown = newTaskId(h.clock.now());
      assert.equal(await h.store.answer({ ...answer, taskId: unknown }), undefined);
    });
    assert.equal(await h.store.answer({ ...answer, owner: "ada" }), true);
  },

  async "take no answer after their time"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "ask", wait: { ...requests.ask, timeoutMs: 1_000 } });
    const asked = await onlyQuestion(h, key);
    assertFields(asked, { until: h.clock.now() + 1_000 });
    await h.clock.advance(1_000);
    await leavesUnchanged(h, key.taskId, async () => {
      const { taskId } = key;
      assert.equal(await h.store.answer({ taskId, key: asked.key, action: "accept", content: 1 }), false);
      assert.equal(await h.store.askAgain({ taskId, key: asked.key, problem: "late" }), false);
    });
  },

  async "take no answer after the end of the task"(h) {
    const { taskId, question: asked } = await asking(h);
    await h.store.cancel({ taskId });
    await leavesUnchanged(h, taskId, async () => {
      assert.equal(await h.store.answer({ taskId, key: asked.key, action: "accept", content: 1 }), false);
      assert.equal(await h.store.askAgain({ taskId, key: asked.key, problem: "late" }), false);
    });
  },

  async "several at once have keys of their own, and input is required until the last is answered"(h) {
    const names = ["a", "b", "c"];
    const key = await parkedAt(h, ...names.map((name) => ({ name, wait: requests.ask })));
    const asked = await questionsOf(h, key);
    assert.equal(new Set(asked.map((one) => one.key)).size, 3);
    for (const [i, one] of asked.entries()) {
      assertFields(await h.read(key.taskId), { status: "input_required" });
      await h.store.answer({ taskId: key.taskId, key: one.key, action: "accept", content: i });
      assert.equal((await questionsOf(h, key)).length, 2 - i);
    }
    assertFields(await h.read(key.taskId), { status: "working", phase: "queued" });
    for (const [i, name] of names.entries())
      assertFields(await operationOf(h, key, name), { state: "done", value: i });
  },

  async "opened in one turn have keys of their own too"(h) {
    const key = await h.running();
    const names = Array.from({ length: 20 }, (_, n) => `ask ${n}`);
    await Promise.all(names.map((name) => h.store.openWait({ ...key, name, wait: requests.ask })));
    assert.equal(new Set((await questionsOf(h, key)).map((one) => one.key)).size, 20);
  },

  async "change the status as they are opened, answered and opened again"(h) {
    const { question: first, ...key } = await asking(h);
    await h.store.answer({ taskId: key.taskId, key: first.key, action: "accept", content: 1 });
    assertFields(await h.read(key.taskId), { status: "working" });
    await h.store.openWait({ ...key, name: "second", wait: requests.ask });
    assertFields(await h.read(key.taskId), { status: "input_required" });
    const tasks = (await h.store.list({ status: "input_required" })).tasks;
    assert.deepEqual(
      tasks.map(({ id }) => id),
      [key.taskId],
    );
  },

  async "asked again have a new key, the old one is closed, and one problem is told"(h) {
    const { question: first, ...key } = await asking(h);
    const { taskId } = key;
    const seen = new Set([first.key]);
    let last = first;
    for (const problem of ["too short", "too long", "too round"]) {
      assert.equal(await h.store.askAgain({ taskId, key: last.key, problem }), true);
      const again = await onlyQuestion(h, key);
      assert.ok(!seen.has(again.key), "a key is never used again");
      assert.ok(again.message.startsWith(question.message) && again.message.includes(problem));
      assertFields(again, { mode: "form", schema: question.schema });
      assert.equal(await h.store.answer({ taskId, key: last.key, action: "accept", content: 1 }), false);
      seen.add(again.key);
      last = again;
    }
    assert.ok(!last.message.includes("too short") && !last.message.includes("too long"), last.message);
    assertFields(await h.read(taskId), { status: "input_required" });
    assert.equal(await h.store.answer({ taskId, key: last.key, action: "accept", content: 1 }), true);
  },

  async "asked again of a parked task leave it parked, and keep their time"(h) {
    const key = await parkedAt(h, { name: "ask", wait: { ...requests.ask, timeoutMs: 1_000 } });
    const first = await onlyQuestion(h, key);
    const before = await h.read(key.taskId);
    await h.store.askAgain({ taskId: key.taskId, key: first.key, problem: "no" });
    assertFields(await onlyQuestion(h, key), { until: first.until });
    const after = await h.read(key.taskId);
    assertFields(after, { phase: before.phase, status: "input_required" });
    assert.ok(after.revision > before.revision);
  },

  async "reopened by the attempt, with what was wrong, are open under a new key"(h) {
    const { question: first, ...key } = await asking(h);
    const { taskId } = key;
    const wait = { ...key, name: "ask", wait: requests.ask };
    const stillOpen = await h.store.openWait({ ...wait, problem: "not answered yet" });
    assertFields(stillOpen, { wait: { kind: "ask", question: first } });
    await h.store.answer({ taskId, key: first.key, action: "accept", content: "wrong" });
    const reopened = await h.store.openWait({ ...wait, problem: "a number was wanted" });
    assertFields(reopened, { state: "open", name: "ask", kind: "ask" });
    const again = await onlyQuestion(h, key);
    assert.ok(again.key !== first.key && again.message.includes("a number was wanted"));
    assertFields(await h.read(taskId), { status: "input_required" });
    assert.equal(await h.store.answer({ taskId, key: first.key, action: "accept", content: 1 }), false);
    assert.equal(await h.store.answer({ taskId, key: again.key, action: "accept", content: 2 }), true);
    assertFields(await operationOf(h, key, "ask"), { state: "done", value: 2 });
  },

  async "that were declined are not reopened"(h) {
    const { question: first, ...key } = await asking(h);
    await h.store.answer({ taskId: key.taskId, key: first.key, action: "decline" });
    const again = await h.store.openWait({ ...key, name: "ask", wait: requests.ask, problem: "no" });
    assertFields(again, { state: "failed" });
  },

  async "of a task that is run again are the same, answered while nothing ran"(h) {
    const key = await parkedAt(h, { name: "a", wait: requests.ask }, { name: "b", wait: requests.ask });
    const [a, b] = await questionsOf(h, key);
    await h.store.answer({ taskId: key.taskId, key: a?.key ?? "", action: "accept", content: "A" });
    const second = await h.beginAgain(key.taskId);
    assertFields(await h.store.openWait({ ...second, name: "a", wait: requests.ask }), {
      state: "done",
      value: "A",
    });
    assertFields(await h.store.openWait({ ...second, name: "b", wait: requests.ask }), {
      state: "open",
      wait: { kind: "ask", question: b },
    });
    assertFields(await h.read(key.taskId), { status: "input_required", phase: "running" });
  },

  async "tell who listens, when they are opened and when they are answered"(h) {
    const statuses: string[] = [];
    const unsubscribe = h.store.subscribe((change) => void (change && statuses.push(change.status)));
    const { question: asked, ...key } = await asking(h);
    await h.store.answer({ taskId: key.taskId, key: asked.key, action: "accept", content: 1 });
    await h.store.openWait({ ...key, name: "late", wait: { ...requests.ask, timeoutMs: 10 } });
    await h.clock.advance(10);
    const failed = { code: "EXPIRED", name: "PerdureError", message: "late", retryable: false } as const;
    await h.store.recordOperation({ ...key, name: "late", kind: "ask", state: "failed", failure: failed });
    unsubscribe();
    assert.deepEqual(statuses.slice(-4), ["input_required", "working", "input_required", "working"]);
  },

  async "refuse an answer that is no JSON, and stay open"(h) {
    const { question: asked, ...key } = await asking(h);
    const content = { at: new Date() } as never;
    await leavesUnchanged(h, key.taskId, () =>
      assert.rejects(h.store.answer({ taskId: key.taskId, key: asked.key, action: "accept", content })),
    );
  },
});
