import assert from "node:assert/strict";
import { casesOf } from "./contract.ts";
import type { ContractHarness } from "./harness.ts";

async function queue(h: ContractHarness, tasks: Readonly<Record<string, number>>, tool = "train") {
  for (const [owner, count] of Object.entries(tasks)) {
    for (let n = 0; n < count; n++) await h.create({ owner, tool, input: n });
    await h.clock.advance(1);
  }
}

/** The owners of the tasks that so many claims of one task each begin. */
async function served(h: ContractHarness, claims: number): Promise<string[]> {
  const owners: string[] = [];
  for (let n = 0; n < claims; n++) {
    const { begun } = await h.claim({ limit: 1 });
    assert.equal(begun.length, 1);
    owners.push(begun[0]?.owner ?? "");
  }
  return owners;
}

export const ownerTurnCases = casesOf("executor: owners take turns", {
  async "so that one with many tasks does not keep another waiting"(h) {
    await queue(h, { ada: 50, bob: 1 });
    assert.ok((await served(h, 2)).includes("bob"));
  },

  async "within one claim"(h) {
    await queue(h, { ada: 50, bob: 3, cyd: 1 });
    const { begun, more } = await h.claim({ limit: 9 });
    const counts = Map.groupBy(begun, ({ owner }) => owner);
    assert.deepEqual(
      ["ada", "bob", "cyd"].map((owner) => counts.get(owner)?.length),
      [5, 3, 1],
    );
    assert.equal(more, true);
  },

  async "each served equally over many claims, of each the longest due first"(h) {
    await queue(h, { ada: 20, bob: 20, cyd: 20 });
    const begun: { owner: string; input: unknown }[] = [];
    for (let n = 0; n < 10; n++) {
      for (const { owner, input } of (await h.claim({ limit: 3 })).begun) begun.push({ owner, input });
    }
    for (const owner of ["ada", "bob", "cyd"]) {
      assert.deepEqual(
        begun.filter((task) => task.owner === owner).map(({ input }) => input),
        Array.from({ length: 10 }, (_, n) => n),
      );
    }
  },

  async "over all tools"(h) {
    await h.execute(["train", "index"]);
    await queue(h, { ada: 20 });
    await queue(h, { bob: 1 }, "index");
    assert.ok((await served(h, 2)).includes("bob"));
  },

  async "where a tool has few slots, too"(h) {
    await queue(h, { ada: 20, bob: 20 });
    const { begun } = await h.claim({ slots: 4 });
    assert.deepEqual(begun.map(({ owner }) => owner).toSorted(), ["ada", "ada", "bob", "bob"]);
  },

  async "and no turn is lost to those who sleep"(h) {
    for (let n = 0; n < 30; n++) {
      await h.create({ owner: `sleeper-${n}`, startAt: h.clock.now() + 3_600_000 });
    }
    await queue(h, { ada: 10, zoe: 10 });
    const owners = await served(h, 6);
    assert.equal(owners.filter((owner) => owner === "zoe").length, 3);
  },

  async "after priority"(h) {
    await queue(h, { ada: 2 });
    await h.create({ owner: "bob", priority: -1 });
    assert.deepEqual(await served(h, 3), ["ada", "ada", "bob"]);
  },

  async "and every slot is used while anything is due"(h) {
    await queue(h, { ada: 30, bob: 2, cyd: 1 });
    let begun = 0;
    for (let more = true; more;) {
      const claimed = await h.claim({ limit: 8 });
      assert.ok(claimed.begun.length > 0);
      begun += claimed.begun.length;
      ({ more } = claimed);
    }
    assert.equal(begun, 33);
  },
});
