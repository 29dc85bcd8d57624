import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { silent, testApp } from "../../app/app.fixture.ts";
import type { App, PerdureOptions } from "../../app/app.ts";
import { thread } from "../../app/thread-handler.ts";
import { taskVersion } from "../../app/tool-version.ts";
import type { TaskOptions } from "../../app/declaration.ts";
import type { TaskHandle } from "../../app/handle.ts";
import { openSqliteStore } from "../../store/sqlite/index.ts";
import { TaskError } from "../../task/errors.ts";
import type workHandler from "./fixtures/work.fixture.ts";
import { gone, isAlive, toPids } from "../exec/processes.fixture.ts";
import type { Order } from "./fixtures/work.fixture.ts";
import { temporaryFile, temporaryStore } from "../../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ do: z.string(), n: z.number().optional(), file: z.string().optional() });
const work = thread<typeof workHandler>(new URL("./fixtures/work.fixture.ts", import.meta.url));

interface Options {
  readonly grace?: number;
  readonly timeout?: number;
  readonly deadline?: number;
  readonly concurrency?: number;
  readonly retry?: { readonly retries: number; readonly delay: number };
  readonly maxMemoryBytes?: number;
}

async function start(options: Options = {}, appOptions: Partial<PerdureOptions> = {}) {
  const app = testApp({ linger: 50, ...appOptions });
  const task = app.task("work", { description, input, run: work, ...options });
  app.task("half", { description, input: z.object({ n: z.number() }) }, ({ n }) => n / 2);
  await app.start();
  const submit = (order: Order): Promise<TaskHandle> => app.submit(task, order);
  return { app, submit, failure: async (order: Order) => failureOf(await submit(order)) };
}

async function failureOf(handle: TaskHandle): Promise<Pick<TaskError, "code" | "message">> {
  const error = await handle.result().catch((thrown: unknown) => thrown);
  if (!(error instanceof TaskError)) throw new Error(`it ended with ${JSON.stringify(error)}`);
  return { code: error.code, message: error.message };
}

async function until(app: App, handle: TaskHandle, phase: string): Promise<void> {
  await vi.waitFor(async () => expect(await app.tasks.get(handle.id)).toMatchObject({ phase }), 10_000);
}

async function reported(handle: TaskHandle): Promise<void> {
  for await (const event of handle.watch()) if (event.type === "progress") return;
}

