/** A copy of a store in use: whole, consistent, private, and nobody waits for it. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { TaskId } from "../../task/id.ts";
import type { TaskStore } from "../store.ts";
import { nodeSqlite, openSqliteStore } from "./index.ts";
import { request, temporaryFolder } from "./processes.fixture.ts";

function open(file: string): TaskStore {
  const store = openSqliteStore({ file });
  onTestFinished(() => store.close());
  return store;
}

/** Creates tasks as fast as they are acknowledged, until stopped. */
function writer(store: TaskStore): { readonly acknowledged: TaskId[]; readonly stop: () => Promise<void> } {
  const acknowledged: TaskId[] = [];
  const end = new AbortController();
  const loop = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const { task } = await store.create(request({ input: "x".repeat(500) }));
      acknowledged.push(task.id);
    }
  };
  const loops = Promise.all([1, 2, 3, 4].map(loop));
  return {
    acknowledged,
    stop: async () => {
      end.abort();
      await loops;
    },
  };
}

describe("a backup while tasks are being written", () => {
  it("is a sound file with every task acknowledged before, and none of them is half there", async () => {
    const folder = temporaryFolder();
    const store = open(join(folder, "tasks.db"));
    const writing = writer(store);
    for (let n = 0; n < 3; n++) {
      while (writing.acknowledged.length < (n + 1) * 300) await turn();
      const before = [...writing.acknowledged];
      const copy = join(folder, `copy-${n}.db`);
      await store.backup?.(copy);
      expect(writing.acknowledged.length, "the writers went on").toBeGreaterThan(before.length);

      const connection = nodeSqlite(copy);
      expect(connection.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      const ids = new Set(
        connection
          .prepare("SELECT id FROM tasks")
          .all()
          .map((row) => row["id"]),
      );
      expect(before.filter((id) => !ids.has(id))).toEqual([]);
      const incomplete = `SELECT count(*) AS n FROM tasks WHERE
        id NOT IN (SELECT task_id FROM payloads) OR id NOT IN (SELECT task_id FROM events)`;
      expect(connection.prepare(incomplete).get()).toEqual({ n: 0 });
      connection.close();

      const restored = open(copy);
      expect(await restored.get({ taskId: before[0] ?? (writing.acknowledged[0] as TaskId) })).toBeDefined();
      await restored.create(request());
    }
    await writing.stop();
  });

  it("does not hold up the event loop", async () => {
    const folder = temporaryFolder();
    const store = open(join(folder, "tasks.db"));
    const big = "x".repeat(200_000);
    await Promise.all(Array.from({ length: 200 }, () => store.create(request({ input: big }))));
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const startedAt = performance.now();
    await store.backup?.(join(folder, "copy.db"));
    const tookMs = performance.now() - startedAt;
    delays.disable();
    // 40 MB; the other core may be busy, so the bound says only that the copy itself is not made on this thread.
    expect(delays.max / 1e6).toBeLessThan(Math.max(100, tookMs / 2));
  });

  it("holds what was asked for in the same turn before it", async () => {
    const folder = temporaryFolder();
    const store = open(join(folder, "tasks.db"));
    const creation = store.create(request());
    await store.backup?.(join(folder, "copy.db"));
    const { task } = await creation;
    expect(await open(join(folder, "copy.db")).get({ taskId: task.id })).toEqual(task);
  });
});

describe.each(["tasks.db", ":memory:"])("a backup of %s", (name) => {
  const openNamed = (folder: string): TaskStore => open(name === ":memory:" ? name : join(folder, name));

  it("can be read by this user only", async () => {
    const folder = temporaryFolder();
    await openNamed(folder).backup?.(join(folder, "copy.db"));
    expect(statSync(join(folder, "copy.db")).mode & 0o777).toBe(0o600);
  });

  it("is refused onto a file that is there, which stays as it is", async () => {
    const folder = temporaryFolder();
    const target = join(folder, "precious.txt");
    writeFileSync(target, "precious");
    await expect(openNamed(folder).backup?.(target)).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining(target) as string,
    });
    expect(readFileSync(target, "utf8")).toBe("precious");
  });

  it("into a folder that is not there is refused, and leaves nothing", async () => {
    const folder = temporaryFolder();
    await expect(openNamed(folder).backup?.(join(folder, "missing", "copy.db"))).rejects.toThrow("missing");
    expect(existsSync(join(folder, "missing"))).toBe(false);
  });

  it("leaves nothing behind but the copy", async () => {
    const folder = temporaryFolder();
    await openNamed(folder).backup?.(join(folder, "copy.db"));
    const beside = readdirSync(folder).filter((file) => !file.startsWith("tasks.db"));
    expect(beside).toEqual(["copy.db"]);
  });
});

describe("a backup that fails", () => {
  it("says what to do, and leaves nothing", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "tasks.db");
    const made = openSqliteStore({ file });
    await Promise.all(Array.from({ length: 100 }, () => made.create(request({ input: "x".repeat(2_000) }))));
    await made.close();
    const bytes = readFileSync(file);
    // Beyond the pages that hold the schema.
    for (let page = 40; page * 4_096 < bytes.length; page++)
      bytes.fill(0xa5, page * 4_096, (page + 1) * 4_096);
    writeFileSync(file, bytes);
    await expect(open(file).backup?.(join(folder, "copy.db"))).rejects.toMatchObject({
      code: "STORE_CORRUPT",
    });
    expect(readdirSync(folder).filter((name) => name.startsWith("copy"))).toEqual([]);
  });
});
