/** A pooler in transaction mode between a store and its database: every statement may meet another connection. */
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { perdure, type App } from "../../app/app.ts";
import type { TaskStore } from "../store.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";
import { type Pooler, startPooler } from "./pooler.fixture.ts";
import { openPostgresStoreForTest } from "./store.ts";

let database: TestDatabase;
let pooler: Pooler;

beforeAll(async () => {
  database = await createDatabase();
  pooler = await startPooler(database.url);
});

afterAll(async () => {
  await pooler.close();
  await database.drop();
});

function open(listenerUrl?: string): TaskStore {
  const options = { url: pooler.url, leaseMs: 3_000, warn: () => undefined };
  return openPostgresStoreForTest({ ...options, ...(listenerUrl !== undefined && { listenerUrl }) });
}

function replica(store: TaskStore): App {
  const app = perdure({ name: "trainer", version: "1", store, linger: 0 });
  app.task(
    "train",
    { description: "Train", input: z.object({ epochs: z.number() }) },
    async ({ epochs }, task) => {
      const rows = await task.step("load", () => 7);
      await task.sleep(50);
      await task.save({ rows });
      return { epochs, rows };
    },
  );
  onTestFinished(() => app.close({ drainMs: 0 }));
  return app;
}

it("is met by two replicas that share their work, and nothing they do needs a session", async () => {
  const [here, there] = [replica(open(database.url)), replica(open(database.url))];
  await Promise.all([here.start(), there.start()]);
  const handles = await Promise.all(
    Array.from({ length: 30 }, (_, epochs) => (epochs % 2 === 0 ? here : there).submit("train", { epochs })),
  );
  const results = handles.map(({ id }) => there.tasks.handle(id).result());
  expect(await Promise.all(results)).toEqual(handles.map((_, epochs) => ({ epochs, rows: 7 })));
  expect(pooler.transactions()).toBeGreaterThan(50);
});

it("would swallow what the listener is to hear: where that has a way of its own, it hears in milliseconds", async () => {
  const tookMs = await untilHeard(database.url);
  expect(tookMs).toBeLessThan(950);
});

it("swallows it where the listener has none; that is noticed, and all processes look once a second", async () => {
  const tookMs = await untilHeard(undefined);
  expect(tookMs).toBeLessThan(8_000);
});

/** From the creation of a task until a process that only looks on has been told of something. */
async function untilHeard(listenerUrl: string | undefined): Promise<number> {
  const [here, there] = [open(listenerUrl), open(listenerUrl)];
  onTestFinished(async () => void (await Promise.all([here.close(), there.close()])));
  await here.executor.start({ tools: ["train"], wake: () => undefined });
  await there.list({});
  let heard = 0;
  onTestFinished(there.subscribe(() => heard++));
  await expect.poll(() => heard, { timeout: 10_000 }).toBeGreaterThan(0); // it has looked, or listens
  const before = performance.now();
  const seen = heard;
  await replica(here).submit("train", { epochs: 1 });
  await expect.poll(() => heard, { timeout: 10_000, interval: 5 }).toBeGreaterThan(seen);
  return performance.now() - before;
}
