/**
 * Under fire: perdure's processes are killed, stopped and starved, and the history is checked.
 *
 *   node tests/faults/run.ts [--seed N] [--kills N] [--only "random kills"]… [--keep]
 *   node tests/faults/run.ts --distributed [--planted] [--seed N] [--minutes N] [--keep]
 *
 * A program (`program/`) runs durable tasks and writes into a journal, outside the store, what it was promised and
 * what it did. The driver kills it, starts it again until everything is done, and then the checker (`checker.ts`)
 * compares the journal with the record: whatever was acknowledged is there, has ended once and rightly, and nothing
 * that was recorded has run again.
 *
 * The seed repeats the plan of tasks, the moments and write points of the kills, and all else that is drawn; how the
 * processes interleave between them is the machine's own. SIGKILL proves the order of what is written and told, not
 * that it was flushed: the page cache outlives the process. So every commit is asked for `synchronous=FULL` as well.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "./random.ts";
import { Report } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { runPlanted } from "./distributed/planted.ts";
import { runDistributed } from "./distributed/run.ts";
import { checker } from "./scenarios/checker.ts";
import { crashLoop } from "./scenarios/crash-loop.ts";
import { delivery } from "./scenarios/delivery.ts";
import { everyWritePoint, everyWritePointOfWaiting } from "./scenarios/every-write-point.ts";
import { fullDisk } from "./scenarios/full-disk.ts";
import { massWake } from "./scenarios/mass-wake.ts";
import { randomKills } from "./scenarios/random-kills.ts";
import { stoppedOwner } from "./scenarios/stopped-owner.ts";
import { threads } from "./scenarios/threads.ts";
import { takeOver } from "./scenarios/take-over.ts";

const scenarios: readonly Scenario[] = [
  checker,
  randomKills,
  everyWritePoint,
  everyWritePointOfWaiting,
  crashLoop,
  massWake,
  takeOver,
  stoppedOwner,
  threads,
  delivery,
  fullDisk,
];

/** Whatever hangs, CI gets an answer. */
const [limitMs, distributedLimitMs, mostRuns] = [235_000, 180_000, 15];

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(1 + Math.floor(Math.random() * 999_999)) },
    kills: { type: "string", default: "50" },
    only: { type: "string", multiple: true },
    distributed: { type: "boolean", default: false },
    planted: { type: "boolean", default: false },
    minutes: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const [seed, kills, minutes] = [
  Number(values.seed),
  Number(values.kills),
  Number(values.minutes ?? (values.planted ? 0.75 : 5)),
];
const abandon = new AbortController();
const distributed: Scenario = {
  name: "distributed",
  run: (stage) =>
    values.planted
      ? runPlanted({ ...stage, minutes, only: values.only })
      : runDistributed({ ...stage, minutes, abandoned: abandon.signal }),
};
const chosen = values.distributed
  ? [distributed]
  : scenarios.filter(({ name }) => values.only?.includes(name) ?? true);
if (
  !Number.isInteger(seed) ||
  !Number.isInteger(kills) ||
  kills < 0 ||
  !(minutes > 0) ||
  chosen.length === 0
) {
  const names = scenarios.map(({ name }) => `"${name}"`).join(", ");
  console.error(`--seed and --kills take whole numbers, --minutes a number, --only one of ${names}.`);
  process.exit(2);
}
const patienceMs = values.distributed
  ? (minutes * 60_000 + distributedLimitMs) * (values.planted ? mostRuns : 1)
  : limitMs;

const folder = realpathSync(mkdtempSync(join(tmpdir(), "perdure-faults-")));
// Start-up is most of a life: the stripped types are kept from one to the next.
process.env["NODE_COMPILE_CACHE"] = join(folder, "compile-cache");
const report = new Report();
console.log(`seed ${seed} (repeat with --seed ${seed})`);
const watchdog = setTimeout(() => {
  report.claim("the whole run", [`took longer than ${patienceMs / 1_000} s; histories are in ${folder}`]);
  report.finish();
  leave(1);
}, patienceMs);
process.once("SIGINT", () => leave(130));
process.once("SIGTERM", () => leave(143));

/** What was started gets a moment to be ended. */
function leave(code: number): void {
  abandon.abort();
  setTimeout(() => process.exit(code), values.distributed ? 5_000 : 0);
}

for (const scenario of chosen) {
  const began = performance.now();
  const stage = { folder: join(folder, scenario.name.replaceAll(" ", "-")), seed, kills, report };
  try {
    await scenario.run({ ...stage, random: new Random(seed, scenario.name) });
  } catch (error) {
    report.claim(scenario.name, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
  report.note(`${scenario.name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}
clearTimeout(watchdog);
const passed = report.finish();
if (passed && !values.keep) rmSync(folder, { recursive: true });
else console.log(`the histories are in ${folder}`);
process.exit(passed ? 0 : 1);
