/** Calls: a child task, made with the wait for it, whose end is the caller's result. */
import assert from "node:assert/strict";
import type { AttemptKey, OpenCall } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import type { Failure } from "../../task/failure.ts";
import { assertFields, assertInAnyOrder, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { type ContractHarness, failure } from "./harness.ts";
import { operationOf, requests } from "./waits.ts";

export async function call(
  h: ContractHarness,
  key: AttemptKey,
  given: Partial<OpenCall["child"]> = {},
  name = "call",
): Promise<TaskId> {
  const { operation: opened } = await h.store.openCall({ ...key, name, child: h.request(given) });
  assert.ok(opened.state === "open" && opened.wait.kind === "call", `${name} is open`);
  return opened.wait.childId;
}

/** A task that is parked at the call of a child. */
export async function calling(h: ContractHarness, given: Partial<OpenCall["child"]> = {}) {
  const key = await h.running();
  const childId = await call(h, key, given);
  assert.equal(await h.store.park({ ...key, waits: ["call"] }), true);
  return { ...key, childId };
}

async function failureOf(h: ContractHarness, key: AttemptKey, name = "call"): Promise<Failure> {
  const operation = await operationOf(h, key, name);
  assert.ok(operation.state === "failed", `${name} is ${operation.state}`);
  return operation.failure;
}

export const callCases = casesOf("calls", {
  async "make the child and the wait for it together"(h) {
    const key = await h.running({ owner: "ada" });
    const request = h.request({ tool: "evaluate", input: { model: 7 }, ttlMs: 60_000, deadlineMs: 90_000 });
    const { owner: _, ...child } = request;
    const { operation, begun } = await h.store.openCall({ ...key, name: "call", child });
    assertFields(operation, { state: "open", kind: "call", wait: { kind: "call", childId: child.id } });
    assert.equal(begun, undefined);
    assertFields(await h.read(child.id), {
      tool: "evaluate",
      owner: "ada",
      parentId: key.taskId,
      input: { model: 7 },
      status: "working",
      phase: "queued",
      attempt: 0,
      ttlMs: 60_000,
      deadlineAt: h.clock.now() + 90_000,
    });
    assert.deepEqual(await h.life(child.id), ["created"]);
  },

  async "begin the child in the same commit, where they say so"(h) {
    await h.execute();
    const key = await h.running();
    const child = h.request({ begin: true });
    const { operation, begun } = await h.store.openCall({ ...key, name: "call", child });
    assertFields(operation, { state: "open", wait: { kind: "call", childId: child.id } });
    assertFields(begun ?? {}, { parentId: key.taskId, phase: "running", attempt: 1 });
    assert.deepEqual(begun, await h.read(child.id));
    assert.deepEqual(await h.life(child.id), ["created", "begun"]);
    assert.deepEqual((await h.claim()).begun, [], "it was handed out once");
    await h.store.complete({ taskId: child.id, attempt: 1, result: 5 });
    assertFields(await operationOf(h, key, "call"), { state: "done", value: 5 });
  },

  async "begin only a child that they make"(h) {
    await h.execute();
    const key = await h.running();
    const child = (idempotencyKey: string) => h.request({ idempotencyKey, begin: true });
    const before = await h.create({ idempotencyKey: "monday" });
    const found = await h.store.openCall({ ...key, name: "call", child: child("monday") });
    assert.equal(found.begun, undefined);
    assertFields(await h.read(before.id), { phase: "queued", attempt: 0 });
    // Whoever begins it now runs it; a call of the same child afterwards must not run it a second time.
    await h.beginAgain(before.id);
    const other = await h.store.openCall({ ...key, name: "other", child: child("monday") });
    assert.equal(other.begun, undefined);
    const again = await h.store.openCall({ ...key, name: "call", child: child("tuesday") });
    assert.equal(again.begun, undefined);
    assert.deepEqual(await h.life(before.id), ["created", "begun"]);
  },

  async "under a name that was called find its child, whatever is asked for now"(h) {
    const key = await h.running();
    const childId = await call(h, key);
    await leavesUnchanged(h, key.taskId, async () => {
      assert.equal(await call(h, key, { input: "another" }), childId);
    });
    assert.equal((await h.store.list({})).tasks.length, 2, "one child was made");
  },

  async "refused make no child"(h) {
    const key = await h.running();
    await h.store.openWait({ ...key, name: "nap", wait: requests.sleep });
    const child = h.request();
    await refuses("STEP_MISMATCH", () => h.store.openCall({ ...key, name: "nap", child }));
    await refuses("STALE_ATTEMPT", () => h.store.openCall({ ...key, attempt: 9, name: "call", child }));
    await refuses("INVALID_VALUE", () =>
      h.store.openCall({ ...key, name: "call", child: { ...child, input: new Date() as never } }),
    );
    await h.create({ idempotencyKey: "monday" });
    const conflict = { ...child, idempotencyKey: "monday", input: "other" };
    await refuses("IDEMPOTENCY_CONFLICT", () => h.store.openCall({ ...key, name: "call", child: conflict }));
    assert.equal(await h.store.get({ taskId: child.id }), undefined);
  },

  async "free the caller's place: its child can be claimed while it is parked"(h) {
    await h.execute();
    const { childId } = await calling(h);
    const { begun } = await h.claim({ limit: 1 });
    assert.deepEqual(
      begun.map(({ id }) => id),
      [childId],
    );
  },

  async "give the caller the result, and make it due"(h) {
    const { childId, ...key } = await calling(h);
    const child = await h.beginAgain(childId);
    await h.clock.advance(5);
    await h.store.complete({ ...child, result: { loss: [0.5, null] } });
    const resolved = await operationOf(h, key, "call");
    assertFields(resolved, { state: "done", value: { loss: [0.5, null] }, recordedAt: h.clock.now() });
    assertFields(await h.begin(key.taskId), { attempt: 2 });
  },

  async "give a caller that runs the result too, also nothing at all"(h) {
    const key = await h.running();
    const child = await h.beginAgain(await call(h, key));
    const changed: string[] = [];
    const unsubscribe = h.store.subscribe((change) => void (change && changed.push(change.taskId)));
    await h.store.complete({ ...child, result: undefined });
    unsubscribe();
    assertFields(await operationOf(h, key, "call"), { state: "done", value: undefined });
    assertFields(await h.read(key.taskId), { phase: "running", attempt: 1 });
    assertInAnyOrder(changed, [child.taskId, key.taskId]);
  },

  async "tell of a child that failed, with its failure"(h) {
    const { childId, ...key } = await calling(h, { tool: "evaluate" });
    await h.execute(["evaluate", "train"]);
    const child = await h.beginAgain(childId);
    const cause = failure({ data: { rows: 3 } });
    await h.store.fail({ ...child, failure: cause });
    const told = await failureOf(h, key);
    assertFields(told, { code: "CHILD_FAILED", message: cause.message });
    assertFields(told.data as object, { taskId: childId, tool: "evaluate", failure: cause });
    assertFields(await h.begin(key.taskId), { attempt: 2 });
  },

  async "tell of a child that was cancelled, and why"(h) {
    const { childId, ...key } = await calling(h);
    await h.store.cancel({ taskId: childId, reason: "too dear" });
    const told = await failureOf(h, key);
    assertFields(told, { code: "CHILD_FAILED", retryable: false });
    assert.ok(told.message.includes("too dear"), told.message);
    assertFields(await h.read(key.taskId), { phase: "queued", status: "working" });
  },

  async "tell of a child whose deadline has passed"(h) {
    const { childId, ...key } = await calling(h, { deadlineMs: 1_000 });
    await h.clock.advance(1_000);
    assert.equal(await h.store.failOverdue({ limit: 10 }), 1);
    assertFields(await h.read(childId), { status: "failed" });
    assertFields(await failureOf(h, key), { code: "CHILD_FAILED" });
    assertFields(await h.read(key.taskId), { phase: "queued" });
  },

  async "keep the result when the child has expired and is deleted"(h) {
    const { childId, ...key } = await calling(h, { ttlMs: 10 });
    await h.store.complete({ ...(await h.beginAgain(childId)), result: "kept" });
    await h.clock.advance(10);
    assert.equal(await h.store.get({ taskId: childId }), undefined);
    assert.equal(await h.store.deleteExpired({ limit: 10 }), 1);
    assertFields(await operationOf(h, key, "call"), { state: "done", value: "kept" });
  },

  async "are not resolved by a retry of the child, only by its end"(h) {
    const { childId, ...key } = await calling(h);
    const child = await h.beginAgain(childId);
    await h.store.retry({ ...child, failure: failure(), delayMs: 0 });
    assertFields(await operationOf(h, key, "call"), { state: "open" });
    assert.equal(await h.begin(key.taskId), undefined);
  },

  async "with a key find a child that has ended, and are resolved at once"(h) {
    const idempotencyKey = "monday";
    const done = await h.completed({ idempotencyKey });
    const broken = await h.failed({ idempotencyKey: "tuesday" });
    const key = await h.running();
    const child = (given: string) => h.request({ idempotencyKey: given });
    const { operation: opened } = await h.store.openCall({
      ...key,
      name: "call",
      child: child(idempotencyKey),
    });
    assertFields(opened, { state: "done", value: { loss: 0.25 } });
    assert.deepEqual(await operationOf(h, key, "call"), opened);
    const { operation: failed } = await h.store.openCall({ ...key, name: "other", child: child("tuesday") });
    assert.ok(failed.state === "failed");
    assertFields(failed.failure.data as object, { taskId: broken.taskId });
    assert.equal((await h.store.list({})).tasks.length, 3);
    assertFields(await h.read(done.taskId), { parentId: undefined });
  },

  async "with a key of an expired child make another"(h) {
    const { taskId } = await h.completed({ idempotencyKey: "monday", ttlMs: 10 });
    await h.clock.advance(10);
    const key = await h.running();
    assert.notEqual(await call(h, key, { idempotencyKey: "monday" }), taskId);
  },

  async "of two callers may be one child, whose end both hear"(h) {
    const first = await calling(h, { idempotencyKey: "monday" });
    const second = await calling(h, { idempotencyKey: "monday" });
    assert.equal(first.childId, second.childId);
    assertFields(await h.read(first.childId), { parentId: first.taskId });
    await h.store.complete({ ...(await h.beginAgain(first.childId)), result: 5 });
    for (const key of [first, second]) {
      assertFields(await operationOf(h, key, "call"), { state: "done", value: 5 });
      assertFields(await h.begin(key.taskId), { attempt: 2 });
    }
  },

  async "of two callers: the child stays while one of them waits, and ends with the last"(h) {
    const first = await calling(h, { idempotencyKey: "monday" });
    const second = await calling(h, { idempotencyKey: "monday" });
    await h.store.cancel({ taskId: first.taskId });
    assertFields(await h.read(first.childId), { status: "working", parentId: second.taskId });
    assertFields(await operationOf(h, second, "call"), { state: "open" });
    await h.store.cancel({ taskId: second.taskId });
    assertFields(await h.read(first.childId), { status: "cancelled" });
  },

  async "leave a task alone that was there before, when the caller ends"(h) {
    const { id } = await h.create({ idempotencyKey: "monday" });
    const { taskId, childId } = await calling(h, { idempotencyKey: "monday" });
    assert.equal(childId, id);
    await leavesUnchanged(h, id, () => h.store.cancel({ taskId }));
  },

  async "end with the caller, however it ends, and their own calls too"(h) {
    const ends: Readonly<Record<string, (key: AttemptKey) => Promise<unknown>>> = {
      cancelled: (key) => h.store.cancel({ taskId: key.taskId, reason: "enough" }),
      failed: (key) => h.store.fail({ ...key, failure: failure() }),
      completed: (key) => h.store.complete({ ...key, result: 1 }),
    };
    for (const [status, end] of Object.entries(ends)) {
      const parent = await h.running();
      const child = await h.beginAgain(await call(h, parent));
      const grandchild = await call(h, child);
      const ended = await h.beginAgain(await call(h, parent, {}, "ended"));
      await h.store.complete({ ...ended, result: 1 });
      await leavesUnchanged(h, ended.taskId, () => end(parent));
      assertFields(await h.read(parent.taskId), { status });
      for (const taskId of [child.taskId, grandchild]) {
        const record = await h.read(taskId);
        assert.ok(record.status === "cancelled", `${taskId} is ${record.status}`);
        assert.ok(record.reason, "the reason says why");
        assert.deepEqual((await h.life(taskId)).at(-1), "cancelled");
      }
      await refuses("STALE_ATTEMPT", () => h.store.complete({ ...child, result: 1 }));
      assert.equal(await h.begin(grandchild), undefined);
    }
  },

  async "end once where the deadlines of both have passed"(h) {
    const parent = await h.running({ deadlineMs: 10 });
    const child = await call(h, parent, { deadlineMs: 10 });
    const grandchild = await call(h, await h.beginAgain(child), { deadlineMs: 10 });
    await h.clock.advance(10);
    await h.store.failOverdue({ limit: 10 });
    for (const taskId of [parent.taskId, child, grandchild]) {
      const ends = (await h.life(taskId)).filter((type) => type === "failed" || type === "cancelled");
      assert.equal(ends.length, 1, `${taskId} ended ${ends.length} times`);
    }
  },

  async "are forgotten by a retry where they failed, and kept where they are open"(h) {
    const parent = await h.running();
    const failing = await h.beginAgain(await call(h, parent, {}, "failing"));
    const open = await call(h, parent, {}, "open");
    await h.store.fail({ ...failing, failure: failure() });
    await h.store.retry({ ...parent, failure: failure(), delayMs: 0 });
    const second = await h.beginAgain(parent.taskId);
    assert.equal(await call(h, second, {}, "open"), open);
    assert.notEqual(await call(h, second, {}, "failing"), failing.taskId);
  },

  async "are hidden from a list without children, page by page"(h) {
    const parents = [];
    for (let i = 0; i < 3; i++) {
      const parent = await h.running();
      parents.push(parent.taskId);
      await h.clock.advance(1);
      for (let n = 0; n < 3; n++) await call(h, parent, {}, `call ${n}`);
    }
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await h.store.list({ children: false, owner: "ada", limit: 2, cursor });
      listed.push(...page.tasks.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(listed, parents.toReversed());
    assert.equal((await h.store.list({})).tasks.length, 12);
    assert.equal((await h.store.list({ children: true })).tasks.length, 12);
  },

  async "may be a hundred at once, each resolved by its own child"(h) {
    const parent = await h.running();
    const names = Array.from({ length: 100 }, (_, n) => `call ${n}`);
    const children = await Promise.all(names.map((name) => call(h, parent, { input: name }, name)));
    assert.equal(await h.store.park({ ...parent, waits: names }), true);
    await Promise.all(
      children.map(async (id, n) => h.store.complete({ ...(await h.beginAgain(id)), result: n })),
    );
    const values = (await h.store.operations(parent)).map((operation) =>
      operation.state === "done" ? operation.value : operation.state,
    );
    assert.deepEqual(
      values,
      names.map((_, n) => n),
    );
    assertFields(await h.begin(parent.taskId), { attempt: 2 });
  },
});
