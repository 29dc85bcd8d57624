/**
 * Steps that return 1 KB, 100 KB and 1 MB, one after another in one task, against one commit each of the same bytes
 * into a table of two columns.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { perdure } from "perdure";
import { z } from "zod";
import type { Benchmark } from "./benchmark.ts";

export const steps: readonly Benchmark[] = [
  ["1 KB", 1_000, 0.3],
  ["100 KB", 100_000, 0.4],
  ["1 MB", 1_000_000, 0.4],
].map(([said, bytes, target]) => stepsOf(String(said), Number(bytes), Number(target)));

function stepsOf(said: string, bytes: number, target: number): Benchmark {
  return {
    name: `steps of ${said}`,
    target,
    async prepare(folder) {
      const value = "x".repeat(bytes - 2);
      const store = `sqlite:${join(folder, "steps.db")}`;
      const app = perdure({ name: "bench", version: "1.0.0", store, limits: { operations: Infinity } });
      let untilMs = 0;
      let turn = 0;
      app.task("steps", { description: "Steps.", input: z.object({}), ttl: 100 }, async (_, task) => {
        let count = 0;
        for (; performance.now() < untilMs; count++) await task.step(`${turn}:${count}`, () => value);
        return count;
      });
      await app.start();
      const db = new DatabaseSync(join(folder, "reference.db"));
      db.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      db.exec("CREATE TABLE steps (name TEXT NOT NULL PRIMARY KEY, value TEXT) WITHOUT ROWID");
      const insert = db.prepare("INSERT OR REPLACE INTO steps VALUES (?, ?)");
      return {
        async subject(until) {
          untilMs = until;
          turn++;
          return (await (await app.submit("steps", {})).result()) as number;
        },
        reference(until) {
          let count = 0;
          for (; performance.now() < until; count++) insert.run(`${turn}:${count}`, JSON.stringify(value));
          return count;
        },
        async close() {
          db.close();
          await app.close({ drainMs: 1_000 });
        },
      };
    },
  };
}
