/**
 * How long a request waits while 100,000 tasks expire and are deleted: a status is asked for every millisecond or so in
 * the process that deletes, and how late the answer is counts. Of a thousand waits the longest is left out, because on a
 * disk that others use too it is a neighbour's flush; it stands in the details.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../report.ts";
import { openSubject } from "../subject.ts";
import { fill } from "./growth.ts";

const tasks = 100_000;
const limitMs = 25;

export const expiry = {
  name: "a status while 100,000 tasks are deleted, 99.9 %",
  async run(folder: string): Promise<Outcome> {
    const file = join(folder, "expiry.db");
    const recent = await fill(file, tasks);
    using db = new DatabaseSync(file);
    db.prepare("UPDATE tasks SET expires_at = ? WHERE id <> ?").run(Date.now(), recent);
    const left = db.prepare("SELECT count(*) AS n FROM tasks");
    const free = db.prepare("PRAGMA freelist_count");
    const { app, close } = await openSubject(file);
    const handle = app.tasks.handle(recent);
    const waits: number[] = [];
    await app.start();
    const since = performance.now();
    for (let looked = since; ;) {
      const before = performance.now();
      await sleep(1);
      await handle.status();
      waits.push(performance.now() - before - 1);
      if (performance.now() - looked < 500) continue;
      looked = performance.now();
      if (Number(left.get()?.["n"]) === 1) break;
      if (looked - since > 120_000) throw new Error("they are not deleted after two minutes");
    }
    const tookMs = performance.now() - since;
    const freePages = Number(free.get()?.["freelist_count"]);
    await close();
    const sorted = waits.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0;
    return {
      name: expiry.name,
      unit: "ms",
      subject: at(0.999),
      reference: limitMs,
      ratio: limitMs / at(0.999),
      target: 1,
      ok: at(0.999) < limitMs,
      details: { tookMs, p50: at(0.5), p99: at(0.99), worst: sorted.at(-1), freePages },
    };
  },
};
