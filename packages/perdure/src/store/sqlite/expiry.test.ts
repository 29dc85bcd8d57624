/** History leaves in small batches, and takes all that is kept of a task with it. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { nodeSqlite, openSqliteStore } from "./index.ts";
import { openFile } from "./open.ts";
import { request, temporaryFolder } from "./processes.fixture.ts";

it("deletes at most a batch at a time, all that is kept of each task, and nothing of the others", async () => {
  const file = join(temporaryFolder(), "tasks.db");
  const clock = new ManualClock();
  const store = openSqliteStore({ file, clock });
  onTestFinished(() => store.close());
  await store.executor.start({ tools: ["train"], wake: () => undefined });
  const live = async (ttlMs: number): Promise<void> => {
    const { task } = await store.create(request({ ttlMs, begin: true }));
    const key = { taskId: task.id, attempt: 1 };
    await store.saveState({ ...key, state: { epoch: 1 } });
    await store.recordOperation({ ...key, name: "load", kind: "step", state: "done", value: 1 });
    await store.complete({ ...key, result: 1 });
  };
  await Promise.all(Array.from({ length: 250 }, () => live(1_000)));
  await Promise.all(Array.from({ length: 10 }, () => live(1_000_000)));
  await clock.advance("5s");

  const look = nodeSqlite(file);
  onTestFinished(() => look.close());
  const rows = () =>
    ["tasks", "payloads", "operations", "events"].map(
      (table) => look.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"],
    );
  expect(rows()).toEqual([260, 780, 260, 1_040]);
  expect((await store.list({ limit: 1_000 })).tasks, "gone before they are deleted").toHaveLength(10);
  const batches = [];
  do batches.push(await store.deleteExpired({ limit: 100 }));
  while (batches.at(-1) !== 0);
  expect(Math.max(...batches)).toBeLessThanOrEqual(100);
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(250);
  expect(rows()).toEqual([10, 30, 10, 40]);
});

it("finds what has expired, and what is overdue, by an index", () => {
  const file = join(temporaryFolder(), "tasks.db");
  openFile(file, { driver: nodeSqlite, warn: () => undefined }).connection.close();
  const look = nodeSqlite(file);
  onTestFinished(() => look.close());
  const plan = (sql: string) =>
    look
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => row["detail"]);
  for (const [sql, index] of [
    ["SELECT id FROM tasks WHERE expires_at <= 1 LIMIT 100", "tasks_expiry"],
    ["SELECT id FROM tasks WHERE deadline_at <= 1 AND ended_at IS NULL LIMIT 100", "tasks_deadline"],
  ] as const) {
    expect(plan(sql)).toEqual([expect.stringContaining(`USING INDEX ${index}`)]);
  }
});

it("deletes a large task in pieces, and gives the space back in small steps", async () => {
  const file = join(temporaryFolder(), "tasks.db");
  const clock = new ManualClock();
  const store = openSqliteStore({ file, clock });
  onTestFinished(() => store.close());
  await store.executor.start({ tools: ["train"], wake: () => undefined });
  const { task } = await store.create(request({ ttlMs: 1_000, begin: true }));
  const key = { taskId: task.id, attempt: 1 };
  for (let n = 0; n < 60; n++) {
    const value = "x".repeat(500_000);
    await store.recordOperation({ ...key, name: `step:${n}`, kind: "step", state: "done", value });
  }
  await store.complete({ ...key, result: 1 });
  const look = nodeSqlite(file);
  onTestFinished(() => look.close());
  const size = () => {
    look.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    return statSync(file).size;
  };
  const large = size();
  expect(large).toBeGreaterThan(30_000_000);
  expect(await store.compact?.()).toBe(false);
  await clock.advance("5s");
  let batches = 0;
  while ((await store.deleteExpired({ limit: 100 })) > 0) batches++;
  expect(batches, "no batch waits for all of it").toBeGreaterThan(1);
  let steps = 0;
  while ((await store.compact?.()) === true) steps++;
  expect(steps).toBeGreaterThan(20);
  expect(size()).toBeLessThan(6_000_000);
  expect(look.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});
