/**
 * The start of an application whose file holds a history: 100,000 finished and 1,000 unfinished tasks, half of which
 * were running when their process died. Measured in a fresh process, from the first call to the moment in which
 * `app.start()` has resolved and the first unfinished task has begun.
 */
import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { newTaskId } from "../packages/perdure/src/task/id.ts";
import { median } from "./measure.ts";
import { footprint } from "./probe.ts";
import type { Outcome } from "./report.ts";
import type { StartReport } from "./start.child.ts";

const finished = 100_000;
const unfinished = 1_000;
const limitMs = 1_000;
const starts = 3;

export async function start(folder: string): Promise<Outcome> {
  const file = join(folder, "history.db");
  await build(folder, file);
  const reports: StartReport[] = [];
  for (let i = 0; i < starts; i++) {
    const copy = join(folder, `start-${i}.db`); // a start changes the file
    await copyFile(file, copy);
    const program = join(import.meta.dirname, "start.child.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [program, copy, String(unfinished)], {
      timeout: 30_000,
    });
    reports.push(JSON.parse(stdout) as StartReport);
  }
  const readyMs = median(reports.map((report) => report.readyMs));
  return {
    name: "start with 101,000 tasks",
    unit: "ms",
    subject: readyMs,
    reference: limitMs,
    ratio: limitMs / readyMs,
    target: 1,
    ok: readyMs < limitMs,
    details: reports,
  };
}

async function build(folder: string, file: string): Promise<void> {
  const { db, submitted, begun, completed } = await footprint(folder, file);
  const begin = Date.now() - finished - unfinished;
  db.exec("BEGIN");
  for (let i = 0; i < finished + unfinished; i++) {
    const now = begin + i;
    const id = newTaskId(now);
    if (i >= finished && i % 2 === 0) submitted(id, now);
    else begun(id, now);
    if (i < finished) completed(id, now);
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}
