/**
 * From submit to result at 64 concurrent over Postgres, against what else one would take: a bare loop with SKIP LOCKED,
 * pg-boss, and DBOS. All in one process, on one server, each with ten connections.
 */
import type { Benchmark } from "../benchmark.ts";
import type { Run } from "../measure.ts";
import { dbosWorkflows } from "./dbos.ts";
import { pgBossJobs } from "./pg-boss.ts";
import { rawLoop } from "./raw-loop.ts";
import { newDatabase } from "./server.ts";
import { fromSubmitToResult, openSubject } from "./subject.ts";

interface Rival {
  readonly run: Run;
  close(): Promise<void>;
}

export const endToEndOnPostgres: readonly Benchmark[] = [
  against("postgres: end to end, of a bare SKIP LOCKED loop", 0.4, rawLoop),
  against("postgres: end to end, of pg-boss in batches", 1, pgBossJobs),
  against("postgres: end to end, of DBOS's direct workflows", 1, dbosWorkflows),
];

function against(name: string, target: number, open: (url: string) => Promise<Rival>): Benchmark {
  return {
    name,
    target,
    async prepare() {
      const { app, close } = await openSubject(await newDatabase());
      const rival = await open(await newDatabase());
      return {
        subject: fromSubmitToResult(app),
        reference: rival.run,
        async close() {
          await rival.close();
          await close();
        },
      };
    },
  };
}
