/**
 * `npm run bench -- [name…] [--check] [--json] [--dir folder]`
 *
 * How close perdure comes to what the disk and SQLite can do at best; see `measure.ts` for how, and each benchmark for
 * what its reference is. A name is any part of a benchmark's; none runs all, in about ten minutes: six files of a million tasks are made. It ends with 1 only
 * under `--check`, and only when a target was missed.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { artifacts } from "./artifacts.ts";
import type { Benchmark } from "./benchmark.ts";
import { folderOnDisk } from "./disk.ts";
import { endToEnd } from "./end-to-end.ts";
import { completions } from "./http/completions.ts";
import { heartbeats } from "./http/heartbeats.ts";
import {
  backgroundStarts,
  singleStartsOfSdkCalls,
  startsOfInserts,
  startsOfSdkCalls,
} from "./http/starts.ts";
import { taskReads } from "./http/task-reads.ts";
import { underLoad } from "./http/under-load.ts";
import { measure } from "./measure.ts";
import { expiry } from "./months/expiry.ts";
import { growth } from "./months/growth.ts";
import { turns } from "./months/turns.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { completionOnPostgres } from "./postgres/completion.ts";
import { endToEndOnPostgres } from "./postgres/end-to-end.ts";
import { growthOnPostgres } from "./postgres/growth.ts";
import { endServer } from "./postgres/server.ts";
import { statusReadsOnPostgres } from "./postgres/status-reads.ts";
import { takeover } from "./postgres/takeover.ts";
import { fourWorkers } from "./postgres/workers.ts";
import { type Outcome, table } from "./report.ts";
import { start } from "./start.ts";
import { steps } from "./steps.ts";
import { endedStatusReads, waitingStatusReads } from "./status-reads.ts";
import { submits } from "./submits.ts";
import { threadStart } from "./thread-start.ts";
import { parentWithChildren } from "./waits/children.ts";
import { parked } from "./waits/parked.ts";
import { waking } from "./waits/waking.ts";

const benchmarks: readonly { readonly name: string; run(folder: string): Promise<Outcome> }[] = [
  ...[
    submits,
    endedStatusReads,
    waitingStatusReads,
    oneAtATime,
    endToEnd,
    startsOfInserts,
    startsOfSdkCalls,
    singleStartsOfSdkCalls,
    taskReads,
    backgroundStarts,
    parentWithChildren,
    ...steps,
    turns,
    ...growth,
    artifacts,
    ...endToEndOnPostgres,
    statusReadsOnPostgres,
    ...growthOnPostgres,
  ].map((each) => ({
    name: each.name,
    run: (folder: string) => compare(each, folder),
  })),
  { name: "start with 101,000 tasks", run: start },
  completions,
  heartbeats,
  underLoad,
  threadStart,
  waking,
  parked,
  expiry,
  completionOnPostgres,
  takeover,
  fourWorkers,
];

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { check: { type: "boolean" }, json: { type: "boolean" }, dir: { type: "string" } },
});
const chosen = benchmarks.filter(
  ({ name }) => names.length === 0 || names.some((part) => name.includes(part)),
);
if (chosen.length === 0) {
  throw new Error(`No benchmark is named so. There are: ${benchmarks.map(({ name }) => name).join("; ")}.`);
}

using folder = folderOnDisk(options.dir);
const machine = `Node ${process.version}, SQLite ${process.versions.sqlite}, ${folder.fileSystem}`;
const outcomes: Outcome[] = [];
for (const [i, benchmark] of chosen.entries()) {
  const own = join(folder.path, String(i));
  mkdirSync(own);
  console.error(`${benchmark.name} …`);
  outcomes.push(await benchmark.run(own));
}
await endServer();
console.log(options.json ? JSON.stringify({ machine, outcomes }, null, 2) : `${machine}\n${table(outcomes)}`);
if (options.check && outcomes.some(({ ok }) => !ok)) process.exitCode = 1;

async function compare(benchmark: Benchmark, own: string): Promise<Outcome> {
  const contest = await benchmark.prepare(own);
  const { rounds, ...medians } = await measure(contest);
  await contest.close();
  return {
    name: benchmark.name,
    unit: "per second",
    ...medians,
    target: benchmark.target,
    ok: medians.ratio >= benchmark.target,
    details: rounds,
  };
}
