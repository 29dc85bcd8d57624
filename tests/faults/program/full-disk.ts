/**
 * The program that runs out of space: tasks are under way when the last of it goes. Submits must then be refused, and
 * the tasks wait; when there is space again, everything goes on.
 */
import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { item, type PlanItem } from "./plan.ts";
import type { Space } from "./orders.ts";
import { fill } from "./ballast.ts";
import { startProgram } from "./start.ts";

/** In so many refusals in a row the store says that it is full. */
const enough = 3;
const mostSubmits = 5_000;
const fullMs = 1_500;

const underWay: readonly PlanItem[] = [
  ...[0, 1, 2, 3].map((i) => item(`f-slow${i}`, "slow", 15)),
  ...[0, 1].map((i) => item(`f-loop${i}`, "loop", 60)),
  ...[0, 1].map((i) => item(`f-parallel${i}`, "parallel", 80, { keyed: false })),
];

const { orders, journal, points, app, client, close } = startProgram();
const space: Space = orders.space ?? { kind: "pages" };

function takeSpace(): void {
  if (space.kind === "pages") points.limitPages(0);
  else fill(space.file);
}

function giveBack(): void {
  if (space.kind === "pages") points.limitPages(undefined);
  else rmSync(space.file, { force: true });
}

/** Submits until nothing is accepted any more, large tasks first and then small ones into what they left. */
async function submitUntilFull(): Promise<void> {
  let submits = 0;
  for (const padding of ["x".repeat(3_000), ""]) {
    for (let refused = 0; refused < enough; submits++) {
      if (submits > mostSubmits) throw new Error(`still not full after ${submits} submits`);
      const code = await client.submit(item(`f-fill${submits}${padding}`, "instant", 1, { keyed: false }));
      refused = code === undefined ? 0 : refused + 1;
    }
  }
}

await app.start();
journal.append({ event: "ready" });
process.stdout.write("ready\n");
for (const given of underWay) await client.submit(given);
await pause(100);

journal.append({ event: "phase", phase: "taking space" });
takeSpace();
await submitUntilFull();
journal.append({ event: "phase", phase: "full" });
if (orders.dieWhenFull === true) process.kill(process.pid, "SIGKILL");
await pause(fullMs);
journal.append({ event: "phase", phase: `still full, ${client.open} open` });
await client.submit(item("f-hopeless", "instant", 1, { keyed: false }));
for (const { id } of (await app.tasks.list({ limit: 1_000 })).tasks) await app.tasks.get(id);

giveBack();
journal.append({ event: "phase", phase: "space again" });
await client.allEnded();
for (const i of [0, 1, 2]) await client.submit(item(`f-after${i}`, "stages", 2));
await client.allEnded();
await close(1_000);
journal.append({ event: "done" });
