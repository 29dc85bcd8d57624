/**
 * `handle.status()`, one at a time, against a bare prepared `SELECT` of the same columns of the same file by id: of
 * tasks that have ended, and of tasks that are due while no process executes, whose status has to say so.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Benchmark } from "./benchmark.ts";
import { concurrency, input, openSubject } from "./subject.ts";

const tasks = 10_000;
/** Far from the next row and coprime to the number of tasks, so that a read seldom finds the page of the one before. */
const stride = 7_919;

/** Those that a status is made of. */
const columns = `id, tool, owner, status, attempt, running, errors, crashes, priority, due_at, progress, session,
  idempotency_key, retry_of, failure, reason, created_at, updated_at, deadline_at, ttl_ms, ended_at, expires_at,
  revision`;

export const endedStatusReads = statusReads("status reads, ended tasks", true);
export const waitingStatusReads = statusReads("status reads, waiting tasks", false);

function statusReads(name: string, started: boolean): Benchmark {
  return {
    name,
    target: 0.7,
    async prepare(folder) {
      const file = join(folder, "status.db");
      const { app, close } = await openSubject(file);
      if (started) await app.start();
      const handles: Awaited<ReturnType<typeof app.submit>>[] = [];
      while (handles.length < tasks) {
        const group = Array.from({ length: concurrency }, () => app.submit("bench", input));
        handles.push(...(await Promise.all(group)));
      }
      if (started) await Promise.all(handles.map((handle) => handle.result()));
      const ids = handles.map(({ id }) => id);
      const db = new DatabaseSync(file, { readOnly: true });
      const select = db.prepare(`SELECT ${columns} FROM tasks WHERE id = ?`);
      const at = (count: number): number => (count * stride) % handles.length;
      return {
        async subject(untilMs) {
          let count = 0;
          for (; performance.now() < untilMs; count++) await handles[at(count)]?.status();
          return count;
        },
        reference(untilMs) {
          let count = 0;
          for (; performance.now() < untilMs; count++) select.get(ids[at(count)] ?? "");
          return count;
        },
        async close() {
          db.close();
          await close();
        },
      };
    },
  };
}
