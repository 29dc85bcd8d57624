/** `handle.status()`, one at a time, against a bare `SELECT *` of the same row by the same driver. */
import { Pool } from "pg";
import type { Benchmark } from "../benchmark.ts";
import { concurrency, input } from "../subject.ts";
import { newDatabase } from "./server.ts";
import { connections, openSubject } from "./subject.ts";

const tasks = 5_000;
/** As in the benchmark of the file: far from the next row, coprime to the number of tasks. */
const stride = 3_919;

export const statusReadsOnPostgres: Benchmark = {
  name: "postgres: status reads, of a bare SELECT",
  target: 0.7,
  async prepare() {
    const url = await newDatabase();
    const { app, close } = await openSubject(url);
    const ids: string[] = [];
    while (ids.length < tasks) {
      const handles = await Promise.all(
        Array.from({ length: concurrency }, () => app.submit("bench", input)),
      );
      await Promise.all(handles.map((handle) => handle.result()));
      ids.push(...handles.map(({ id }) => id));
    }
    const handles = ids.map((id) => app.tasks.handle(id));
    const pool = new Pool({ connectionString: url, max: connections });
    const at = (count: number): number => (count * stride) % ids.length;
    return {
      async subject(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count++) await handles[at(count)]?.status();
        return count;
      },
      async reference(untilMs) {
        let count = 0;
        for (; performance.now() < untilMs; count++)
          await pool.query("SELECT * FROM perdure.tasks WHERE id = $1", [ids[at(count)]]);
        return count;
      },
      async close() {
        await pool.end();
        await close();
      },
    };
  },
};
