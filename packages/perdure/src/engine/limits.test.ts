/** Each limit: what is just allowed, and what is one more. The counts of tasks are in the contract of stores, too. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { TaskOptions } from "../app/declaration.ts";
import { PerdureError, type TaskError, TerminalError } from "../task/errors.ts";
import type { Failure } from "../task/failure.ts";
import type { TaskContext } from "./context.ts";

const description = "A tool of this test.";
const input = z.object({ text: z.string() });
/** Its JSON is of so many bytes. */
const ofBytes = (bytes: number) => "x".repeat(bytes - 2);

async function run(
  handler: (task: TaskContext) => unknown,
  options: Partial<TaskOptions> = {},
): Promise<{
  readonly result?: unknown;
  readonly failure?: Failure | undefined;
  readonly timeline: readonly { readonly type: string }[];
}> {
  const app = testApp();
  app.task("work", { description, input, ...options }, (_, task) => handler(task) as string);
  await app.start();
  const handle = await app.submit("work", { text: "" });
  const outcome = await handle.result().then(
    (result) => ({ result }),
    (error: unknown) => ({ failure: (error as TaskError).failure }),
  );
  return { timeline: await app.tasks.timeline(handle.id), ...outcome };
}

describe("the bytes of values", () => {
  it("of an input", async () => {
    const app = testApp({ limits: { inputBytes: 100 } });
    app.task("work", { description, input }, ({ text }) => text.length);
    app.task("roomy", { description, input, limits: { inputBytes: 101 } }, ({ text }) => text.length);
    const overhead = JSON.stringify({ text: "" }).length;
    await app.submit("work", { text: "x".repeat(100 - overhead) });
    const large = { text: "x".repeat(101 - overhead) };
    await expect(app.submit("work", large)).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      retryable: false,
      message: expect.stringMatching(/input of work is 101 bytes; limits\.inputBytes allows 100\./) as string,
    });
    await app.submit("roomy", large);
  });

  it("of a result: the task fails, and is not tried again", async () => {
    const options = { limits: { resultBytes: 50 }, retry: { retries: 3 } };
    expect((await run(() => ofBytes(50), options)).failure).toBeUndefined();
    const { failure, timeline } = await run(() => ofBytes(51), options);
    expect(failure).toMatchObject({
      code: "LIMIT_EXCEEDED",
      retryable: false,
      message: expect.stringContaining("limits.resultBytes allows 50") as string,
    });
    expect(timeline.map(({ type }) => type)).toEqual(["created", "begun", "failed"]);
  });

  it("of a saved state, of JSON and of bytes", async () => {
    const limits = { stateBytes: 50 };
    const saving = (state: string | Uint8Array) => run((task) => task.save(state), { limits });
    expect((await saving(ofBytes(50))).failure).toBeUndefined();
    expect((await saving(new Uint8Array(50))).failure).toBeUndefined();
    for (const state of [ofBytes(51), new Uint8Array(51)]) {
      expect((await saving(state)).failure).toMatchObject({
        code: "LIMIT_EXCEEDED",
        message: expect.stringContaining("saved state is 51 bytes; limits.stateBytes") as string,
      });
    }
  });

  it("of the result of a step, which the handler may catch", async () => {
    const limits = { stepBytes: 50 };
    expect((await run((task) => task.step("s", () => ofBytes(50)), { limits })).failure).toBeUndefined();
    const { failure } = await run((task) => task.step("s", () => ofBytes(51)), { limits });
    expect(failure).toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringContaining('step "s" is 51 bytes; limits.stepBytes') as string,
    });
    const caught = async (task: TaskContext) => {
      await expect(task.step("s", () => ofBytes(51))).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    };
    expect((await run(caught, { limits })).failure).toBeUndefined();
  });

  it("of the data of what is thrown, which are left out: to fail must not fail", async () => {
    const limits = { failureBytes: 50 };
    const throwing = (bytes: number) => () => {
      throw new TerminalError("no", { data: ofBytes(bytes) });
    };
    expect((await run(throwing(50), { limits })).failure).toMatchObject({ message: "no", data: ofBytes(50) });
    const leftOut = "left out: 51 bytes; limits.failureBytes allows 50.";
    expect((await run(throwing(51), { limits })).failure).toMatchObject({ message: "no", data: leftOut });
    const inStep = (task: TaskContext) => task.step("s", throwing(51));
    expect((await run(inStep, { limits })).failure).toMatchObject({ message: "no", data: leftOut });
  });

  it("of a log line, which is cut", async () => {
    const lines = await run(
      (task) => {
        task.log.info("x".repeat(300));
        task.log.info("x".repeat(301));
        task.log.info("m", ofBytes(299));
        task.log.info("m", ofBytes(300));
      },
      { limits: { logLineBytes: 300 } },
    );
    expect(lines.timeline.filter(({ type }) => type === "log")).toMatchObject([
      { message: "x".repeat(300) },
      { message: `${"x".repeat(99)}…` },
      { message: "m", data: ofBytes(299) },
      { message: "m", data: "left out: 301 bytes; limits.logLineBytes allows 300." },
    ]);
  });
});

