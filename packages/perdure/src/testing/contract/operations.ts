import assert from "node:assert/strict";
import { assertFields, leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

const step = { kind: "step" } as const;

export const operationCases = casesOf("operations", {
  async "records what was done, and returns it as it is read back"(h) {
    const key = await h.running();
    await h.clock.advance(500);
    const recorded = await h.store.recordOperation({
      ...key,
      ...step,
      name: "load",
      state: "done",
      value: { rows: 5 },
    });
    assertFields(recorded, {
      name: "load",
      kind: "step",
      attempt: 1,
      recordedAt: h.clock.now(),
      state: "done",
      value: { rows: 5 },
    });
    assert.deepEqual(await h.store.operations({ taskId: key.taskId }), [recorded]);
  },

  async "records a final failure"(h) {
    const key = await h.running();
    const cause = failure({ name: "TerminalError", retryable: false, data: { rows: [1, 2] } });
    const recorded = await h.store.recordOperation({
      ...key,
      ...step,
      name: "load",
      state: "failed",
      failure: cause,
    });
    assertFields(recorded, { state: "failed", failure: cause });
    assert.deepEqual(await h.store.operations({ taskId: key.taskId }), [recorded]);
  },

  async "records how often an open one was tried"(h) {
    const key = await h.running();
    for (const tries of [1, 2]) {
      const recorded = await h.store.recordOperation({
        ...key,
        ...step,
        name: "load",
        state: "attempted",
        tries,
        delayMs: 0,
      });
      assertFields(recorded, { state: "attempted", tries });
      assert.deepEqual(await h.store.operations({ taskId: key.taskId }), [recorded]);
    }
  },

  async "makes an open one final"(h) {
    const key = await h.running();
    for (const name of ["load", "save"]) {
      await h.store.recordOperation({ ...key, ...step, name, state: "attempted", tries: 1, delayMs: 0 });
    }
    await h.store.recordOperation({ ...key, ...step, name: "load", state: "done", value: 5 });
    await h.store.recordOperation({ ...key, ...step, name: "save", state: "failed", failure: failure() });
    const operations = await h.store.operations({ taskId: key.taskId });
    const states = Object.fromEntries(operations.map((operation) => [operation.name, operation.state]));
    assert.deepEqual(states, { load: "done", save: "failed" });
  },

  async "refuses every other outcome once one is final"(h) {
    const key = await h.running();
    const outcomes = [
      { state: "done", value: 2 },
      { state: "failed", failure: failure() },
      { state: "attempted", tries: 3, delayMs: 0 },
    ] as const;
    await h.store.recordOperation({ ...key, ...step, name: "done", state: "done", value: 2 });
    await h.store.recordOperation({ ...key, ...step, name: "failed", state: "failed", failure: failure() });
    for (const name of ["done", "failed"]) {
      for (const outcome of outcomes) {
        await leavesUnchanged(h, key.taskId, () =>
          refuses(
            "STEP_MISMATCH",
            () => h.store.recordOperation({ ...key, ...step, name, ...outcome }),
            `${outcome.state} after ${name}`,
          ),
        );
      }
    }
  },

  async "refuses another kind under a name that is still open"(h) {
    const key = await h.running();
    await h.store.recordOperation({
      ...key,
      ...step,
      name: "load",
      state: "attempted",
      tries: 1,
      delayMs: 0,
    });
    await leavesUnchanged(h, key.taskId, () =>
      refuses("STEP_MISMATCH", () =>
        h.store.recordOperation({ ...key, name: "load", kind: "sleep", state: "done", value: 1 }),
      ),
    );
  },

  async "keeps every kind"(h) {
    const key = await h.running();
    const kinds = ["step", "sleep", "ask", "call", "signal"] as const;
    for (const kind of kinds) {
      await h.store.recordOperation({ ...key, name: `a ${kind}`, kind, state: "done", value: 1 });
    }
    const operations = await h.store.operations(key);
    assert.deepEqual(
      operations.map((operation) => operation.kind),
      kinds,
    );
  },

  async "lets the attempt go on after a refusal"(h) {
    const key = await h.running();
    const load = { ...key, ...step, name: "load", state: "done", value: 1 } as const;
    await h.store.recordOperation(load);
    await refuses("STEP_MISMATCH", () => h.store.recordOperation(load));
    await h.store.complete({ ...key, result: "done" });
    assertFields(await h.read(key.taskId), { status: "completed", result: "done" });
  },

  async "tells them in the order in which they were recorded"(h) {
    const key = await h.running();
    const names = ["z", "a", "10", "9", "m"];
    for (const name of names) {
      await h.store.recordOperation({ ...key, ...step, name, state: "done", value: name });
    }
    const operations = await h.store.operations({ taskId: key.taskId });
    assert.deepEqual(
      operations.map((operation) => operation.name),
      names,
    );
  },

  async "keeps that order for what was recorded in one turn"(h) {
    const key = await h.running();
    const names = Array.from({ length: 50 }, (_, n) => `store:${50 - n}`);
    await Promise.all(
      names.map((name) =>
        h.store.recordOperation({ ...key, ...step, name, state: "done", value: undefined }),
      ),
    );
    const operations = await h.store.operations({ taskId: key.taskId });
    assert.deepEqual(
      operations.map((operation) => operation.name),
      names,
    );
  },

  async "names belong to one task"(h) {
    const [first, second] = [await h.running(), await h.running()];
    await h.store.recordOperation({ ...first, ...step, name: "load", state: "done", value: 1 });
    await h.store.recordOperation({ ...second, ...step, name: "load", state: "done", value: 2 });
    assertFields((await h.store.operations({ taskId: first.taskId }))[0], { value: 1 });
    assertFields((await h.store.operations({ taskId: second.taskId }))[0], { value: 2 });
  },

  async "are another attempt's too, with the number of the one that recorded them"(h) {
    const first = await h.running();
    await h.store.recordOperation({ ...first, ...step, name: "load", state: "done", value: 1 });
    await h.store.release(first);
    const second = await h.beginAgain(first.taskId);
    await refuses("STEP_MISMATCH", () =>
      h.store.recordOperation({ ...second, ...step, name: "load", state: "done", value: 2 }),
    );
    await h.store.recordOperation({ ...second, ...step, name: "train", state: "done", value: 2 });
    const operations = await h.store.operations({ taskId: first.taskId });
    assert.deepEqual(
      operations.map(({ name, attempt }) => [name, attempt]),
      [
        ["load", 1],
        ["train", 2],
      ],
    );
  },

  async "stand in the timeline"(h) {
    const key = await h.running();
    await h.store.recordOperation({
      ...key,
      ...step,
      name: "load",
      state: "attempted",
      tries: 1,
      delayMs: 0,
    });
    await h.store.recordOperation({ ...key, ...step, name: "load", state: "done", value: 1 });
    const events = (await h.store.timeline({ taskId: key.taskId })).slice(2);
    assert.deepEqual(
      events.map((event) => event.type === "operation" && [event.name, event.kind, event.state]),
      [
        ["load", "step", "attempted"],
        ["load", "step", "done"],
      ],
    );
  },

  async "raise the revision"(h) {
    const key = await h.running();
    const before = await h.read(key.taskId);
    await h.clock.advance(10);
    await h.store.recordOperation({ ...key, ...step, name: "load", state: "done", value: 1 });
    const after = await h.read(key.taskId);
    assert.ok(after.revision > before.revision);
    assertFields(after, { status: "working", phase: "running", attempt: 1, updatedAt: h.clock.now() });
  },

  async "outlive the end of the task"(h) {
    const key = await h.running();
    const recorded = await h.store.recordOperation({
      ...key,
      ...step,
      name: "load",
      state: "done",
      value: 1,
    });
    await h.store.complete({ ...key, result: undefined });
    assert.deepEqual(await h.store.operations({ taskId: key.taskId }), [recorded]);
  },
});
