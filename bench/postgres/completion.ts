/** From the return of a handler to the answer of a call that waits in another process's store, by LISTEN and NOTIFY: the median. */
import { setTimeout as delay } from "node:timers/promises";
import { perdure } from "perdure";
import { z } from "zod";
import { median } from "../measure.ts";
import type { Outcome } from "../report.ts";
import { newDatabase } from "./server.ts";

const tasks = 200;
const targetMs = 30;

export const completionOnPostgres = { name: "postgres: completion heard by another replica", run };

async function run(): Promise<Outcome> {
  const store = await newDatabase();
  const returned = new Map<string, number>();
  const [server, worker] = (["serve", "work"] as const).map((role) => {
    const app = perdure({ name: "bench", version: "1.0.0", store, role });
    app.task("bench", { description: "Takes a moment.", input: z.object({}) }, async (_, task) => {
      await delay(20);
      returned.set(task.id, performance.now());
    });
    return app;
  });
  if (server === undefined || worker === undefined) throw new Error("two applications");
  await Promise.all([server.start(), worker.start()]);
  const tookMs: number[] = [];
  while (tookMs.length < tasks) {
    const handle = await server.submit("bench", {});
    await handle.result();
    tookMs.push(performance.now() - (returned.get(handle.id) ?? 0));
  }
  await Promise.all([server.close(), worker.close()]);
  const subject = median(tookMs);
  return {
    name: completionOnPostgres.name,
    unit: "ms",
    subject,
    reference: targetMs,
    ratio: targetMs / subject,
    target: 1,
    ok: subject <= targetMs,
    details: { medianMs: subject, worstMs: Math.max(...tookMs) },
  };
}