describe("a handler in a thread", () => {
  it("does its steps once; parked it holds neither slot nor thread, and runs again in another", async () => {
    const { app, submit } = await start({ concurrency: 1 });
    const handle = await submit({ do: "steps" });
    await until(app, handle, "parked");
    const other = await (await submit({ do: "where" })).result();
    await app.tasks.signal(handle.id, "go on", true);
    const result = await handle.result();
    expect(result).toMatchObject({ attempt: 2, second: other });
    expect(result).not.toMatchObject({ first: other });
    const operations = (await app.tasks.timeline(handle.id)).filter(({ type }) => type === "operation");
    expect(operations).toMatchObject([
      { name: "first", state: "done" },
      { name: "go on", state: "open" },
      { name: "second", state: "done" },
    ]);
  });

  it("saves bytes, and only those of the view that it gave", async () => {
    const { app, submit } = await start();
    const handle = await submit({ do: "save" });
    await until(app, handle, "parked");
    await app.tasks.signal(handle.id, "go on", true);
    expect(await handle.result()).toEqual([7, 7, 7]);
  });

  it("leaves artifacts, of a chunk that it uses again; what a thread leaves half written goes with it", async () => {
    const artifacts = `${temporaryFile()}.artifacts`;
    const options = { retry: { retries: 1, delay: 1 } };
    const { app, submit } = await start(options, { artifacts });
    const hash = createHash("sha256");
    for (let n = 0; n < 30; n++) hash.update(new Uint8Array(100_000).fill(n));
    const expected = { name: "big", size: 3_000_000, sha256: hash.digest("hex") };
    for (const n of [0, 1]) {
      const handle = await submit({ do: "artifact", n });
      expect(await handle.result()).toMatchObject(expected);
      const read = createHash("sha256");
      for await (const chunk of await app.tasks.artifact(handle.id, "big")) read.update(chunk as Uint8Array);
      expect(read.digest("hex")).toBe(expected.sha256);
      expect(readdirSync(join(artifacts, handle.id))).toHaveLength(1);
    }
  });

  it("asks, calls and hears signals", async () => {
    const { app, submit } = await start();
    const handle = await submit({ do: "ask" });
    for await (const event of handle.watch()) if (event.type === "operation" && event.kind === "ask") break;
    const [question] = await app.tasks.questions(handle.id);
    await app.tasks.answer(handle.id, question?.key ?? "", { action: "accept", content: { go: true } });
    await app.tasks.signal(handle.id, "ready", "now");
    expect(await handle.result()).toEqual({ go: true, child: 4, value: "now" });
  });

  it("reports, and knows its task", async () => {
    const { app, submit } = await start();
    const handle = await submit({ do: "report" });
    expect(await handle.result()).toEqual({ id: handle.id, owner: "local", tool: "work", attempt: 1 });
    expect(await app.tasks.get(handle.id)).toMatchObject({
      progress: { done: 1, total: 2, message: "half" },
    });
    expect(await app.tasks.timeline(handle.id)).toContainEqual(
      expect.objectContaining({ type: "log", level: "warning", message: "half way", data: { n: 1 } }),
    );
  });

  it("reports and sees its signal in a loop that never yields", async () => {
    const { submit } = await start({ grace: 60_000 });
    const handle = await submit({ do: "report without a turn" });
    for await (const event of handle.watch()) if (event.type === "progress" && event.done > 20) break;
    await handle.cancel();
    expect(await (await submit({ do: "where" })).result()).toBeGreaterThan(0);
  });

  it("runs programs, and hears their lines", async () => {
    const { app, submit } = await start();
    const handle = await submit({ do: "exec" });
    expect(await handle.result()).toEqual({ exitCode: 0, stdout: "one\nthree\n", stderr: "two\n" });
    const logs = (await app.tasks.timeline(handle.id)).flatMap((event) =>
      event.type === "log" ? [event.message] : [],
    );
    expect(logs.toSorted()).toEqual(["stderr: two", "stdout: one", "stdout: three"]);
  });

  it("throws into the record what it throws here", async () => {
    const { failure } = await start();
    expect(await failure({ do: "throw" })).toEqual({ code: "HANDLER_ERROR", message: "not this" });
    expect(await failure({ do: "reuse" })).toMatchObject({ code: "STEP_NAME_REUSED" });
    expect(await failure({ do: "class" })).toMatchObject({
      code: "INVALID_VALUE",
      message: expect.stringContaining('the result of step "a map" is a Map') as string,
    });
    expect(await failure({ do: "result" })).toMatchObject({
      code: "INVALID_VALUE",
      message: expect.stringContaining("result is a Date") as string,
    });
  });
});

describe("a thread that is ended", () => {
  it("after its grace, when a loop never looks at its signal; the next task is not kept waiting longer", async () => {
    const { submit, app } = await start({ grace: 100, concurrency: 1 });
    const handle = await submit({ do: "spin" });
    await until(app, handle, "running");
    await handle.cancel("enough");
    expect(await failureOf(handle)).toMatchObject({ code: "TASK_CANCELLED" });
    expect(await (await submit({ do: "where" })).result()).toBeGreaterThan(0);
  });

  it("takes its programs with it", async () => {
    const { app, submit } = await start({ grace: 10 });
    const handle = await submit({ do: "exec and sleep" });
    let pids: number[] = [];
    for await (const event of handle.watch()) {
      if (event.type !== "progress") continue;
      pids = toPids(event.message);
      break;
    }
    expect(pids.every(isAlive)).toBe(true);
    await app.tasks.cancel(handle.id);
    await gone(pids);
  });

  it("by its time-out", async () => {
    const { failure, submit } = await start({ grace: 10, timeout: 2_000, concurrency: 1 });
    expect(await failure({ do: "spin" })).toMatchObject({ code: "TIMEOUT" });
    expect(await (await submit({ do: "where" })).result()).toBeGreaterThan(0);
  });

  it("by the deadline of its task", async () => {
    const { failure, submit } = await start({ grace: 10, deadline: 3_000, concurrency: 1 });
    expect(await failure({ do: "spin" })).toMatchObject({ code: "DEADLINE" });
    expect(await (await submit({ do: "where" })).result()).toBeGreaterThan(0);
  });

  it("when its lease is lost: from then on it writes nothing, and the next attempt has what was saved", async () => {
    const file = temporaryFile();
    const refused = Promise.withResolvers<object>();
    const logger = { ...silent, error: (fields: object) => refused.resolve(fields) };
    const { submit } = await start({ grace: 10, concurrency: 2 }, { store: `sqlite:${file}`, logger });
    const handle = await submit({ do: "save until refused" });
    await reported(handle);
    // As another process that has taken the task over.
    const other = openSqliteStore({ file });
    onTestFinished(() => other.close());
    const failure = { code: "HANDLER_ERROR", name: "Error", message: "taken over", retryable: true } as const;
    await other.retry({ taskId: handle.id, attempt: 1, failure, delayMs: 0 });
    const { data } = (await refused.promise) as { data: { code: string; n: number } };
    expect(data.code).toBe("STALE_ATTEMPT");
    expect(await handle.result()).toEqual({ n: data.n - 1 });
  });

  it("at the close of the application, and its task goes on at the next start", async () => {
    const store = temporaryStore();
    const { app, submit } = await start({}, { store });
    const handle = await submit({ do: "spin" });
    await until(app, handle, "running");
    await app.close({ drainMs: 0 });
    const next = testApp({ store });
    expect(await next.tasks.get(handle.id)).toMatchObject({ phase: "queued", crashes: 0, errors: 0 });
  });
});

