import assert from "node:assert/strict";
import type { ClaimTasks, ToolVersions } from "../../store/store.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

const taking = (...versions: string[]): Partial<ClaimTasks> => ({
  tools: [{ tool: "train", slots: 10, maxCrashes: 20, versions }],
});

const versionsOf = async (h: ContractHarness, request: Partial<ClaimTasks>) =>
  (await h.claim(request)).begun.map(({ version = "" }) => version);

const dueMs = (h: ContractHarness, versions: ToolVersions) =>
  h.store.executor.nextDueMs({ tools: ["train"], versions });

export const versionCases = casesOf("versions", {
  async "are kept of a task, and none where there was none"(h) {
    const { id } = await h.create({ version: "2.0" });
    assert.equal((await h.read(id)).version, "2.0");
    assert.equal((await h.store.summary({ taskId: id }))?.version, "2.0");
    assert.ok(!("version" in (await h.create())));
    await h.claim();
    assert.equal((await h.read(id)).version, "2.0");
  },

  async "decide which tasks a process takes"(h) {
    await h.create();
    await h.create({ version: "1" });
    await h.create({ version: "2", priority: 5 });
    await h.create({ version: "10" });
    assert.deepEqual(await versionsOf(h, taking("3")), []);
    assert.deepEqual(await versionsOf(h, taking("1", "10")), ["1", "10"]);
    assert.deepEqual(await versionsOf(h, taking("")), [""]);
    assert.deepEqual(await versionsOf(h, {}), ["2"]);
  },

  async "that are not taken are neither more nor due"(h) {
    await h.create({ version: "1" });
    const { begun, more } = await h.claim(taking("2"));
    assert.deepEqual([begun, more], [[], false]);
    assert.equal(await dueMs(h, { train: ["2"] }), undefined);
    assert.equal(await dueMs(h, { train: ["1", "2"] }), 0);
    assert.equal(await dueMs(h, { index: ["2"] }), 0);
  },

  async "do not come before priority"(h) {
    for (const [version, priority] of [
      ["1", 0],
      ["2", 5],
      ["1", 9],
      ["2", -1],
    ] as const) {
      await h.create({ version, priority, input: priority });
    }
    const order: unknown[] = [];
    for (let n = 0; n < 4; n++) order.push((await h.claim({ limit: 1 })).begun[0]?.input);
    assert.deepEqual(order, [9, 5, 0, -1]);
  },

  async "that are taken now are told"(h) {
    assert.deepEqual(await h.store.executor.activeVersions(), {});
    const versions = { train: ["2", "1"] };
    await h.store.executor.start({ tools: ["train", "index"], versions, wake: () => undefined });
    assert.deepEqual(await h.store.executor.activeVersions(), versions);
  },
});
