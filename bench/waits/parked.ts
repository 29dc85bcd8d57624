/**
 * What 100,000 parked tasks cost the process that keeps them, against one that keeps none: memory and timers, each
 * seen in a fresh process. Most of them are found in the file; the last thousands are put to sleep by the process
 * itself, which shows whether an abandoned handler leaves something behind.
 *
 * Two numbers, of which the larger counts: what the heap holds more after both, and what the whole process takes more
 * that has only found them. (What a process takes that has *run* thousands of tasks is V8's room for garbage, which
 * grows as much when nothing is parked.)
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { newTaskId, perdure } from "perdure";
import { z } from "zod";
import { replay, snapshot } from "../footprint.ts";
import type { Outcome } from "../report.ts";
import type { ParkedReport } from "./parked.child.ts";

const tasks = 100_000;
const ownTasks = 5_000;
const limitBytes = 20_000_000;
const megabyte = 1_000_000;

export const parked = {
  name: "memory of 100,000 parked tasks",
  async run(folder: string): Promise<Outcome> {
    const file = join(folder, "parked.db");
    await build(file, tasks - ownTasks);
    const none = await life(join(folder, "none.db"), 0);
    const found = await life(file, 0);
    const all = await life(file, ownTasks);
    const bytes = Math.max(all.heapBytes - none.heapBytes, found.residentBytes - none.residentBytes);
    const timers = all.timers - none.timers;
    return {
      name: parked.name,
      unit: "MB",
      subject: bytes / megabyte,
      reference: limitBytes / megabyte,
      ratio: limitBytes / Math.max(bytes, 1),
      target: 1,
      ok: bytes < limitBytes && timers <= 1,
      details: { timers, none, found, all },
    };
  },
};

async function life(file: string, toPark: number): Promise<ParkedReport> {
  const program = join(import.meta.dirname, "parked.child.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program, file, String(toPark)], {
    timeout: 60_000,
  });
  return JSON.parse(stdout) as ParkedReport;
}

/** One task is parked by perdure; the others are its copies, as `footprint.ts` says. */
async function build(file: string, count: number): Promise<void> {
  const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}`, linger: 0 });
  const input = z.object({ n: z.number() });
  app.task("nap", { description: "Sleeps for long.", input }, async ({ n }, task) => {
    await task.sleep(30 * 86_400_000);
    return { n };
  });
  await app.start();
  using db = new DatabaseSync(file);
  const before = snapshot(db);
  const handle = await app.submit("nap", { n: 0 });
  for await (const event of handle.watch()) if (event.type === "parked") break;
  const after = snapshot(db);
  await app.close({ drainMs: 1_000 });
  const write = replay(db, { id: handle.id, before, after });
  db.exec("BEGIN");
  for (let i = 1; i < count; i++) {
    const now = Date.now() - i;
    write(newTaskId(now), now);
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}
