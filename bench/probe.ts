/** What a task writes, learnt from one that runs: the states its rows pass through, for the references to replay. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { replay, type Seen, snapshot, type Write } from "./footprint.ts";
import { openSubject, input } from "./subject.ts";

export interface Footprint {
  /** A fresh file with perdure's schema, opened as perdure opens its own. */
  readonly db: DatabaseSync;
  /** Creates a task that nobody runs yet. */
  readonly submitted: Write;
  /** Creates a task that is being run. */
  readonly begun: Write;
  /** Ends one that `begun` created. */
  readonly completed: Write;
}

/** @param file of the reference; it must not exist. */
export async function footprint(folder: string, file: string): Promise<Footprint> {
  const submitted = await seeSubmit(join(folder, `probe-submit-${process.hrtime.bigint()}.db`));
  const run = await seeRun(join(folder, `probe-run-${process.hrtime.bigint()}.db`));
  const { close } = await openSubject(file);
  await close();
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return {
    db,
    submitted: replay(db, submitted),
    begun: replay(db, run.begun),
    completed: replay(db, run.completed),
  };
}

async function seeSubmit(file: string): Promise<Seen> {
  const { app, close } = await openSubject(file);
  using db = new DatabaseSync(file);
  const before = snapshot(db);
  const { id } = await app.submit("bench", input);
  const after = snapshot(db);
  await close();
  return { id, before, after };
}

async function seeRun(file: string): Promise<{ begun: Seen; completed: Seen }> {
  const began = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const { app, close } = await openSubject(file, async () => {
    began.resolve();
    await mayEnd.promise;
  });
  using db = new DatabaseSync(file);
  await app.start();
  const empty = snapshot(db);
  const handle = await app.submit("bench", input);
  await began.promise;
  const running = snapshot(db);
  mayEnd.resolve();
  await handle.result();
  const ended = snapshot(db);
  await close();
  const { id } = handle;
  return { begun: { id, before: empty, after: running }, completed: { id, before: running, after: ended } };
}
