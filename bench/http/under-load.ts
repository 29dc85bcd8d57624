/**
 * `tasks/get`, one after another, while a thread computes on every core, against the same server at rest: of 100 the
 * slowest but one.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { input } from "../subject.ts";
import type { Outcome } from "../report.ts";
import { type Caller, openCallers } from "./load.ts";
import { request2026 } from "./requests.ts";
import { startServer } from "./server-process.ts";

const name = "tasks/get while all cores compute, p99";
const reads = 1_000;
/** A client that polls once a second does not notice. */
const limitMs = 100;

export const underLoad = { name, run };

async function run(folder: string): Promise<Outcome> {
  const rest = await timesOf(join(folder, "rest.db"), 0);
  const loaded = await timesOf(join(folder, "loaded.db"), availableParallelism());
  const [subject, reference] = [p99(loaded), p99(rest)];
  return {
    name,
    unit: "ms",
    subject,
    reference: limitMs,
    ratio: limitMs / subject,
    target: 1,
    ok: subject <= limitMs,
    details: { reads, atRestMs: reference, medianMs: loaded[reads >> 1], latestMs: loaded.at(-1) },
  };
}

async function timesOf(file: string, threads: number): Promise<number[]> {
  using server = await startServer("under-load.server.ts", file, String(threads));
  const [caller] = (await openCallers(server.url, 1)) as [Caller];
  const start = request2026("tools/call", { name: "bench", arguments: input }, { tasks: true });
  const started = JSON.parse(await caller.call(start, '"taskId"')) as {
    readonly result: { readonly taskId: string };
  };
  const read = request2026("tasks/get", { taskId: started.result.taskId }, { tasks: true });
  const times: number[] = [];
  for (let i = 0; i < reads; i++) {
    const began = performance.now();
    await caller.call(read, '"status":"working"');
    times.push(performance.now() - began);
  }
  caller.close();
  return times.toSorted((a, b) => a - b);
}

function p99(times: readonly number[]): number {
  return times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN;
}
