/**
 * pg-boss as one would tune it: jobs are fetched and completed in batches, in a loop that is woken by what sends them,
 * and never polls while there is work.
 */
import { PgBoss } from "pg-boss";
import { concurrency, concurrently, input } from "../subject.ts";
import { connections } from "./subject.ts";

const queue = "bench";

export async function pgBossJobs(url: string) {
  const boss = new PgBoss({ connectionString: url, max: connections });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue(queue);
  const waiting = new Map<string, () => void>();
  const early = new Set<string>();
  let [sent, fetching] = [0, false];
  const work = async (): Promise<void> => {
    if (fetching) return;
    fetching = true;
    while (sent > 0) {
      const jobs = await boss.fetch(queue, { batchSize: concurrency });
      sent -= jobs.length;
      if (jobs.length === 0) break;
      const ids = jobs.map(({ id }) => id);
      await boss.complete(queue, ids, { accepted: true, amount: 129.5 });
      for (const id of ids) {
        const done = waiting.get(id);
        if (done === undefined) early.add(id);
        else done();
        waiting.delete(id);
      }
    }
    fetching = false;
  };
  return {
    run: (untilMs: number) =>
      concurrently(untilMs, async () => {
        const id = await boss.send(queue, input);
        sent++;
        void work();
        if (id === null || early.delete(id)) return;
        await new Promise<void>((resolve) => waiting.set(id, resolve));
      }),
    close: () => boss.stop({ graceful: false }),
  };
}
