/**
 * What a history of months changes: the same work on a file that holds 1,000,000 finished tasks, against one that holds
 * 1,000. Both are filled by SQL with what a task was seen to write, as `footprint.ts` says.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { newTaskId } from "../../packages/perdure/src/task/id.ts";
import type { Benchmark } from "../benchmark.ts";
import type { Run } from "../measure.ts";
import { footprint } from "../probe.ts";
import { concurrently, input, openSubject, type Subject } from "../subject.ts";

const [short, long] = [1_000, 1_000_000];

/** Nothing may be slower by more than a third. */
const target = 0.67;

type Work = (subject: Subject, recent: string) => Run;

const works: Readonly<Record<string, Work>> = {
  "end to end":
    ({ app }) =>
    (untilMs) =>
      concurrently(untilMs, async () => {
        const handle = await app.submit("bench", input);
        await handle.result();
      }),
  "status of one": ({ app }, recent) => {
    const handle = app.tasks.handle(recent);
    return (untilMs) => concurrently(untilMs, () => handle.status());
  },
  "a page of the list":
    ({ app }) =>
    (untilMs) =>
      concurrently(untilMs, () => app.tasks.list({ owner: "local", limit: 50 })),
  "the open ones of the list":
    ({ app }) =>
    (untilMs) =>
      concurrently(untilMs, () => app.tasks.list({ owner: "local", status: "working", limit: 50 })),
  "a look for due tasks":
    ({ app }) =>
    async (untilMs) => {
      let count = 0;
      for (; performance.now() < untilMs; count++) await app.tick();
      return count;
    },
};

export const growth: readonly Benchmark[] = Object.entries(works).map(([name, work]) => ({
  name: `${name}, beside 1,000,000 finished tasks`,
  target,
  async prepare(folder) {
    const [subject, reference] = [
      await opened(join(folder, "long.db"), long),
      await opened(join(folder, "short.db"), short),
    ];
    return {
      subject: work(subject.subject, subject.recent),
      reference: work(reference.subject, reference.recent),
      async close() {
        await subject.subject.close();
        await reference.subject.close();
      },
    };
  },
}));

/** A million takes a minute: the second benchmark copies the file of the first. */
const filled = new Map<number, { readonly file: string; readonly recent: string }>();

async function opened(file: string, finished: number) {
  const made = filled.get(finished) ?? { file: `${file}.made`, recent: await fill(`${file}.made`, finished) };
  filled.set(finished, made);
  copyFileSync(made.file, file);
  const { recent } = made;
  const subject = await openSubject(file);
  await subject.app.start();
  return { subject, recent };
}

/** @returns the id of the last of them */
export async function fill(file: string, finished: number): Promise<string> {
  const { db, begun, completed } = await footprint(join(file, ".."), file);
  db.exec("PRAGMA synchronous = OFF");
  const begin = Date.now() - finished;
  let id = "";
  for (let i = 0; i < finished; i++) {
    if (i % 50_000 === 0) db.exec("BEGIN");
    const now = begin + i;
    id = newTaskId(now);
    begun(id, now);
    completed(id, now);
    if (i % 50_000 === 49_999 || i === finished - 1) db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  }
  db.close();
  return id;
}
