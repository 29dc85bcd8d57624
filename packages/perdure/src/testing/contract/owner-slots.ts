import assert from "node:assert/strict";
import type { ClaimTasks } from "../../store/store.ts";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

async function owners(h: ContractHarness, request: Partial<ClaimTasks>): Promise<string[]> {
  return (await h.claim(request)).begun.map(({ owner }) => owner);
}

const ofTool = (slotsPerOwner: number, ...tools: string[]): Partial<ClaimTasks> => ({
  tools: tools.map((tool) => ({ tool, slots: 10, maxCrashes: 20, slotsPerOwner })),
});

export const ownerSlotCases = casesOf("executor: slots per owner", {
  async "bound what runs of one owner in all"(h) {
    await h.execute(["train", "index"]);
    for (const tool of ["train", "index"]) for (let n = 0; n < 3; n++) await h.create({ tool });
    await h.create({ owner: "bob" });
    const { begun, more, ownersFullAt } = await h.claim({ slotsPerOwner: 2 });
    assert.deepEqual(begun.map(({ owner }) => owner).toSorted(), ["ada", "ada", "bob"]);
    assert.deepEqual([more, ownersFullAt], [false, h.clock.now()], "no slot helps, the end of one does");
    const again = await h.claim({ slotsPerOwner: 2 });
    assert.deepEqual([again.begun, again.ownersFullAt], [[], h.clock.now()]);
    const [first] = begun.filter(({ owner }) => owner === "ada");
    assert.ok(first);
    await h.store.complete({ taskId: first.id, attempt: 1, result: null });
    assert.deepEqual(await owners(h, { slotsPerOwner: 2 }), ["ada"]);
  },

  async "bound what runs of one owner of a tool"(h) {
    await h.execute(["train", "index"]);
    for (const tool of ["train", "index"]) for (let n = 0; n < 3; n++) await h.create({ tool });
    const { begun } = await h.claim(ofTool(1, "train", "index"));
    assert.deepEqual(begun.map(({ tool }) => tool).toSorted(), ["index", "train"]);
  },

  async "say nothing where nothing was left"(h) {
    await h.create();
    assert.equal("ownersFullAt" in (await h.claim({ slotsPerOwner: 1 })), false);
    assert.equal("ownersFullAt" in (await h.claim({ slotsPerOwner: 1 })), false);
  },

  async "leave out what waits for them, of what will be due"(h) {
    await h.create();
    await h.create();
    await h.create({ startAt: h.clock.now() + 5_000 });
    const { ownersFullAt: after } = await h.claim({ slotsPerOwner: 1 });
    assert.equal(await h.nextDueMs(), 0);
    assert.equal(await h.store.executor.nextDueMs({ tools: ["train"], after }), 5_000);
  },

  async "hold for a task that begins as it is created"(h) {
    await h.execute();
    const perOwner = { begin: true, slotsPerOwner: { inAll: 1 } };
    const first = await h.create(perOwner);
    assert.equal(first.phase, "running");
    const second = await h.create(perOwner);
    assert.equal(second.phase, "queued");
    assert.equal((await h.create({ ...perOwner, owner: "bob" })).phase, "running");
    await h.store.complete({ taskId: first.id, attempt: 1, result: null });
    const third = await h.create(perOwner);
    assert.equal(third.phase, "queued", "it does not overtake the second");
    assert.equal((await h.claim({ limit: 1, slotsPerOwner: 1 })).begun[0]?.id, second.id);
    assert.equal((await h.create({ begin: true, slotsPerOwner: { tool: 1 } })).phase, "queued");
    assert.equal((await h.create({ begin: true, slotsPerOwner: { tool: 2 }, priority: 1 })).phase, "running");
  },

  async "pass over owners that are full, however much they have queued"(h) {
    for (let n = 0; n < 20; n++) await h.create({ owner: "ada" });
    await h.claim({ slotsPerOwner: 2, limit: 5 });
    await h.clock.advance(10);
    await h.create({ owner: "bob" });
    assert.deepEqual(await owners(h, { slotsPerOwner: 2, limit: 1 }), ["bob"]);
  },

  async "are not taken by parked tasks"(h) {
    const key = await h.running();
    await h.create();
    await h.store.openWait({ ...key, name: "nap", wait: { kind: "sleep", ms: 60_000 } });
    assert.deepEqual(await owners(h, { slotsPerOwner: 1 }), []);
    await h.store.park({ ...key, waits: ["nap"] });
    assert.deepEqual(await owners(h, { slotsPerOwner: 1 }), ["ada"]);
  },
});
