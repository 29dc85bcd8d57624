/** A network that falls silent: nothing is refused, nothing is closed, and no answer comes. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { newTaskId } from "../../task/id.ts";
import type { TaskStore } from "../store.ts";
import { type Network, startNetwork } from "./half-open.fixture.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";
import { startPostgres } from "./server.fixture.ts";
import { openPostgresStoreForTest } from "./store.ts";

const leaseMs = 3_000;
const timeoutMs = 2_000;
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

async function behind(url: string): Promise<{ readonly network: Network; readonly store: TaskStore }> {
  const network = await startNetwork(url);
  const store = openPostgresStoreForTest({ url: network.url, leaseMs, timeoutMs, warn: () => undefined });
  onTestFinished(async () => {
    network.comeBack();
    await store.close();
    await network.close();
  });
  return { network, store };
}

async function executing(store: TaskStore): Promise<{ readonly lost: Promise<void> }> {
  const lost = Promise.withResolvers<void>();
  const wake = (): void => void (store.executor.executes || lost.resolve());
  await store.executor.start({ tools: ["train"], wake });
  return { lost: lost.promise };
}

const request = () =>
  ({ id: newTaskId(Date.now()), tool: "train", owner: "ada", input: null, begin: true }) as const;

async function outcome(call: Promise<unknown>): Promise<{ readonly code?: string; readonly tookMs: number }> {
  const before = performance.now();
  const code = await call.then(
    () => undefined,
    (error: unknown) => (error as { code: string }).code,
  );
  return { ...(code !== undefined && { code }), tookMs: performance.now() - before };
}

it("ends what runs when the lease is over, while it lasts; another takes it over, and nothing of the old one counts", async () => {
  const { network, store } = await behind(database.url);
  const { store: other } = await behind(database.url);
  const { lost } = await executing(store);
  await executing(other);
  const { task } = await store.create(request());
  network.fallSilent();
  const cutAt = performance.now();
  await lost;
  expect(performance.now() - cutAt).toBeLessThan(leaseMs + 2_000);
  expect(store.executor.executes).toBe(false);

  const tools = [{ tool: "train", slots: 10, maxCrashes: 5 }];
  const claim = async () => (await other.executor.claim({ tools, limit: 1 })).begun;
  await expect.poll(claim, { timeout: 3 * leaseMs }).toMatchObject([{ id: task.id, attempt: 2, crashes: 1 }]);
  network.comeBack();
  await expect.poll(() => store.executor.executes, { timeout: 2 * leaseMs }).toBe(true);
  const late = store.saveState({ taskId: task.id, attempt: 1, state: 1 });
  await expect(late).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
  await other.complete({ taskId: task.id, attempt: 2, result: 1 });
}, 60_000);

it("that was over before anybody noticed: what it ran is due again, also where no other process is", async () => {
  const { network, store } = await behind(database.url);
  const { lost } = await executing(store);
  const { task } = await store.create(request());
  network.fallSilent();
  await lost;
  network.comeBack();
  await expect.poll(() => store.executor.executes, { timeout: 2 * leaseMs }).toBe(true);
  const tools = [{ tool: "train", slots: 10, maxCrashes: 5 }];
  const claim = async () => (await store.executor.claim({ tools, limit: 1 })).begun;
  await expect.poll(claim, { timeout: leaseMs }).toMatchObject([{ id: task.id, attempt: 2 }]);
  await store.complete({ taskId: task.id, attempt: 2, result: 1 });
}, 60_000);

it("is waited for once: from then on calls are refused at once, until an answer comes", async () => {
  const { network, store } = await behind(database.url);
  await store.list({});
  network.fallSilent();
  expect(await outcome(store.list({}))).toMatchObject({ code: "STORE_UNAVAILABLE" });
  const several = await Promise.all(Array.from({ length: 20 }, () => outcome(store.list({}))));
  expect(several.map(({ code }) => code)).toEqual(several.map(() => "STORE_UNAVAILABLE"));
  expect(several.filter(({ tookMs }) => tookMs > 1_000).length).toBeLessThanOrEqual(1); // the one that tries
  await expect(store.ready?.()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  network.comeBack();
  const isReady = () =>
    store.ready?.().then(
      () => true,
      () => false,
    );
  await expect.poll(isReady, { timeout: 10_000 }).toBe(true);
  expect(await store.list({ tool: "none" })).toEqual({ tasks: [] });
}, 60_000);

it("is no end of anything where it is the server that is down, and says so", async () => {
  const server = await startPostgres();
  const store = openPostgresStoreForTest({
    url: server.url,
    leaseMs: 1_500,
    timeoutMs,
    warn: () => undefined,
  });
  try {
    let losses = 0;
    const wake = (): void => void (store.executor.executes || losses++);
    await store.executor.start({ tools: ["train"], wake });
    const { task } = await store.create(request());
    await server.stop("fast");
    await expect(store.ready?.()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await delay(5_000);
    await server.start();
    const finished = () => store.complete({ taskId: task.id, attempt: 1, result: 1 }).then(() => "accepted");
    await expect.poll(() => finished().catch(() => ""), { timeout: 5_000 }).toBe("accepted");
    expect(losses).toBe(0);
  } finally {
    await store.close();
    await server.dispose();
  }
}, 60_000);
