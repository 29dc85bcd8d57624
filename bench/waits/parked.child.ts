/**
 * One life with parked tasks: `node parked.child.ts <file> <to park>` opens a file that may hold many, parks more by
 * itself, and prints a {@link ParkedReport}.
 */
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { perdure } from "perdure";
import { z } from "zod";

export interface ParkedReport {
  readonly parked: number;
  /** JavaScript's own, and what it holds outside its heap. */
  readonly heapBytes: number;
  /** All of the process, with what SQLite caches and the allocator keeps. */
  readonly residentBytes: number;
  readonly timers: number;
}

const together = 100;
const month = 30 * 86_400_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const [file = "", toPark = ""] = process.argv.slice(2);
const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}` });
const input = z.object({ n: z.number() });
app.task("nap", { description: "Sleeps for long.", input }, async ({ n }, task) => {
  await task.sleep(month);
  return { n };
});
await app.start();
for (let n = 0; n < Number(toPark); n += together) {
  await Promise.all(Array.from({ length: together }, (_, i) => app.submit("nap", { n: n + i })));
}
for (;;) {
  const { tasks } = await app.tasks.list({ limit: 1_000 });
  if (tasks.every(({ phase, attempt }) => phase === "queued" && attempt === 1)) break;
  await pause(50);
}
await pause(200);
for (let i = 0; i < 3; i++) {
  collectGarbage();
  await pause(50);
}
const { heapUsed, external, rss } = process.memoryUsage();
const timers = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
const report: ParkedReport = {
  parked: Number(toPark),
  heapBytes: heapUsed + external,
  residentBytes: rss,
  timers,
};
process.stdout.write(JSON.stringify(report));
await app.close({ drainMs: 1_000 });
