/**
 * Tasks that kill their own process. One gets nowhere and is given up as CRASH_LOOP after `maxCrashes`; one records a
 * step before each death, dies more often than the limit, and completes. What runs beside them finishes.
 */
import { join } from "node:path";
import { Arena, summary, type Verdict } from "../arena.ts";
import { eventsOf } from "../journal.ts";
import { item, type PlanItem } from "../program/plan.ts";
import { crashLimit } from "../program/limits.ts";
import type { Scenario, Stage } from "../scenario.ts";

const patienceMs = 10_000;
const mostLives = 15;
const climb = 6;

const neighbours: readonly PlanItem[] = [
  item("c-1", "stages", 6),
  item("c-2", "loop", 6, { keyed: false }),
  item("c-3", "slow", 12),
];

export const crashLoop: Scenario = {
  name: "crash loop",
  async run(stage) {
    const loop = await liveUntilDone(stage, "killer", [item("c-0", "killer", 1), ...neighbours]);
    const begun = eventsOf(loop.events, "begun").filter((event) => event.tool === "killer").length;
    const miscounted = begun === crashLimit + 1 ? [] : [`begun ${begun} times, expected ${crashLimit + 1}`];
    stage.report.claim(
      `a task that kills its process was begun ${begun} times (maxCrashes ${crashLimit}) and ended as CRASH_LOOP, ` +
        `its neighbours finished: ${summary(loop)}`,
      [...loop.reasons, ...miscounted],
    );
    const climber = await liveUntilDone(stage, "climber", [item("c-0", "climber", climb)]);
    const deaths = eventsOf(climber.events, "spawned").length - 1;
    stage.report.claim(
      `a task that records a step before each death completed after ${deaths} deaths (maxCrashes 1)`,
      [...climber.reasons, ...(deaths === climb - 1 ? [] : [`${deaths} deaths, expected ${climb - 1}`])],
    );
  },
};

async function liveUntilDone(
  { folder, seed }: Stage,
  name: string,
  items: readonly PlanItem[],
): Promise<Verdict> {
  const arena = new Arena(join(folder, name), { seed });
  for (let life = 1; life <= mostLives; life++) {
    const child = arena.spawn({ name: "c", work: { kind: "list", items } });
    const exit = await child.exitWithin(patienceMs);
    if (exit?.signal === "SIGKILL") continue;
    await arena.finish(child, 1);
    return arena.verdict();
  }
  arena.mishap(`still dying after ${mostLives} lives`);
  return arena.verdict();
}
