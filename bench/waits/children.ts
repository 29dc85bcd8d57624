/** A parent that calls 100 children at once and adds up, against 100 plain tasks of the same tool. */
import { join } from "node:path";
import { perdure } from "perdure";
import { z } from "zod";
import type { Benchmark } from "../benchmark.ts";
import { input } from "../subject.ts";

const children = 100;

export const parentWithChildren: Benchmark = {
  name: "a parent with 100 children",
  target: 1 / 3,
  async prepare(folder) {
    const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${join(folder, "children.db")}` });
    const schema = z.object({ customer: z.string(), amount: z.number(), lines: z.array(z.string()) });
    app.task("plain", { description: "Returns at once.", input: schema }, async ({ amount }) => ({ amount }));
    app.task("parent", { description: "Calls.", input: z.object({}) }, async (_, task) => {
      const calls = Array.from({ length: children }, (_each, i) =>
        task.call<{ amount: number }>("plain", input, { name: `call ${i}` }),
      );
      const amounts = await Promise.all(calls);
      return { sum: amounts.reduce((sum, { amount }) => sum + amount, 0) };
    });
    await app.start();
    return {
      async subject(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count += children) {
          const handle = await app.submit("parent", {});
          await handle.result();
        }
        return count;
      },
      async reference(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count += children) {
          const plain = async (): Promise<unknown> => (await app.submit("plain", input)).result();
          await Promise.all(Array.from({ length: children }, plain));
        }
        return count;
      },
      close: () => app.close({ drainMs: 1_000 }),
    };
  },
};
