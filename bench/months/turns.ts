/**
 * A claim from 100,000 queued tasks of 1,000 owners, who take turns, against one from 100 queued tasks of one owner.
 * Every claim begins 20 tasks; what it has begun is given back, outside of the time that counts.
 */
import { join } from "node:path";
import { newTaskId, openSqliteStore } from "perdure";
import type { Benchmark } from "../benchmark.ts";
import type { Run } from "../measure.ts";

const atOnce = 20;

export const turns: Benchmark = {
  name: "a claim among 1,000 owners with 100,000 queued",
  target: 0.5,
  async prepare(folder) {
    const many = await queue(join(folder, "many.db"), 100_000, 1_000);
    const one = await queue(join(folder, "one.db"), 1_000, 1);
    return {
      subject: many.run,
      reference: one.run,
      async close() {
        await many.close();
        await one.close();
      },
    };
  },
};

async function queue(
  file: string,
  tasks: number,
  owners: number,
): Promise<{ run: Run; close: () => Promise<void> }> {
  const store = openSqliteStore({ file });
  for (let i = 0; i < tasks; i += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        store.create({
          id: newTaskId(Date.now()),
          tool: "bench",
          // One has half of all.
          owner: (i + n) % 2 === 0 ? "busy" : `owner-${((i + n) >> 1) % owners}`,
          input: null,
        }),
      ),
    );
  }
  await store.executor.start({ tools: ["bench"], wake: () => undefined });
  const request = { tools: [{ tool: "bench", slots: atOnce, maxCrashes: 20 }], limit: atOnce };
  return {
    async run(untilMs) {
      let [count, lost] = [0, 0];
      while (performance.now() < untilMs + lost) {
        const { begun } = await store.executor.claim(request);
        if (begun.length !== atOnce) throw new Error(`${begun.length} were begun`);
        count++;
        const since = performance.now();
        await Promise.all(begun.map(({ id, attempt }) => store.release({ taskId: id, attempt })));
        lost += performance.now() - since;
      }
      return count;
    },
    close: () => store.close(),
  };
}
