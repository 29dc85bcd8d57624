/**
 * 10,000 sleeping tasks that wake at the same moment, against the same tasks before: submitted by 64 callers, begun,
 * and put to sleep. Waking is to begin again, read what was recorded, pass it, and complete.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type App, perdure } from "perdure";
import { z } from "zod";
import { median } from "../measure.ts";
import type { Outcome } from "../report.ts";
import { concurrency } from "../subject.ts";
import { JumpClock } from "./jump-clock.ts";

const tasks = 10_000;
const sleepMs = 3_600_000;
const rounds = 3;
const target = 0.4;

export const waking = {
  name: "waking 10,000 sleeping tasks",
  async run(folder: string): Promise<Outcome> {
    const measured: { readonly started: number; readonly woken: number }[] = [];
    for (let i = 0; i < rounds; i++) measured.push(await round(join(folder, `waking-${i}.db`)));
    const ratio = median(measured.map(({ started, woken }) => woken / started));
    return {
      name: waking.name,
      unit: "per second",
      subject: median(measured.map(({ woken }) => woken)),
      reference: median(measured.map(({ started }) => started)),
      ratio,
      target,
      ok: ratio >= target,
      details: measured,
    };
  },
};

async function round(file: string): Promise<{ readonly started: number; readonly woken: number }> {
  const clock = new JumpClock();
  const runs = { begun: 0 };
  const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}`, clock });
  app.task("nap", { description: "Sleeps.", input: z.object({ n: z.number() }) }, async ({ n }, task) => {
    runs.begun++;
    await task.sleep(sleepMs);
    return { n };
  });
  await app.start();
  const allEnded = async (): Promise<boolean> =>
    (await app.tasks.list({ status: "working", limit: 1 })).tasks.length === 0;

  const startedAt = performance.now();
  let submitted = 0;
  const caller = async (): Promise<void> => {
    while (submitted < tasks) {
      await app.submit("nap", { n: submitted++ });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  while (runs.begun < tasks) await pause(1);
  const started = tasks / ((performance.now() - startedAt) / 1_000);
  while (await someRun(app)) await pause(10);

  const wokenAt = performance.now();
  clock.jump(sleepMs);
  while (runs.begun < 2 * tasks || !(await allEnded())) await pause(1);
  const woken = tasks / ((performance.now() - wokenAt) / 1_000);
  await app.close({ drainMs: 1_000 });
  return { started, woken };
}

async function someRun(app: App): Promise<boolean> {
  let cursor: string | undefined;
  do {
    const page = await app.tasks.list({ status: "working", limit: 1_000, cursor });
    if (page.tasks.some(({ phase }) => phase === "running")) return true;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return false;
}
