/** `handle.status()`, one at a time, against a bare prepared `SELECT` of the same columns of the same file by id. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Benchmark } from "./benchmark.ts";
import { benchApp, concurrency, input } from "./subject.ts";

const tasks = 10_000;

export const statusReads: Benchmark = {
  name: "status reads",
  target: 0.7,
  async prepare(folder) {
    const file = join(folder, "status.db");
    const { app, close } = benchApp(file);
    const handles: Awaited<ReturnType<typeof app.submit>>[] = [];
    while (handles.length < tasks) {
      const group = Array.from({ length: concurrency }, () => app.submit("bench", input));
      handles.push(...(await Promise.all(group)));
    }
    const ids = handles.map(({ id }) => id);
    const db = new DatabaseSync(file, { readOnly: true });
    const select = db.prepare("SELECT * FROM tasks WHERE id = ?");
    return {
      async subject(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count++)
          await handles[(count * stride) % handles.length]?.status();
        return count;
      },
      reference(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count++) select.get(ids[(count * stride) % ids.length] ?? "");
        return count;
      },
      async close() {
        db.close();
        await close();
      },
    };
  },
};

/** Far from the next row and coprime to the number of tasks, so that a read seldom finds the page of the one before. */
const stride = 7_919;
