/**
 * Very many tasks that all sleep until nearly the same time. The first life puts them to sleep and says so; every life
 * ends when none is open any more. There is no journal: one line each would cost more than what is tried.
 */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { perdure } from "../../../packages/perdure/src/index.ts";

export interface MassWakeOrders {
  readonly store: string;
  readonly tasks: number;
  /** From then on they wake, within a second. */
  readonly wakeAt: number;
}

const together = 200;
const spreadMs = 1_000;

const orders = JSON.parse(process.argv[2] ?? "") as MassWakeOrders;
const app = perdure({ name: "wake", version: "1.0.0", store: `sqlite:${orders.store}`, linger: 0 });
const input = z.object({ index: z.number() });
app.task("nap", { description: "Sleeps.", input, maxCrashes: 1_000 }, async ({ index }, task) => {
  await task.sleep(new Date(orders.wakeAt + ((index * 7) % spreadMs)), { name: "nap" });
  return { index };
});
await app.start();
const open = async (): Promise<boolean> =>
  (await app.tasks.list({ status: "working", limit: 1 })).tasks.length > 0;
if (!(await open())) {
  for (let index = 0; index < orders.tasks; index += together) {
    const group = Array.from({ length: Math.min(together, orders.tasks - index) }, (_, i) =>
      app.submit("nap", { index: index + i }, { idempotencyKey: `nap ${index + i}` }),
    );
    await Promise.all(group);
  }
}
process.stdout.write("asleep\n");
while (await open()) await pause(50);
process.stdout.write(`${JSON.stringify({ doneAt: Date.now() })}\n`);
await app.close({ drainMs: 1_000 });