describe("the close of the application", () => {
  it("does not wait for native code, which nothing interrupts, and says so", async () => {
    const file = temporaryFile();
    const store = `sqlite:${file}`;
    const fifo = `${file}.fifo`;
    execFileSync("mkfifo", [fifo]);
    // Whoever stands at it goes on.
    onTestFinished(() => closeSync(openSync(fifo, constants.O_RDWR)));
    const warnings: unknown[] = [];
    const logger = { ...silent, warn: (...warning: unknown[]) => void warnings.push(warning) };
    const { app, submit } = await start({ grace: 10, concurrency: 2 }, { store, logger });
    const order: Order = { do: "native", file: fifo };
    const [running, cancelled] = await Promise.all([submit(order), submit(order)]);
    await Promise.all([reported(running), reported(cancelled)]);
    await cancelled.cancel();
    const third = await submit({ do: "where" });
    expect((await third.status()).waiting).toMatch(/^all slots of "work" are taken/);
    await app.close({ drainMs: 0 });
    expect(warnings).toEqual([
      [{ tool: "work", threads: 2 }, expect.stringMatching(/^2 threads of "work" did not end: native code/)],
    ]);
    const next = testApp({ store });
    expect(await next.tasks.get(running.id)).toMatchObject({ phase: "queued", crashes: 0, errors: 0 });
    expect(await next.tasks.get(cancelled.id)).toMatchObject({ status: "cancelled" });
    expect(await next.tasks.get(third.id)).toMatchObject({ phase: "queued", attempt: 0 });
  });
});

describe("versions of a tool that runs in threads", () => {
  const old = new URL("./fixtures/old.fixture.ts", import.meta.url);

  async function later(options: Partial<TaskOptions<typeof input>>, order: Order) {
    const store = `sqlite:${temporaryFile()}`;
    const ids: string[] = [];
    for (const version of [undefined, "1", "2"]) {
      const app = testApp({ store });
      app.task("work", { description, input, run: work, ...(version !== undefined && { version }) });
      ids.push((await app.submit("work", order)).id);
      await app.close();
    }
    const app = testApp({ store });
    app.task("work", { description, input, run: work, version: "2", ...options });
    await app.start();
    return { app, ids };
  }

  it("send an old task to the old handler, in a thread of its own module, or in the process", async () => {
    const { app, ids } = await later(
      {
        versions: {
          "": taskVersion({ input }, () => threadId),
          "1": taskVersion({ input: input.transform(({ do: what }) => ({ what })), run: old }),
        },
      },
      { do: "where" },
    );
    const results = await Promise.all(ids.map((id) => app.tasks.handle(id).result()));
    expect(results).toEqual([
      threadId,
      { version: 1, what: "where", inThread: true },
      expect.any(Number) as number,
    ]);
    expect(results[2]).not.toBe(threadId);
  });

  it("refuse at the start a module of an old version that cannot be run", async () => {
    const run = new URL("./fixtures/unloadable.fixture.ts", import.meta.url);
    const app = testApp({ logger: silent });
    app.task("work", { description, input, run: work, versions: { "1": taskVersion({ input, run }) } });
    await expect(app.start()).rejects.toThrow("there is no GPU");
  });

  it("fail an old task, or let it wait, as they do elsewhere", async () => {
    const failing = await later({ onOtherVersion: "fail" }, { do: "where" });
    expect(await failureOf(failing.app.tasks.handle(failing.ids[1] ?? ""))).toMatchObject({
      code: "UNKNOWN_VERSION",
    });
    const waiting = await later({ onOtherVersion: "wait" }, { do: "where" });
    await waiting.app.tasks.handle(waiting.ids[2] ?? "").result();
    expect(await waiting.app.tasks.get(waiting.ids[1] ?? "")).toMatchObject({ phase: "queued" });
  });
});

