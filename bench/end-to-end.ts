/**
 * From submit to result at 64 concurrent, with a handler that returns at once, against the bare loop of the same
 * commits: 64 tasks are created as running in one, and completed in the next.
 */
import { join } from "node:path";
import { newTaskId } from "../packages/perdure/src/task/id.ts";
import type { Benchmark } from "./benchmark.ts";
import { footprint } from "./probe.ts";
import { openSubject, concurrency, concurrently, input } from "./subject.ts";

export const endToEnd: Benchmark = {
  name: "end to end at 64 concurrent",
  target: 0.6,
  async prepare(folder) {
    const { app, close } = await openSubject(join(folder, "end-to-end.db"));
    await app.start();
    const { db, begun, completed } = await footprint(folder, join(folder, "end-to-end-reference.db"));
    return {
      subject: (untilMs) =>
        concurrently(untilMs, async () => {
          const handle = await app.submit("bench", input);
          await handle.result();
        }),
      reference: (untilMs) => {
        let count = 0;
        while (performance.now() < untilMs) {
          const now = Date.now();
          const ids = Array.from({ length: concurrency }, () => newTaskId(now));
          for (const write of [begun, completed]) {
            db.exec("BEGIN IMMEDIATE");
            for (const id of ids) write(id, now);
            db.exec("COMMIT");
          }
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
