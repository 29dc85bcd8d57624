/**
 * Handlers in threads, which compute while their process is killed at any moment: while a thread starts, in a step, on
 * the way of a write over the port, parked. What was recorded is not done again, and everything ends as it should.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Arena, summary } from "../arena.ts";
import { eventsOf } from "../journal.ts";
import { item } from "../program/plan.ts";
import type { Scenario } from "../scenario.ts";

const tasks = 24;
const lives = 10;

export const threads: Scenario = {
  name: "threads",
  async run({ folder, seed, random, report }) {
    const arena = new Arena(folder, { seed });
    const items = Array.from({ length: tasks }, (_, i) =>
      item(`t-${i}`, "threaded", random.between(2, 6), { salt: random.between(0, 999) }),
    );
    const orders = { name: "t", work: { kind: "list", items }, threads: true } as const;
    for (let life = 0; life < lives; life++) {
      const child = arena.spawn(orders);
      await child.ready;
      await pause(random.between(1, 400));
      const done = await child.exitWithin(0);
      if (done === undefined) arena.expectKilled(await child.kill(), "at work in threads");
    }
    await arena.finish(arena.spawn(orders));
    const verdict = await arena.verdict();
    const attempts = eventsOf(verdict.events, "begun").length;
    const reasons = attempts > tasks ? [] : ["no kill has interrupted a thread"];
    report.claim(`${lives} kills while threads compute: ${summary(verdict)}`, [
      ...verdict.reasons,
      ...reasons,
    ]);
  },
};
