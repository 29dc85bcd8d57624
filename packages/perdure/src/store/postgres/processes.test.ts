/** Many processes over one Postgres: taking over from the dead, hearing of each other, and a database that goes away. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PerdureError } from "../../task/errors.ts";
import { newTaskId, type TaskId } from "../../task/id.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { TaskStore } from "../store.ts";
import { openPostgresStore } from "./index.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";
import type { ProcessNotice } from "./process.fixture.ts";
import { startPostgres } from "./server.fixture.ts";
import { openPostgresStoreForTest } from "./store.ts";

const leaseMs = 900;
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

const request = (given: object = {}) =>
  ({ id: newTaskId(Date.now()), tool: "train", owner: "ada", input: { epochs: 3 }, ...given }) as const;

function openStore(url = database.url): TaskStore {
  return openPostgresStoreForTest({ url, leaseMs, timeoutMs: 2_000, warn: () => undefined });
}

async function executing(url = database.url): Promise<TaskStore> {
  const store = openStore(url);
  await store.executor.start({ tools: ["train"], wake: () => undefined });
  return store;
}

async function claimed(store: TaskStore, withinMs: number): Promise<TaskRecord | undefined> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const tools = [{ tool: "train", slots: 10, maxCrashes: 5 }];
    const [first] = (await store.executor.claim({ tools, limit: 1 })).begun;
    if (first !== undefined) return first;
    await delay(20);
  }
  return undefined;
}

class OtherProcess {
  readonly child: ChildProcess;
  readonly #heard: ProcessNotice[] = [];

  constructor() {
    const file = fileURLToPath(new URL("process.fixture.ts", import.meta.url));
    this.child = fork(file, [database.url, String(leaseMs)]);
    this.child.on("message", (notice) => void this.#heard.push(notice as ProcessNotice));
  }

  async heard(what: ProcessNotice["what"][]): Promise<ProcessNotice> {
    for (;;) {
      const found = this.#heard.find((notice) => what.includes(notice.what));
      if (found !== undefined) return found;
      await delay(10);
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

describe("a process that is gone", () => {
  it("is taken over within two leases of its SIGKILL, and its attempt counts as a crash", async () => {
    const here = await executing();
    const other = new OtherProcess();
    const { id } = await other.heard(["running"]);
    await delay(leaseMs); // it renews its lease meanwhile
    expect(await claimed(here, 0)).toBeUndefined();
    await other.end();
    const record = await claimed(here, 2 * leaseMs + 500);
    expect(record).toMatchObject({ id, attempt: 2, crashes: 1 });
    await here.complete({ taskId: id as TaskId, attempt: 2, result: 1 });
    await here.close();
  });

  it("and comes back after SIGSTOP finds that it has lost: its signal is raised and its writes are refused", async () => {
    const here = await executing();
    const other = new OtherProcess();
    const { id } = await other.heard(["running"]);
    other.child.kill("SIGSTOP");
    const record = await claimed(here, 2 * leaseMs + 500);
    expect(record).toMatchObject({ id, attempt: 2, crashes: 1 });
    other.child.kill("SIGCONT");
    other.child.send("write");
    expect(await other.heard(["written", "refused"])).toMatchObject({
      what: "refused",
      code: "STALE_ATTEMPT",
    });
    expect(await other.heard(["lost"])).toBeTruthy();
    await other.end();
    await here.complete({ taskId: id as TaskId, attempt: 2, result: 1 });
    await here.close();
  });
});

describe("notifications", () => {
  it("bring the end of a task to a process that waits elsewhere, in milliseconds", async () => {
    const [here, there] = [await executing(), openStore()];
    await there.list({});
    const heard = new Map<TaskId, () => void>();
    there.subscribe((change) => {
      if (change?.status === "completed") heard.get(change.taskId)?.();
    });
    await delay(100);
    const tookMs: number[] = [];
    for (let n = 0; n < 20; n++) {
      const { task } = await here.create(request({ begin: true }));
      const told = new Promise<void>((resolve) => heard.set(task.id, resolve));
      await here.complete({ taskId: task.id, attempt: 1, result: n });
      const before = performance.now();
      await told;
      tookMs.push(performance.now() - before);
      await delay(5);
    }
    const median = tookMs.toSorted((a, b) => a - b)[10] ?? 0;
    expect(median).toBeLessThan(60); // 20 ms of them are waited for more to tell
    await Promise.all([here.close(), there.close()]);
  });

  it("come also where two processes started at the same moment, and neither saw the other", async () => {
    for (let round = 0; round < 5; round++) {
      const [here, there] = [openStore(), openStore()];
      const wanted = request({ begin: true });
      // As one who waits does: looks when it is told that something has changed, and at no other time.
      const ended = new Promise<void>((resolve) => {
        there.subscribe(() => {
          const look = async (): Promise<void> => {
            if ((await there.summary({ taskId: wanted.id }))?.status === "completed") resolve();
          };
          void look();
        });
      });
      await Promise.all([here.executor.start({ tools: ["train"], wake: () => undefined }), there.list({})]);
      await here.create(wanted);
      await here.complete({ taskId: wanted.id, attempt: 1, result: round });
      await expect(ended).resolves.toBeUndefined();
      await Promise.all([here.close(), there.close()]);
    }
  });

  it("wake the processes that execute, wherever the work comes from", async () => {
    const [here, there] = [openStore(), openStore()];
    let woken = 0;
    await here.executor.start({ tools: ["train"], wake: () => woken++ });
    await there.list({});
    await delay(100);
    const before = woken;
    await there.create(request());
    await expect.poll(() => woken, { timeout: 1_000 }).toBeGreaterThan(before);
    await Promise.all([here.close(), there.close()]);
  });
});

describe("a database that goes away", () => {
  it("fails calls fast, and loses nothing that was acknowledged; the store comes back by itself", async () => {
    const server = await startPostgres();
    const store = await executing(server.url);
    try {
      const kept: TaskId[] = [];
      for (const how of ["fast", "immediate"] as const) {
        kept.push((await store.create(request())).task.id);
        await server.stop(how);
        const before = performance.now();
        const refusal = await store.create(request()).catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(PerdureError);
        expect(refusal).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
        expect(performance.now() - before).toBeLessThan(1_000);
        await server.start();
        kept.push((await store.create(request())).task.id);
        for (const taskId of kept) expect(await store.get({ taskId })).toBeDefined();
      }
      expect(store.executor.executes).toBe(true);
      expect(await claimed(store, 1_000)).toBeDefined();
    } finally {
      await store.close();
      await server.dispose();
    }
  }, 30_000);

  it("while an answer is on its way: what was acknowledged is there, and what was refused never will be", async () => {
    const proxy = await cuttingProxy(database.url);
    const store = openStore(proxy.url);
    const requests = Array.from({ length: 60 }, () => request());
    const outcomes: boolean[] = [];
    for (const one of requests) {
      proxy.cutNextAnswer();
      await store.create(one).then(
        () => outcomes.push(true),
        (error: unknown) => {
          expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
          outcomes.push(false);
        },
      );
    }
    expect(proxy.cuts).toBeGreaterThan(10);
    await proxy.close();
    const direct = openStore();
    for (const [i, { id }] of requests.entries()) {
      expect((await direct.get({ taskId: id })) !== undefined, `request ${i}`).toBe(outcomes[i]);
    }
    expect(outcomes).toContain(true);
    await Promise.all([store.close(), direct.close()]);
  }, 30_000);
});

describe("options", () => {
  it("refuse what cannot be meant", () => {
    const url = "postgres://localhost/x";
    for (const options of [
      { url: "mysql://localhost/x" },
      { url, schema: "a-b" },
      { url, leaseMs: 5_000 },
      { url, maxConnections: 1 },
    ]) {
      expect(() => openPostgresStore(options)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    }
    const secret = openPostgresStore({ url: "postgres://me:secret@db/x", schema: "mine" });
    expect(secret.location).toBe("postgres://db/x?schema=mine");
  });

  it("without migrate it says what to run; two that migrate at once take turns", async () => {
    const schema = "by_hand";
    const strict = openPostgresStore({ url: database.url, schema, migrate: false });
    await expect(strict.list({})).rejects.toMatchObject({ code: "STORE_OUTDATED" });
    const both = [1, 2, 3].map(() => openPostgresStore({ url: database.url, schema }));
    await Promise.all(both.map((store) => store.list({})));
    expect(await strict.list({})).toEqual({ tasks: [] });
    await Promise.all([strict, ...both].map((store) => store.close()));
  });
});

/** Between a store and its database: cuts the connection when the next answer to an INSERT into tasks comes. */
async function cuttingProxy(target: string): Promise<{
  readonly url: string;
  readonly cuts: number;
  cutNextAnswer(): void;
  close(): Promise<void>;
}> {
  const { port } = new URL(target);
  const sockets = new Set<Socket>();
  let [armed, cuts] = [false, 0];
  const server: Server = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    let creates = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (data) => {
      creates = data.includes("INSERT INTO") && data.includes("tasks");
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (armed && creates) {
        [armed, creates] = [false, false];
        cuts++;
        client.destroy();
        upstream.destroy();
      } else client.write(data);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get cuts() {
      return cuts;
    },
    cutNextAnswer: () => {
      armed = true;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
