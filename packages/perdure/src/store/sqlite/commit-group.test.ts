/** All that one turn of the event loop asks for is one commit; what is refused, full or busy. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { TaskStore } from "../store.ts";
import { CommitGroup } from "./commit-group.ts";
import { storeError } from "./errors.ts";
import { nodeSqlite, openSqliteStore, type SqliteConnection, type SqliteDriver } from "./index.ts";
import { watched } from "./killing-driver.fixture.ts";
import { request, temporaryFolder } from "./processes.fixture.ts";

function open(file: string, driver: SqliteDriver = nodeSqlite): TaskStore {
  const store = openSqliteStore({ file, driver });
  onTestFinished(() => store.close());
  return store;
}

const newFile = (): string => join(temporaryFolder(), "tasks.db");
const createMany = (store: TaskStore, count: number, input: number | string = 1) =>
  Promise.allSettled(Array.from({ length: count }, () => store.create(request({ input }))));
const codes = (outcomes: readonly PromiseSettledResult<unknown>[]): unknown[] =>
  outcomes.map((outcome) =>
    outcome.status === "rejected" ? (outcome.reason as { code?: unknown }).code : "done",
  );
const countOf = async (store: TaskStore): Promise<number> =>
  (await store.list({ limit: 1_000 })).tasks.length;

describe("one turn of the event loop", () => {
  it("is one commit, however many ask", async () => {
    const ran: string[] = [];
    const store = open(
      newFile(),
      watched((sql) => ran.push(sql.trim())),
    );
    ran.length = 0;
    await createMany(store, 64);
    expect(ran.filter((sql) => /^(BEGIN|COMMIT|ROLLBACK$)/.test(sql))).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
    await store.create(request());
    await store.create(request());
    expect(
      ran.filter((sql) => sql === "COMMIT"),
      "awaited ones have their own",
    ).toHaveLength(3);
  });

  it("shows nothing before its commit, to this process or any other", async () => {
    const file = newFile();
    let look = (): unknown => undefined;
    const seen: unknown[] = [];
    const store = open(
      file,
      watched((sql) => {
        if (sql === "COMMIT") seen.push(look());
      }),
    );
    const other = nodeSqlite(file);
    onTestFinished(() => other.close());
    look = () => other.prepare("SELECT count(*) AS n FROM tasks").get()?.["n"];
    seen.length = 0;
    const creations = createMany(store, 3);
    expect(await countOf(store)).toBe(0);
    await creations;
    expect(seen).toEqual([0]);
    expect(await countOf(store)).toBe(3);
  });

  it("tells those who watch after the commit, and before the caller knows", async () => {
    const order: string[] = [];
    const store = open(
      newFile(),
      watched((sql) => sql === "COMMIT" && order.push("commit")),
    );
    order.length = 0;
    onTestFinished(store.subscribe(() => order.push("watcher")));
    await store.create(request()).then(() => order.push("caller"));
    expect(order).toEqual(["commit", "watcher", "caller"]);
  });

  it("is resolved in the order of its calls", async () => {
    const store = open(newFile());
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map((n) => store.create(request({ input: n })).then(() => order.push(n))),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("a transition that is refused", () => {
  it("takes only itself back", async () => {
    const store = open(newFile());
    const taken = request({ idempotencyKey: "monday" });
    await store.create(taken);
    const outcomes = await Promise.allSettled([
      store.create(request()),
      store.create(request({ idempotencyKey: "monday", input: "another" })),
      store.complete({ taskId: taken.id, attempt: 1, result: 1 }),
      store.create(request()),
    ]);
    expect(codes(outcomes)).toEqual(["done", "IDEMPOTENCY_CONFLICT", "STALE_ATTEMPT", "done"]);
    expect(await countOf(store)).toBe(3);
  });

  it("takes back what it had written before it was refused, and tells nobody of it", async () => {
    const store = open(newFile());
    const { task } = await store.create(request({ begin: true }));
    const key = { taskId: task.id, attempt: 1 };
    const load = { ...key, name: "load", kind: "step", state: "done" } as const;
    const told: unknown[] = [];
    onTestFinished(store.subscribe((change) => told.push(change?.revision)));
    const outcomes = await Promise.allSettled([
      store.recordOperation({ ...load, value: 1 }),
      store.recordOperation({ ...load, value: 2 }),
      store.saveState({ ...key, state: 1 }),
    ]);
    expect(codes(outcomes)).toEqual(["done", "STEP_MISMATCH", "done"]);
    expect(await store.get(key)).toMatchObject({ revision: 4 });
    expect(told).toEqual([3, 4]);
  });
});

describe("a commit that fails", () => {
  it("rejects all of its group, shows none of it, tells nobody, and the next succeeds", async () => {
    let fail = false;
    const store = open(
      newFile(),
      watched((sql) => {
        if (fail && sql === "COMMIT") throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
      }),
    );
    let told = 0;
    onTestFinished(store.subscribe(() => told++));
    fail = true;
    expect(codes(await createMany(store, 3))).toEqual(["STORE_IO", "STORE_IO", "STORE_IO"]);
    expect([await countOf(store), told]).toEqual([0, 0]);
    fail = false;
    expect(codes(await createMany(store, 3))).toEqual(["done", "done", "done"]);
    expect([await countOf(store), told]).toEqual([3, 3]);
  });
});

describe("a file in which another process writes", () => {
  function holding(file: string): SqliteConnection {
    const other = nodeSqlite(file);
    onTestFinished(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    return other;
  }

  it("is waited for, while reads and timers go on, and all come in their order", async () => {
    const file = newFile();
    const store = open(file);
    const other = holding(file);
    const order: number[] = [];
    const creations = [0, 1, 2].map((n) => store.create(request({ input: n })).then(() => order.push(n)));
    await delay(100);
    creations.push(store.create(request()).then(() => order.push(3)));
    const before = performance.now();
    expect(await countOf(store)).toBe(0);
    for (let n = 0; n < 10; n++) await delay(1);
    expect(performance.now() - before, "the event loop goes on").toBeLessThan(1_000);
    expect(order).toEqual([]);
    other.exec("COMMIT");
    await Promise.all(creations);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it("for too long rejects all that wait with STORE_BUSY, and later ones succeed", async () => {
    const file = newFile();
    await open(file).create(request());
    const connection = nodeSqlite(file);
    onTestFinished(() => connection.close());
    const toError = (error: unknown): unknown => storeError(error, "sqlite:tasks.db");
    const group = new CommitGroup(connection, () => undefined, toError, 100);
    const other = holding(file);
    const write = () => Promise.allSettled([1, 2, 3].map((n) => group.run(() => n)));
    const before = performance.now();
    const outcomes = await write();
    expect(codes(outcomes)).toEqual(["STORE_BUSY", "STORE_BUSY", "STORE_BUSY"]);
    expect(outcomes[0]).toMatchObject({ reason: { retryable: true } });
    expect(performance.now() - before).toBeGreaterThanOrEqual(100);
    other.exec("COMMIT");
    expect(codes(await write())).toEqual(["done", "done", "done"]);
  });
});

describe("a disk that is full", () => {
  /** The driver of a store, and how many pages more its file may get. */
  function withPages(): readonly [SqliteDriver, (pages: number) => void] {
    let limit: (pages: number) => void = () => undefined;
    const driver: SqliteDriver = (path) => {
      const connection = nodeSqlite(path);
      limit = (pages) => {
        const now = Number(connection.prepare("PRAGMA page_count").get()?.["page_count"]);
        connection.prepare(`PRAGMA max_page_count = ${now + pages}`).get();
      };
      return connection;
    };
    return [driver, (pages) => limit(pages)];
  }

  it("rejects with STORE_FULL what has no room, keeps what was acknowledged, and goes on when there is space", async () => {
    const [driver, allow] = withPages();
    const file = newFile();
    const store = open(file, driver);
    await store.create(request());
    allow(8);
    const groups = [];
    for (let n = 0; n < 10; n++) groups.push(await createMany(store, 4, "x".repeat(2_000)));
    const full = codes(groups.flat()).filter((code) => code === "STORE_FULL").length;
    const done = codes(groups.flat()).filter((code) => code === "done").length;
    expect(full + done, "nothing else").toBe(40);
    expect(full).toBeGreaterThan(20);
    expect(await countOf(store), "what was acknowledged is there, what was refused is not").toBe(1 + done);
    allow(10_000);
    expect(codes(await createMany(store, 4, "x".repeat(2_000)))).toEqual(["done", "done", "done", "done"]);
    const check = nodeSqlite(file);
    onTestFinished(() => check.close());
    expect(check.prepare("PRAGMA integrity_check").get()).toMatchObject({ integrity_check: "ok" });
  });

  it("in the middle of a group lets through what has room, and no half of a task", async () => {
    const [driver, allow] = withPages();
    const store = open(newFile(), driver);
    await store.create(request());
    allow(20);
    const outcomes = await Promise.allSettled([
      store.create(request({ input: "small" })),
      store.create(request({ input: "x".repeat(1_000_000) })),
      store.create(request({ input: "small" })),
    ]);
    const seen = codes(outcomes);
    expect(seen[1]).toBe("STORE_FULL");
    expect(outcomes[1]).toMatchObject({ reason: { retryable: true } });
    expect(await countOf(store)).toBe(1 + seen.filter((code) => code === "done").length);
  });
});