describe("a thread that dies fails its task and no other", () => {
  it.each([
    [{ do: "exit", n: 3 }, "THREAD_EXITED", "process.exit(3)"],
    [{ do: "reject" }, "UNCAUGHT_ERROR", "RangeError: nobody awaits this"],
    [{ do: "reject and return" }, "UNCAUGHT_ERROR", "RangeError: nobody awaits this"],
    [{ do: "heap" }, "OUT_OF_MEMORY", "of heap"],
    [{ do: "buffers" }, "OUT_OF_MEMORY", "of buffers"],
  ])("%j", { timeout: 60_000 }, async (order, code, message) => {
    const { failure, submit } = await start({ maxMemoryBytes: 100 * 2 ** 20, concurrency: 2 });
    const beside = await submit({ do: "wait for the signal" });
    expect(await failure(order)).toEqual({ code, message: expect.stringContaining(message) as string });
    expect((await beside.status()).status).toBe("working");
    expect(await (await submit({ do: "where" })).result()).toBeGreaterThan(0);
  });

  it("and counts against its retry", async () => {
    const { app, submit } = await start({ retry: { retries: 2, delay: 1 } });
    const handle = await submit({ do: "exit", n: 0 });
    expect(await failureOf(handle)).toMatchObject({ code: "THREAD_EXITED" });
    expect(await app.tasks.get(handle.id)).toMatchObject({ attempt: 3, errors: 2, crashes: 0 });
  });
});

describe("a module that cannot be run", () => {
  const declare = (file: string, more: object = {}): App => {
    const app = testApp({ logger: silent });
    app.task("work", { description, input, run: new URL(file, import.meta.url), ...more });
    return app;
  };

  it("is refused where it is declared: no such file, no file at all", () => {
    expect(() => declare("./fixtures/missing.worker.ts")).toThrow(
      /there is no file .*missing\.worker\.ts, nor .*\.js/,
    );
    expect(() => declare("https://example.org/work.js")).toThrow("must be the file URL of a module");
    expect(() => declare("./fixtures/work.fixture.ts", { maxMemoryBytes: 1_000 })).toThrow(
      "at least 33554432 bytes",
    );
  });

  it("is refused at the start: no handler, or it throws while it is loaded", async () => {
    await expect(declare("./fixtures/no-handler.fixture.ts").start()).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringMatching(
        /no-handler\.fixture\.ts .*default export must be the handler.*it is object/,
      ) as string,
    });
    await expect(declare("./fixtures/unloadable.fixture.ts").start()).rejects.toThrow("there is no GPU");
  });

  it("as source, is found as what was built of it", async () => {
    const app = testApp();
    const built = app.task("work", {
      description,
      input,
      run: thread<typeof workHandler>(new URL("./fixtures/work.fixture.js", import.meta.url)),
    });
    await app.start();
    expect(await (await app.submit(built, { do: "where" })).result()).toBeGreaterThan(0);
  });

  it("and a declaration with neither or both of handler and module", () => {
    const app = testApp();
    const task = app.task.bind(app) as (...args: unknown[]) => unknown;
    expect(() => task("none", { description, input })).toThrow("neither came");
    expect(() => task("both", { description, input, run: work }, () => 1)).toThrow("both came");
  });
});
