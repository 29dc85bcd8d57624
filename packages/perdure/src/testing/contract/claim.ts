import assert from "node:assert/strict";
import type { ClaimedTasks } from "../../store/store.ts";
import { assertFields, assertInAnyOrder } from "./assertions.ts";
import { casesOf } from "./contract.ts";
import { failure } from "./harness.ts";

const inputs = (claimed: ClaimedTasks) => claimed.begun.map((record) => record.input);
const slotsFor = (slots: Readonly<Record<string, number>>) =>
  Object.entries(slots).map(([tool, free]) => ({ tool, slots: free, maxCrashes: 20 }));

export const claimCases = casesOf("executor: claim", {
  async "begins what is due"(h) {
    const { id } = await h.create();
    const { begun, more } = await h.claim();
    assert.deepEqual([begun.length, more], [1, false]);
    assertFields(begun[0], { id, phase: "running", attempt: 1, input: { epochs: 3 } });
    assert.deepEqual(begun[0], await h.read(id));
    assert.deepEqual(await h.life(id), ["created", "begun"]);
  },

  async "finds nothing in an empty store"(h) {
    assert.deepEqual(await h.claim(), { begun: [], more: false });
  },

  async "begins nothing twice"(h) {
    await h.create();
    assert.equal((await h.claim()).begun.length, 1);
    await h.clock.advance(10_000);
    assert.deepEqual(await h.claim(), { begun: [], more: false });
  },

  async "takes the highest priority first, then the longest due"(h) {
    const start = h.clock.now();
    for (const [input, priority, startAt] of [
      ["e", 0, start + 30],
      ["c", 0, start + 10],
      ["f", -1, start],
      ["b", 5, start + 20],
      ["a", 5, start + 15],
      ["d", 0, start + 20],
    ] as const) {
      await h.create({ input, priority, startAt });
    }
    await h.clock.advance(100);
    const order: unknown[] = [];
    for (let n = 0; n < 6; n++) order.push(...inputs(await h.claim({ limit: 1 })));
    assert.deepEqual(order, ["a", "b", "c", "d", "e", "f"]);
  },

  async "takes every priority, the greatest and the least too"(h) {
    const priorities = [Number.MIN_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER];
    for (const priority of priorities) await h.create({ priority });
    const { begun } = await h.claim();
    assert.deepEqual(
      begun.map((record) => record.priority),
      priorities.toReversed(),
    );
  },

  async "keeps that order within one claim"(h) {
    for (const [input, priority] of [
      ["b", 0],
      ["c", -5],
      ["a", 5],
    ] as const) {
      await h.create({ input, priority });
    }
    assert.deepEqual(inputs(await h.claim()), ["a", "b", "c"]);
  },

  async "keeps that order across tools"(h) {
    await h.execute(["train", "index"]);
    await h.create({ tool: "train", input: "low" });
    await h.clock.advance(10);
    await h.create({ tool: "index", input: "high", priority: 1 });
    assert.deepEqual(inputs(await h.claim({ limit: 1 })), ["high"]);
    assert.deepEqual(inputs(await h.claim({ limit: 1 })), ["low"]);

    const start = h.clock.now();
    await h.create({ tool: "train", input: "later", startAt: start + 20 });
    await h.create({ tool: "index", input: "sooner", startAt: start + 10 });
    await h.clock.advance(100);
    assert.deepEqual(inputs(await h.claim({ limit: 1 })), ["sooner"]);
    await h.create({ tool: "index", input: "last" });
    assert.deepEqual(inputs(await h.claim()), ["later", "last"]);
  },

  async "takes the first come first among equals"(h) {
    for (const input of [1, 2, 3]) {
      await h.create({ input });
      await h.clock.advance(1);
    }
    assert.deepEqual(inputs(await h.claim({ limit: 2 })), [1, 2]);
    assert.deepEqual(inputs(await h.claim({ limit: 2 })), [3]);
  },

  async "takes at most the limit, and says when there is more"(h) {
    for (let n = 0; n < 5; n++) await h.create();
    const claims = [];
    for (let n = 0; n < 4; n++) {
      const { begun, more } = await h.claim({ limit: 2 });
      claims.push([begun.length, more]);
    }
    assert.deepEqual(claims, [
      [2, true],
      [2, true],
      [1, false],
      [0, false],
    ]);
  },

  async "takes at most the limit of all tools together"(h) {
    await h.execute(["train", "index"]);
    await h.create({ tool: "train" });
    await h.create({ tool: "index" });
    const first = await h.claim({ limit: 1 });
    assert.deepEqual([first.begun.length, first.more], [1, true]);
    const second = await h.claim({ limit: 1 });
    assert.deepEqual([second.begun.length, second.more], [1, false]);
  },

  async "takes no more of a tool than it has slots"(h) {
    await h.execute(["train", "index"]);
    for (let n = 0; n < 3; n++) {
      await h.create({ tool: "train" });
      await h.create({ tool: "index" });
    }
    const { begun, more } = await h.claim({ tools: slotsFor({ train: 1, index: 2 }) });
    assertInAnyOrder(
      begun.map((record) => record.tool),
      ["index", "index", "train"],
    );
    assert.equal(more, true);
  },

  async "says there is no more when the slots were just enough"(h) {
    await h.execute(["train", "index"]);
    await h.create({ tool: "train" });
    await h.create({ tool: "index" });
    const { begun, more } = await h.claim({ tools: slotsFor({ train: 1, index: 1 }), limit: 2 });
    assert.deepEqual([begun.length, more], [2, false]);
  },

  async "lets a tool without a slot not hold up the others"(h) {
    await h.execute(["train", "index"]);
    for (let n = 0; n < 5; n++) await h.create({ tool: "train", priority: 9 });
    await h.create({ tool: "index" });
    for (const slots of [{ train: 0, index: 1 }, { index: 1 }]) {
      const claimed = await h.claim({ tools: slotsFor(slots), limit: 3 });
      assert.deepEqual(
        claimed.begun.map((record) => record.tool),
        "train" in slots ? ["index"] : [],
      );
    }
  },

  async "leaves the tasks of unknown tools waiting"(h) {
    const { id } = await h.create({ tool: "gone", priority: 9 });
    await h.create({ tool: "train" });
    const { begun, more } = await h.claim();
    assert.deepEqual([begun.map((record) => record.tool), more], [["train"], false]);
    assertFields(await h.read(id), { status: "working", phase: "queued", attempt: 0 });
  },

  async "takes nothing where no tool is named"(h) {
    await h.create();
    assert.deepEqual((await h.claim({ tools: [] })).begun, []);
  },

  async "takes a task at its startAt, and not before"(h) {
    await h.create({ startAt: h.clock.now() + 1_000, priority: 9 });
    assert.deepEqual(await h.claim(), { begun: [], more: false });
    await h.clock.advance(999);
    assert.deepEqual(await h.claim(), { begun: [], more: false });
    await h.clock.advance(1);
    assert.equal((await h.claim()).begun.length, 1);
  },

  async "lets a task that is not due yet not hold up the others"(h) {
    for (let n = 0; n < 5; n++) await h.create({ startAt: h.clock.now() + 1_000, priority: 9 });
    await h.create({ input: "due" });
    const claimed = await h.claim({ limit: 1, slots: 1 });
    assert.deepEqual([inputs(claimed), claimed.more], [["due"], false]);
  },

  async "takes a retry after its delay, and not before"(h) {
    const key = await h.running();
    await h.store.retry({ ...key, failure: failure(), delayMs: 1_000 });
    await h.clock.advance(999);
    assert.equal((await h.claim()).begun.length, 0);
    await h.clock.advance(1);
    assertFields((await h.claim()).begun[0], { id: key.taskId, attempt: 2, errors: 1 });
  },

  async "takes what was released"(h) {
    const key = await h.running();
    await h.store.release(key);
    assertFields((await h.claim()).begun[0], { id: key.taskId, attempt: 2, crashes: 0 });
  },

  async "leaves what has ended"(h) {
    const cancelled = await h.create();
    await h.store.cancel({ taskId: cancelled.id });
    await h.completed();
    await h.failed();
    assert.deepEqual(await h.claim(), { begun: [], more: false });
  },

  async "takes many at once, each once"(h) {
    const tasks = await Promise.all(Array.from({ length: 100 }, () => h.create()));
    const begun = [];
    for (let n = 0; n < 4; n++) begun.push(...(await h.claim({ limit: 30 })).begun);
    assertInAnyOrder(
      begun.map((record) => record.id),
      tasks.map((task) => task.id),
    );
  },
});