describe("an error out of SQLite that makes it roll back by itself", () => {
  it("rejects the whole group, and the next succeeds", async () => {
    let rollBack: (() => void) | undefined;
    const driver: SqliteDriver = (path) => {
      const connection = nodeSqlite(path);
      return watched(
        (sql) => {
          if (rollBack !== undefined && sql.startsWith("INSERT INTO events")) {
            rollBack = undefined;
            connection.exec("ROLLBACK");
            throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
          }
        },
        () => connection,
      )(path);
    };
    const store = open(newFile(), driver);
    rollBack = () => undefined;
    expect(codes(await createMany(store, 3))).toEqual(["STORE_FULL", "STORE_FULL", "STORE_FULL"]);
    expect(await countOf(store)).toBe(0);
    expect(codes(await createMany(store, 3))).toEqual(["done", "done", "done"]);
  });
});

describe("closing", () => {
  it("decides what was asked before; afterwards nothing polls, and nothing is thrown", async () => {
    const store = openSqliteStore({ file: newFile() });
    store.subscribe(() => undefined);
    const creation = store.create(request());
    const closing = Promise.all([store.close(), store.close()]);
    const late = store.create(request());
    await expect(creation).resolves.toMatchObject({ created: true });
    await expect(late).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await closing;
    store.subscribe(() => undefined)();
    await delay(450);
  });
});
