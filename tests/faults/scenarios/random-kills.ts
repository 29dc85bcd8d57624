/**
 * One file, many lives. A program with two dozen tasks always open, half of which wait, is killed again and again: while it starts,
 * while it works, at a random write point, or in the middle of a polite shutdown. The last life is left alone and must finish
 * everything that any life ever promised.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Arena, describeExit, summary } from "../arena.ts";
import { eventsOf } from "../journal.ts";
import type { Random } from "../random.ts";
import type { Scenario } from "../scenario.ts";

type Death =
  | { readonly when: "at the start" | "at work"; readonly afterMs: number }
  | { readonly when: "at a write"; readonly point: number }
  | { readonly when: "while closing"; readonly afterMs: number; readonly laterMs: number };

/** A life whose write point never comes is killed after this time. */
const patienceMs = 1_500;
const work = { kind: "stream", window: 24 } as const;

export const randomKills: Scenario = {
  name: "random kills",
  async run({ folder, seed, random, kills, report }) {
    const arena = new Arena(folder, { seed });
    const deaths = new Map<string, number>();
    for (let i = 0; i < kills; i++) {
      const death = chooseDeath(random);
      const where = await liveAndDie(arena, death);
      deaths.set(where, (deaths.get(where) ?? 0) + 1);
    }
    arena.stop();
    await arena.finish(arena.spawn({ name: "a", work }));
    const verdict = await arena.verdict();
    const where = [...deaths].map(([when, count]) => `${count} ${when}`).join(", ");
    const lives = eventsOf(verdict.events, "spawned").length;
    report.claim(`${kills} kills in ${lives} lives (${where}): ${summary(verdict)}`, verdict.reasons);
  },
};

function chooseDeath(random: Random): Death {
  const draw = random.next();
  if (draw < 0.15) return { when: "at the start", afterMs: random.between(20, 250) };
  if (draw < 0.55) return { when: "at work", afterMs: random.between(1, 600) };
  if (draw < 0.9) return { when: "at a write", point: random.between(5, 500) };
  return { when: "while closing", afterMs: random.between(20, 300), laterMs: random.between(0, 40) };
}

/** @returns where it died: a write point that did not come is a death at work. */
async function liveAndDie(arena: Arena, death: Death): Promise<Death["when"]> {
  if (death.when === "at a write") {
    const ambush = { point: death.point, signal: "SIGKILL" } as const;
    const child = arena.spawn({ name: "a", work, ambush });
    const exit = await child.exitWithin(patienceMs);
    arena.expectKilled(exit ?? (await child.kill()), `at write point ${death.point}`);
    return exit === undefined ? "at work" : "at a write";
  }
  const child = arena.spawn({ name: "a", work });
  if (death.when !== "at the start") await child.ready;
  await pause(death.afterMs);
  if (death.when !== "while closing") {
    arena.expectKilled(await child.kill(), death.when);
    return death.when;
  }
  child.signal("SIGTERM");
  await pause(death.laterMs);
  const exit = await child.kill();
  if (exit.signal !== "SIGKILL" && exit.code !== 0) arena.mishap(`while closing: ${describeExit(exit)}`);
  return death.when;
}
