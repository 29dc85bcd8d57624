/**
 * Four worker processes against one, behind a process that serves and works on nothing. There is a target only where
 * there are cores for them: four workers, PostgreSQL and the callers want six; on fewer they share what one had.
 */
import { availableParallelism } from "node:os";
import { perdure } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { median } from "../measure.ts";
import type { Outcome } from "../report.ts";
import { newDatabase } from "./server.ts";
import { connections, fromSubmitToResult, schema } from "./subject.ts";
import { Worker } from "./worker.ts";

const cores = availableParallelism();
const enough = cores >= 6;
const turnMs = 2_000;
const turns = 3;

export const fourWorkers = {
  name: `postgres: four workers, of one${enough ? "" : ` (${cores} cores are too few for a target)`}`,
  run,
};

async function run(): Promise<Outcome> {
  const rates = { one: [] as number[], four: [] as number[] };
  for (let turn = 0; turn < turns; turn++) {
    rates.one.push(await rate(1));
    rates.four.push(await rate(4));
  }
  const [one, four] = [median(rates.one), median(rates.four)];
  const target = enough ? 1.5 : 0;
  const ratio = four / one;
  const numbers = { subject: four, reference: one, ratio, target };
  return {
    name: fourWorkers.name,
    unit: "per second",
    ...numbers,
    ok: ratio >= target,
    details: { cores, rates },
  };
}

async function rate(count: number): Promise<number> {
  const url = await newDatabase();
  const store = openPostgresStore({ url, maxConnections: connections });
  const app = perdure({ name: "bench", version: "1.0.0", store, role: "serve" });
  app.task("bench", { description: "Is worked on elsewhere.", input: schema }, () => null);
  await app.start();
  const workers = await Promise.all(Array.from({ length: count }, () => Worker.start(url)));
  await fromSubmitToResult(app)(performance.now() + 500);
  const begin = performance.now();
  const done = await fromSubmitToResult(app)(begin + turnMs);
  const perSecond = (done / (performance.now() - begin)) * 1_000;
  await app.close();
  await Promise.all(workers.map((worker) => worker.kill()));
  return perSecond;
}