describe("the operations of a task", () => {
  const limits = { operations: 3 };

  it("are steps and waits together", async () => {
    const three = async (task: TaskContext) => {
      await task.step("one", () => 1);
      await task.sleep(1);
      await task.step("two", () => 2);
    };
    expect((await run(three, { limits })).failure).toBeUndefined();
    for (const fourth of [
      (task: TaskContext) => task.step("four", () => 4),
      (task: TaskContext) => task.sleep(2, { name: "four" }),
      (task: TaskContext) => task.waitUntil("four"),
    ]) {
      const { failure } = await run(async (task) => (await three(task), fourth(task)), { limits });
      expect(failure).toMatchObject({
        code: "LIMIT_EXCEEDED",
        message: expect.stringContaining(
          '"four" would be operation 4 of the task; limits.operations',
        ) as string,
      });
    }
  });

  it("beyond it are not begun: no step runs, nobody is asked, no child is made", async () => {
    const ran: string[] = [];
    const handler = async (task: TaskContext) => {
      const settled = await Promise.allSettled([
        ...["a", "b", "c", "d", "e"].map((name) => task.step(name, () => void ran.push(name))),
        task.exec("touch", ["/nowhere/at/all"]),
        task.ask("sure?", z.object({})),
        task.call("work", { text: "" }),
        task.artifact("file", "text"),
        task.remember("a text"),
      ]);
      return settled.map((end) => (end.status === "fulfilled" ? "" : (end.reason as PerdureError).code));
    };
    const { timeline, result } = await run(handler, { limits });
    expect(ran).toEqual(["a", "b", "c"]);
    expect(result).toEqual(["", "", "", ...Array.from({ length: 7 }, () => "LIMIT_EXCEEDED")]);
    const operations = timeline.filter(({ type }) => type === "operation");
    expect(operations).toMatchObject(["a", "b", "c"].map((name) => ({ name })));
  });

  it("are counted over all attempts, each once", async () => {
    let attempts = 0;
    const handler = async (task: TaskContext) => {
      for (const name of ["a", "b", "c"]) await task.step(name, () => name);
      if (++attempts < 3) throw new Error("again");
      await task.step("d", () => "d");
    };
    const { failure } = await run(handler, { limits, retry: { retries: 5, delay: 1 } });
    expect([attempts, failure?.code]).toEqual([3, "LIMIT_EXCEEDED"]);
  });

  it("do not count a step that is tried again", async () => {
    let tries = 0;
    const handler = async (task: TaskContext) => {
      const flaky = (): string => {
        if (++tries % 3 !== 0) throw new Error("flaky");
        return "ok";
      };
      for (const name of ["a", "b", "c"]) await task.step(name, flaky, { retry: { retries: 5, delay: 1 } });
    };
    expect((await run(handler, { limits })).failure).toBeUndefined();
  });
});

describe("log lines", () => {
  it("are the newest, and the timeline says how many gave way to them", async () => {
    const logging = (count: number) => (task: TaskContext) => {
      for (let n = 1; n <= count; n++) task.log.info(String(n));
    };
    const kept = await run(logging(20), { limits: { logLines: 20 } });
    expect(kept.timeline.map(({ type }) => type)).not.toContain("dropped");
    const { timeline } = await run(logging(21), { limits: { logLines: 20 } });
    const dropped = timeline.find(({ type }) => type === "dropped") as unknown as { lines: number };
    expect(dropped.lines + timeline.filter(({ type }) => type === "log").length).toBe(21);
    expect(timeline.at(-2)).toMatchObject({ type: "log", message: "21" });
  });
});

describe("open tasks", () => {
  const never = () => new Promise<never>(() => undefined);

  it("of one owner, of all, and of the queue of a tool", async () => {
    for (const [limits, owner] of [
      [{ openTasksPerOwner: 2 }, "ada"],
      [{ openTasks: 2 }, "bob"],
      [{ queuedTasks: 1 }, "bob"],
    ] as const) {
      const app = testApp({ limits, concurrency: 1 });
      app.task("work", { description, input }, never);
      await app.start();
      const first = await app.submit("work", { text: "" }, { owner: "ada" });
      await app.submit("work", { text: "" }, { owner: "ada" });
      const error = await app.submit("work", { text: "" }, { owner }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PerdureError);
      const [name] = Object.keys(limits);
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", retryable: true });
      expect((error as Error).message).toContain(`raise limits.${name}`);
      await first.cancel();
      const again = () => app.submit("work", { text: "" }, { owner }).then(() => true);
      await expect.poll(() => again().catch(() => false)).toBe(true);
    }
  });

  it("count the children, and a parent that has too many is told at once", async () => {
    const app = testApp({ limits: { openTasksPerOwner: 3 } });
    app.task("child", { description, input }, never);
    app.task("parent", { description, input }, async (_, task) => {
      const called = ["a", "b", "c"].map((text) => task.call("child", { text }));
      await Promise.all(called);
    });
    await app.start();
    const handle = await app.submit("parent", { text: "" });
    await expect(handle.result()).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      failure: { retryable: true },
    });
    expect((await app.tasks.list({ status: "working" })).tasks).toEqual([]);
  });
});

describe("settings", () => {
  it.each([
    [{ inputBytes: 0 }, "limits.inputBytes must be a whole number ≥ 1, or Infinity; 0 came."],
    [{ openTasks: 1.5 }, "limits.openTasks must be a whole number"],
    [{ inputs: 5 }, "limits.inputs must be one of inputBytes, "],
  ])("%j is refused", (limits, message) => {
    expect(() => testApp({ limits: limits as object })).toThrow(message);
  });

  it("a tool has no limit of the application's", () => {
    const limits = { openTasks: 5 } as object;
    expect(() => testApp().task("work", { description, input, limits }, () => 1)).toThrow(
      'task "work": limits.openTasks must be one of',
    );
  });

  it("Infinity is none", async () => {
    const app = testApp({
      limits: { openTasks: Infinity, openTasksPerOwner: Infinity, queuedTasks: Infinity },
    });
    app.task("work", { description, input, limits: { resultBytes: Infinity } }, ({ text }) => text);
    await app.start();
    expect(await (await app.submit("work", { text: "a" })).result()).toBe("a");
  });
});
