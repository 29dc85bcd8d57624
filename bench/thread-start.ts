/** What a thread costs: from submit to result of a task that finds no warm thread, against one that does. */
import { join } from "node:path";
import { perdure } from "perdure";
import { z } from "zod";
import type { Outcome } from "./report.ts";

const name = "start of a thread";
const starts = 20;
const limitMs = 500;

export const threadStart = { name, run };

async function run(folder: string): Promise<Outcome> {
  // The end of a thread is an error of its task, and told as such.
  const ignore = (): void => undefined;
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const store = `sqlite:${join(folder, "threads.db")}`;
  const app = perdure({ name: "bench", version: "1.0.0", store, logger });
  const url = new URL("./nothing.worker.ts", import.meta.url);
  const task = app.task("nothing", { description: "", input: z.object({ last: z.boolean() }), run: url });
  await app.start();
  const time = async (last: boolean): Promise<number> => {
    const began = performance.now();
    await (await app.submit(task, { last })).result().catch(() => undefined);
    return performance.now() - began;
  };
  const [warm, cold]: [number[], number[]] = [[], []];
  for (let i = 0; i < starts; i++) {
    await time(false);
    warm.push(await time(false));
    await time(true); // its thread ends with it
    cold.push(await time(false));
  }
  await app.close();
  const [subject, reference] = [median(cold), median(warm)];
  return {
    name,
    unit: "ms",
    subject,
    reference: limitMs,
    ratio: limitMs / subject,
    target: 1,
    ok: subject <= limitMs,
    details: { warmMs: reference, starts },
  };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}
