import assert from "node:assert/strict";
import type { CreateLimits } from "../../store/store.ts";
import { leavesUnchanged, refuses } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

/** Its JSON is of so many bytes, with characters of more than one. */
const ofBytes = (bytes: number) => "ü".repeat((bytes - 2) / 2);

const messages = (h: ContractHarness, taskId: Parameters<ContractHarness["read"]>[0]) =>
  h.store
    .timeline({ taskId })
    .then((events) => events.flatMap((event) => (event.type === "log" ? [event.message] : [])));

async function refusesBeyond(
  h: ContractHarness,
  limits: CreateLimits,
  given: Parameters<ContractHarness["request"]>[0] = {},
): Promise<void> {
  const refused = h.request({ ...given, limits });
  const error = await refuses("LIMIT_EXCEEDED", () => h.store.create(refused));
  assert.equal(error.retryable, true, "it may fit later");
  for (const name of Object.keys(limits)) assert.match(error.message, new RegExp(`limits\\.${name}`));
  assert.equal(await h.store.get({ taskId: refused.id }), undefined, "nothing was written");
}

export const limitCases = casesOf("limits", {
  async "takes values of exactly as many bytes as are allowed, and not one more"(h) {
    const limits = { inputBytes: 1_000 };
    const { id } = await h.create({ input: ofBytes(1_000), limits });
    const large = h.request({ input: ofBytes(1_002), limits });
    assert.match(
      (await refuses("LIMIT_EXCEEDED", () => h.store.create(large))).message,
      /1,002 .*limits\.inputBytes/,
    );
    assert.equal(await h.store.get({ taskId: large.id }), undefined);
    const key = await h.beginAgain(id);
    const max = { ...key, maxBytes: 100 };
    const step = { ...max, kind: "step", state: "done" } as const;
    await h.store.recordOperation({ ...step, name: "fits", value: ofBytes(100) });
    await h.store.saveState({ ...max, state: new Uint8Array(100) });
    await h.store.saveState({ ...max, state: ofBytes(100) });
    await leavesUnchanged(h, id, async () => {
      const tooLarge = () => h.store.recordOperation({ ...step, name: "large", value: ofBytes(102) });
      assert.match((await refuses("LIMIT_EXCEEDED", tooLarge)).message, /"large".* 102 .*limits\.stepBytes/);
      const state = () => h.store.saveState({ ...max, state: ofBytes(102) });
      assert.match((await refuses("LIMIT_EXCEEDED", state)).message, / 102 .*limits\.stateBytes/);
      await refuses("LIMIT_EXCEEDED", () => h.store.saveState({ ...max, state: new Uint8Array(101) }));
      const result = () => h.store.complete({ ...max, result: ofBytes(102) });
      const error = await refuses("LIMIT_EXCEEDED", result);
      assert.match(error.message, / 102 .*limits\.resultBytes/);
      assert.equal(error.retryable, false, "the same value never fits");
    });
    await h.store.complete({ ...max, result: ofBytes(100) });
  },

  async "counts the open tasks of an owner"(h) {
    const limits = { openTasksPerOwner: 3 };
    const first = await h.create({ limits });
    const running = await h.running({ limits, tool: "train" });
    await h.create({ limits, tool: "index", startAt: h.clock.now() + 60_000 });
    await refusesBeyond(h, limits);
    await h.create({ limits, owner: "bob" });
    await h.store.complete({ ...running, result: null });
    await h.create({ limits });
    await refusesBeyond(h, limits);
    await refusesBeyond(h, limits);
    await h.store.cancel({ taskId: first.id });
    await h.create({ limits });
    await refusesBeyond(h, limits);
    await h.create({ limits: { openTasksPerOwner: 4 } });
  },

  async "counts the open tasks of all owners"(h) {
    const limits = { openTasks: 3 };
    const { id } = await h.create({ limits });
    await h.create({ limits, owner: "bob" });
    await h.create({ limits, owner: "cyd" });
    await refusesBeyond(h, limits, { owner: "dan" });
    await h.store.cancel({ taskId: id });
    await h.create({ limits, owner: "dan" });
    await refusesBeyond(h, limits);
  },

  async "counts what is due of a tool and does not run"(h) {
    await h.execute(["train", "index"]);
    const limits = { queuedTasks: 2 };
    await h.create({ limits, begin: true });
    await h.create({ limits, startAt: h.clock.now() + 1_000 });
    await h.create({ limits, priority: 1 });
    await h.create({ limits, owner: "bob" });
    await refusesBeyond(h, limits);
    await h.create({ limits, tool: "index" });
    await h.create({ limits, begin: true });
    await h.claim({ limit: 1 });
    await h.create({ limits });
    await refusesBeyond(h, limits);
  },

  async "counts each of many that are created at once"(h) {
    const limits = { openTasksPerOwner: 10, openTasks: 1_000, queuedTasks: 1_000 };
    const created = await Promise.allSettled(
      Array.from({ length: 25 }, () => h.store.create(h.request({ limits }))),
    );
    assert.equal(created.filter(({ status }) => status === "fulfilled").length, 10);
    assert.equal((await h.store.list({})).tasks.length, 10);
  },

  async "refuses no call that finds an earlier task"(h) {
    const limits = { openTasksPerOwner: 1 };
    const first = await h.create({ limits, idempotencyKey: "monday" });
    const again = await h.store.create(h.request({ limits, idempotencyKey: "monday" }));
    assert.deepEqual([again.created, again.task.id], [false, first.id]);
  },

  async "counts the children of a task"(h) {
    const key = await h.running();
    const child = { ...h.request(), limits: { openTasksPerOwner: 2 } };
    await h.store.openCall({ ...key, name: "one", child });
    const second = { ...h.request(), limits: { openTasksPerOwner: 2 } };
    await leavesUnchanged(h, key.taskId, async () => {
      await refuses("LIMIT_EXCEEDED", () => h.store.openCall({ ...key, name: "two", child: second }));
    });
    await h.store.openCall({ ...key, name: "one", child });
  },

  async "keeps the newest log lines, and says how many gave way to them"(h) {
    const key = await h.running();
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ level: "info", message: String(from + i) }) as const);
    const maxLogLines = 20;
    await h.store.report({ ...key, maxLogLines, logs: lines(0, 15) });
    await h.store.report({ ...key, maxLogLines, logs: lines(15, 20) });
    assert.equal((await messages(h, key.taskId)).length, 20);
    let next = 20;
    for (const n of [1, 1, 7, 30, 1, 3]) {
      await h.store.report({ ...key, maxLogLines, logs: lines(next, next + n) });
      next += n;
      const kept = (await messages(h, key.taskId)).map(Number);
      assert.ok(kept.length <= maxLogLines && kept.length >= maxLogLines / 2, `${kept.length} are kept`);
      assert.deepEqual(
        kept,
        Array.from({ length: kept.length }, (_, i) => next - kept.length + i),
      );
      const dropped = (await h.store.timeline({ taskId: key.taskId })).filter(
        ({ type }) => type === "dropped",
      );
      assert.deepEqual(
        dropped.map((event) => event.type === "dropped" && event.lines),
        [next - kept.length],
      );
    }
    assert.deepEqual((await h.life(key.taskId)).slice(0, 4), ["created", "begun", "dropped", "log"]);
    await h.store.report({ ...key, maxLogLines: 1, logs: lines(next, next + 1) });
    assert.deepEqual(await messages(h, key.taskId), [String(next)]);
    await h.store.complete({ ...key, result: null });
    assert.deepEqual(await h.life(key.taskId), ["created", "begun", "dropped", "log", "completed"]);
  },
});

export const sharedLimitCases = casesOf(
  "limits",
  {
    async "count what other processes create, soon"(h) {
      const other = await h.attach();
      const limits = { openTasksPerOwner: 3, openTasks: 4, queuedTasks: 100 };
      await h.create({ limits });
      await other.create(h.request({ limits }));
      const { id } = (await other.create(h.request({ limits }))).task;
      await h.clock.advance(1_000);
      await refusesBeyond(h, { openTasksPerOwner: 3 });
      await refuses("LIMIT_EXCEEDED", () => other.create(h.request({ limits })));
      await other.cancel({ taskId: id });
      await h.clock.advance(1_000);
      await h.create({ limits });
      await refusesBeyond(h, { queuedTasks: 3 });
    },
  },
  "attach",
);
