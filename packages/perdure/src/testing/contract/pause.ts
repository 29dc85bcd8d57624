import assert from "node:assert/strict";
import { eventually } from "./assertions.ts";
import { casesOf } from "./contract.ts";

export const pauseCases = casesOf("pause", {
  async "keeps what is due of a tool from beginning, until it is resumed"(h) {
    await h.execute(["train", "index"]);
    assert.equal(await h.store.pause({ tool: "train" }), true);
    const { id } = await h.create();
    const { id: begun, phase } = await h.create({ begin: true });
    assert.equal(phase, "queued");
    await h.create({ tool: "index" });
    const claimed = await h.claim();
    assert.deepEqual(
      claimed.begun.map(({ tool }) => tool),
      ["index"],
    );
    assert.equal(claimed.more, false, "no slot helps");
    assert.equal(await h.nextDueMs(), undefined, "no time helps");
    assert.equal(await h.begin(id), undefined);
    assert.equal(await h.store.resume({ tool: "train" }), true);
    assert.equal(await h.nextDueMs(), 0);
    assert.deepEqual(
      (await h.claim()).begun.map((task) => task.id),
      [id, begun],
    );
  },

  async "leaves what runs alone, and holds what wakes"(h) {
    const working = await h.running();
    const { taskId, ...attempt } = await h.running();
    const wait = { kind: "sleep", ms: 1_000 } as const;
    await h.store.openWait({ taskId, ...attempt, name: "nap", wait });
    await h.store.pause({ tool: "train" });
    await h.store.report({ ...working, progress: { done: 1 } });
    await h.store.park({ taskId, ...attempt, waits: ["nap"] });
    await h.clock.advance(1_000);
    assert.deepEqual((await h.claim()).begun, []);
    await h.store.complete({ ...working, result: null });
    await h.store.resume({ tool: "train" });
    assert.deepEqual(
      (await h.claim()).begun.map(({ id }) => id),
      [taskId],
    );
  },

  async "says what is paused, and since when"(h) {
    assert.deepEqual(await h.store.pausedTools(), []);
    assert.equal(await h.store.resume({ tool: "train" }), false);
    const since = h.clock.now();
    await h.store.pause({ tool: "train" });
    await h.clock.advance(10);
    await h.store.pause({ tool: "index" });
    assert.equal(await h.store.pause({ tool: "train" }), false);
    assert.deepEqual(await h.store.pausedTools(), [
      { tool: "index", since: since + 10 },
      { tool: "train", since },
    ]);
    await h.store.resume({ tool: "train" });
    assert.deepEqual(await h.store.pausedTools(), [{ tool: "index", since: since + 10 }]);
  },

  async "wakes the engine when it ends"(h) {
    let woken = 0;
    await h.store.pause({ tool: "train" });
    await h.create();
    await h.execute(["train"], () => woken++);
    await h.clock.advance(1_000);
    const before = woken;
    await h.store.resume({ tool: "train" });
    await h.clock.advance(0);
    assert.ok(woken > before);
  },
});

export const sharedPauseCases = casesOf(
  "pause",
  {
    async "holds for every process of the store"(h) {
      let woken = 0;
      await h.execute(["train"], () => woken++);
      const other = await h.attach();
      await other.pause({ tool: "train" });
      assert.equal((await h.create({ begin: true })).phase, "queued");
      assert.deepEqual((await h.claim()).begun, []);
      await h.clock.advance(1_000);
      const before = woken;
      await other.resume({ tool: "train" });
      await eventually(h, () => woken > before, "the process that executes is told");
      assert.equal((await h.claim()).begun.length, 1);
    },
  },
  "attach",
);
