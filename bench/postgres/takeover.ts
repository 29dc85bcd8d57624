/**
 * How long a task waits for another worker after the SIGKILL of its own: the worst of 20, against the two leases that
 * are promised. Each is killed at another moment of its lease.
 */
import { setTimeout as delay } from "node:timers/promises";
import { perdure } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { z } from "zod";
import { median } from "../measure.ts";
import type { Outcome } from "../report.ts";
import { newDatabase } from "./server.ts";
import { leaseMs } from "./subject.ts";
import { Worker } from "./worker.ts";

const rounds = 4;
const atOnce = 5;

export const takeover = { name: "postgres: takeover after SIGKILL, worst of 20, of two leases", run };

async function run(): Promise<Outcome> {
  const url = await newDatabase();
  const begun = new Map<string, () => void>();
  const app = perdure({ name: "bench", version: "1.0.0", store: openPostgresStore({ url, leaseMs }) });
  app.task("hang", { description: "Was left.", input: z.object({}) }, async (_, task) =>
    begun.get(task.id)?.(),
  );
  await app.start();
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const workers = await Promise.all(Array.from({ length: atOnce }, () => Worker.start(url)));
    const kills = workers.map(async (worker, i) => {
      const id = await worker.hang();
      await delay(((round * atOnce + i) * leaseMs) / 3 / (rounds * atOnce));
      const again = new Promise<void>((resolve) => begun.set(id, resolve));
      await worker.kill();
      const killed = performance.now();
      await again;
      tookMs.push(performance.now() - killed);
    });
    await Promise.all(kills);
  }
  await app.close({ drainMs: 0 });
  const worst = Math.max(...tookMs);
  return {
    name: takeover.name,
    unit: "ms",
    subject: worst,
    reference: 2 * leaseMs,
    ratio: (2 * leaseMs) / worst,
    target: 1,
    ok: worst <= 2 * leaseMs,
    details: { medianMs: median(tookMs), worstMs: worst },
  };
}
