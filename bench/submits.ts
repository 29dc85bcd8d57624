/** Durable submits by 64 callers, against groups of 64 inserts of the same rows. */
import { join } from "node:path";
import { newTaskId } from "../packages/perdure/src/task/id.ts";
import type { Benchmark } from "./benchmark.ts";
import { footprint } from "./probe.ts";
import { openSubject, concurrency, concurrently, input } from "./subject.ts";

export const submits: Benchmark = {
  name: "submits at 64 concurrent",
  target: 0.7,
  async prepare(folder) {
    const { app, close } = await openSubject(join(folder, "submits.db"));
    const { db, submitted } = await footprint(folder, join(folder, "submits-reference.db"));
    return {
      subject: (untilMs) => concurrently(untilMs, () => app.submit("bench", input)),
      reference: (untilMs) => {
        let count = 0;
        while (performance.now() < untilMs) {
          db.exec("BEGIN IMMEDIATE");
          for (let i = 0; i < concurrency; i++) {
            const now = Date.now();
            submitted(newTaskId(now), now);
          }
          db.exec("COMMIT");
          count += concurrency;
        }
        return count;
      },
      async close() {
        db.close();
        await close();
      },
    };
  },
};
