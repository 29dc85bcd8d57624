/**
 * Every write point in turn. A small program is run once to count the points at which it writes; then, for each of
 * them, on a new file, it is killed exactly there, its second life is killed at a random point of the recovery, and
 * the third must finish. So every prefix of what the program writes has been what a restart finds.
 */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSqliteStore } from "../../../packages/perdure/src/store/sqlite/index.ts";
import { Arena } from "../arena.ts";
import { eventsOf } from "../journal.ts";
import { item } from "../program/plan.ts";
import type { Work } from "../program/orders.ts";
import type { Scenario, Stage } from "../scenario.ts";

const smallWork: Work = {
  kind: "list",
  items: [
    item("w-0", "stages", 2),
    item("w-1", "loop", 2, { keyed: false }),
    item("w-2", "flaky", 1),
    item("w-3", "stuck", 1, { cancel: true }),
    item("w-4", "doomed", 1),
  ],
};

/** One branch of each kind asks, calls and is signalled; all of it parks, and the child wakes its parent. */
const waitingWork: Work = {
  kind: "list",
  items: [item("w-0", "branches", 3, { salt: 2 }), item("w-1", "refused", 1)],
};

/** So many programs at once: on two cores, because each mostly waits for the disk and for its own pauses. */
const lanes = 4;
/** Group commits differ from run to run, and so does the number of points: the last ones may come the next time. */
const tries = 3;
const patienceMs = 10_000;
/** On a slow machine the recovery is left alone from then on, so that the whole run stays within its limit. */
const unhurriedMs = 35_000;

/** And what is left then is left out, evenly: every third point comes first, then those between. */
const longestMs = 48_000;
const stride = 3;

interface Trial {
  readonly point: number;
  readonly label: string | undefined;
  readonly kills: number;
  readonly reasons: readonly string[];
}

export const everyWritePoint: Scenario = {
  name: "every write point",
  run: (stage) => killAtEvery(stage, { work: smallWork, what: "a small program" }),
};

export const everyWritePointOfWaiting: Scenario = {
  name: "every write point of waiting",
  async run(stage) {
    const made = join(stage.folder, "made.db");
    mkdirSync(stage.folder, { recursive: true });
    const store = openSqliteStore({ file: made });
    await store.list({ limit: 1 });
    await store.close();
    await killAtEvery(stage, { work: waitingWork, what: "a small program that waits", made });
  },
};

interface Subject {
  readonly what: string;
  readonly work: Work;
  /** A file to begin with; absent: the program makes it, which is tried at every point too. */
  readonly made?: string;
}

async function killAtEvery(stage: Stage, subject: Subject): Promise<void> {
  const { report } = stage;
  const untouched = await runUntouched(stage, subject);
  report.claim(`${subject.what}, never killed, has ${untouched.points} write points`, untouched.reasons);
  const trials: Trial[] = [];
  const points = Array.from({ length: untouched.points }, (_, i) => i + 1).toSorted(
    (a, b) => (a % stride) - (b % stride) || a - b,
  );
  const stopAt = performance.now() + longestMs;
  const hurryAt = performance.now() + unhurriedMs;
  const takeTurns = async (): Promise<void> => {
    for (;;) {
      const point = performance.now() < stopAt ? points.shift() : undefined;
      if (point === undefined) return;
      let trial = await killAt(stage, subject, point, hurryAt);
      for (let more = 1; more < tries && trial.label === undefined && trial.reasons.length === 0; more++)
        trial = await killAt(stage, subject, point, hurryAt);
      trials.push(trial);
    }
  };
  await Promise.all(Array.from({ length: lanes }, takeTurns));
  const hit = trials.filter((trial) => trial.label !== undefined);
  const kills = trials.reduce((sum, trial) => sum + trial.kills, 0);
  report.claim(
    `killed at ${hit.length} of ${untouched.points} write points in turn, ${kills} kills with ` +
      `those in recovery`,
    trials.flatMap(({ point, label, reasons }) =>
      reasons.map((reason) => `point ${point} (${label}): ${reason}`),
    ),
  );
  const labels = new Set(hit.map((trial) => trial.label));
  report.note(`the points: ${[...labels].filter((label) => label?.startsWith("after")).join(", ")}`);
  if (points.length > 0) report.note(`${points.length} points were left out: this machine is slow now`);
  const missed = trials.filter((trial) => trial.label === undefined).map((trial) => trial.point);
  report.claim(
    `no more than the last few points were missed (${missed.length}, each tried ${tries} times: group commits differ)`,
    missed.filter((point) => point < untouched.points * 0.8).map((point) => `point ${point} never came`),
  );
}

async function runUntouched(
  { folder, seed }: Stage,
  { work, made }: Subject,
): Promise<{ points: number; reasons: readonly string[] }> {
  const arena = new Arena(join(folder, "untouched"), { seed });
  if (made !== undefined) copyFileSync(made, arena.store);
  await arena.finish(arena.spawn({ name: "w", work }));
  const verdict = await arena.verdict();
  return { points: eventsOf(verdict.events, "points").at(-1)?.count ?? 0, reasons: verdict.reasons };
}

async function killAt(
  { folder, seed, random }: Stage,
  { work, made }: Subject,
  point: number,
  hurryAt: number,
): Promise<Trial> {
  const place = join(folder, `point-${point}`);
  const arena = new Arena(place, { seed });
  if (made !== undefined) copyFileSync(made, arena.store);
  const label = await killOnce(arena, work, point);
  const recovery = random.derive(`recovery of ${point}`).between(1, point);
  const again = performance.now() < hurryAt ? await killOnce(arena, work, recovery) : undefined;
  await arena.finish(arena.spawn({ name: "w", work }));
  const { reasons } = await arena.verdict();
  if (reasons.length === 0) rmSync(place, { recursive: true });
  return { label, reasons, point, kills: [label, again].filter((hit) => hit !== undefined).length };
}

/** @returns the point at which it was killed, in words; `undefined` when it ended before the point came. */
async function killOnce(arena: Arena, work: Work, point: number): Promise<string | undefined> {
  const child = arena.spawn({ name: "w", work, ambush: { point, signal: "SIGKILL" } });
  const exit = await child.exitWithin(patienceMs);
  if (exit?.signal === "SIGKILL") return eventsOf(arena.events(), "hit").at(-1)?.label;
  await arena.finish(child, 1);
  return undefined;
}
