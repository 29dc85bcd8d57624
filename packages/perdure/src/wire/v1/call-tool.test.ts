import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ProtocolError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { createV1Front } from "./front.ts";
import {
  ask,
  eventually,
  FakeExchange,
  never,
  session,
  start,
  testFront,
  testService,
} from "./service.fixture.ts";

const quick = { handler: () => "done" };
const soon = { handler: () => sleep(100, "done") };
const protocolError = {
  handler: async () => {
    await sleep(50);
    throw new ProtocolError(-32_050, "out of quota", { data: { left: 0 } });
  },
};

describe("tools/call with params.task", () => {
  it("is a task at once", async () => {
    const { said } = await ask(await testFront({ never }), "tools/call", {
      name: "never",
      task: { ttl: 60_000 },
    });
    expect(said).toEqual([
      {
        result: {
          task: {
            taskId: expect.any(String) as string,
            status: "working",
            createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
            lastUpdatedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
            ttl: null,
            pollInterval: 5_000,
          },
          _meta: {
            "io.modelcontextprotocol/model-immediate-response": expect.stringContaining("never") as string,
          },
        },
      },
    ]);
  });

  it("is kept as long as the client wishes, where that is longer than the tool's own ttl", async () => {
    const service = await testService({ quick: { ...quick, options: { ttl: "1h" } } });
    const front = createV1Front(service);
    for (const [wish, kept] of [
      [7_200_000, 7_200_000],
      [60_000, 3_600_000],
    ]) {
      const { answer } = await ask(front, "tools/call", { name: "quick", task: { ttl: wish } });
      const { taskId } = (answer.result as { task: { taskId: TaskId } }).task;
      expect(await service.runtime.store.summary({ taskId })).toMatchObject({ ttlMs: kept });
    }
  });

  it("is an error where the input does not fit: a client that waits for a task reads no result", async () => {
    const input = z.object({ epochs: z.number() });
    const front = await testFront({ train: { ...never, options: { input } } });
    const { answer } = await ask(front, "tools/call", {
      name: "train",
      arguments: { epochs: "x" },
      task: {},
    });
    expect(answer.error).toMatchObject({
      code: -32_602,
      message: expect.stringContaining("epochs") as string,
    });
  });

  it.each([1, "x", null, [], { ttl: "1h" }])("is an error for the wish %j", async (task) => {
    const { answer } = await ask(await testFront({ never }), "tools/call", { name: "never", task });
    expect(answer.error).toMatchObject({ code: -32_602 });
  });

  it("is held for a client of the generation before, which has no tasks", async () => {
    const { said } = await ask(
      await testFront({ quick }),
      "tools/call",
      { name: "quick", task: {} },
      { protocolVersion: "2025-06-18" },
    );
    expect(said).toEqual([{ result: { content: [{ type: "text", text: "done" }] } }]);
  });
});

describe("a held call", () => {
  it("can be resumed from its first event on", async () => {
    const { said } = await ask(await testFront({ soon }), "tools/call", { name: "soon" });
    expect(said).toEqual([
      { prime: expect.stringMatching(/^call\.[A-Za-z0-9]+\.[a-z0-9]+\.%5B7%5D$/) as string },
      { result: { content: [{ type: "text", text: "done" }] } },
    ]);
  });

  it.each(["2025-06-18", undefined])(
    "has no such event for a client of version %s",
    async (protocolVersion) => {
      const { said } = await ask(
        await testFront({ soon }),
        "tools/call",
        { name: "soon" },
        { protocolVersion },
      );
      expect(said).toEqual([{ result: { content: [{ type: "text", text: "done" }] } }]);
    },
  );

  it("is handed over at once where the tool says so, in a plain answer", async () => {
    const front = await testFront({ never: { ...never, options: { start: "background" } } });
    const exchange = await ask(front, "tools/call", { name: "never" });
    expect(exchange.said).toHaveLength(1);
    expect(exchange.answer.result).toMatchObject({ structuredContent: { tool: "never" } });
  });

  it("is handed over when the patience ends, to the client as it is known by its session", async () => {
    const front = await testFront({ never }, { hold: "1h", clients: [{ name: "hasty", hold: 30 }] });
    const { answer } = await ask(front, "tools/call", { name: "never" }, { clientName: "hasty" });
    expect(answer.result).toMatchObject({ structuredContent: { status: "working", poll_after_seconds: 5 } });
  });

  it("ends with the author's protocol error, after which nothing is resumed", async () => {
    const { said } = await ask(await testFront({ protocolError }), "tools/call", { name: "protocolError" });
    expect(said.slice(1)).toEqual([
      { prime: "end" },
      { error: { code: -32_050, message: "out of quota", data: { left: 0 } } },
    ]);
  });

  it("passes on progress, and heartbeats that rise", async () => {
    const train = {
      handler: async (
        _: unknown,
        task: { progress: (done: number, total: number, text: string) => void },
      ) => {
        task.progress(1, 2, "first");
        await sleep(250);
        return "done";
      },
    };
    const front = await testFront({ train }, { heartbeat: 50 });
    const exchange = await ask(front, "tools/call", { name: "train", _meta: { progressToken: "t" } });
    const reports = exchange.notified("notifications/progress");
    expect(reports[0]).toEqual({ progressToken: "t", progress: 1, total: 2, message: "first" });
    expect(reports.length).toBeGreaterThan(2);
    const counts = reports.map(({ progress }) => Number(progress));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(new Set(counts).size).toBe(counts.length);
  });

  it("sends log messages of the level that the session asked for", async () => {
    const talk = {
      handler: async (
        _: unknown,
        { log }: { log: { info: (m: string) => void; error: (m: string, d: object) => void } },
      ) => {
        log.info("little");
        log.error("much", { at: 3 });
        await sleep(150);
      },
    } as Parameters<typeof testFront>[0][string];
    const front = await testFront({ talk });
    const levels = async (logLevel: string | undefined) =>
      (await ask(front, "tools/call", { name: "talk" }, { logLevel })).notified("notifications/message");
    expect(await levels("info")).toEqual([
      { level: "info", data: "little" },
      { level: "error", data: { message: "much", data: { at: 3 } } },
    ]);
    expect(await levels("warning")).toEqual([{ level: "error", data: { message: "much", data: { at: 3 } } }]);
    expect(await levels(undefined)).toEqual([]);
  });

  it("keeps the stream open where its heartbeats are too quiet for the level that is logged", async () => {
    const front = await testFront({ soon }, { heartbeat: 20 });
    const { said } = await ask(front, "tools/call", { name: "soon" }, { logLevel: "error" });
    expect(said).toContainEqual({ keepAlive: true });
  });
});

describe("the end of a held call by its client", () => {
  it.each([
    ["detaches when the connection closes", undefined, "working"],
    ["detaches when the client's own time is out", "Request timed out", "working"],
    ["cancels when the user does", "User pressed stop", "cancelled"],
  ])("%s", async (_, reason, status) => {
    const service = await testService({ never });
    const front = createV1Front(service);
    const exchange = new FakeExchange("tools/call", { name: "never" });
    const served = front.serve(exchange, session);
    await eventually(() => exchange.primed.length === 1);
    exchange.leave(reason);
    await served;
    expect(exchange.said).toHaveLength(1);
    const [task] = (await service.runtime.store.list({})).tasks;
    expect(task).toMatchObject({ status });
  });

  it("by a message of its own finds the call of its session, and of no other", async () => {
    const service = await testService({ never });
    const front = createV1Front(service);
    const own = { ...session, id: "mine" };
    const exchange = new FakeExchange("tools/call", { name: "never" });
    const served = front.serve(exchange, own);
    await eventually(() => exchange.primed.length === 1);
    await front.cancelled("local", { ...session, id: "another" }, { requestId: 7, reason: undefined });
    await front.cancelled("somebody", own, { requestId: 7, reason: undefined });
    await front.cancelled("local", own, { requestId: "7", reason: undefined });
    await front.cancelled("local", session, { requestId: 7, reason: undefined });
    await sleep(50);
    expect(exchange.said).toHaveLength(1);
    await front.cancelled("local", own, { requestId: 7, reason: "enough" });
    await served;
    expect(exchange.said.slice(1)).toEqual([{ prime: "end" }, { closed: true }]);
    const [task] = (await service.runtime.store.list({})).tasks;
    expect(task).toMatchObject({ status: "cancelled", reason: "enough" });
  });
});

describe("going on with a held call", () => {
  it("answers at once where the task has ended meanwhile", async () => {
    const front = await testFront({ quick });
    const taskId = await start(front, "quick");
    const exchange = new FakeExchange("tools/call", {}, { id: "first" });
    await front.resume(exchange, session, {
      kind: "call",
      taskId: taskId as never,
      since: Date.now(),
      requestId: "first",
      progressToken: undefined,
      heard: [],
    });
    expect(exchange.answer).toEqual({ result: { content: [{ type: "text", text: "done" }] } });
  });

  it("keeps the client's first patience", async () => {
    const front = await testFront({ never }, { hold: "1h" });
    const taskId = await start(front, "never");
    const exchange = new FakeExchange("tools/call", {});
    const since = Date.now() - 3_600_000;
    await front.resume(exchange, session, {
      kind: "call",
      taskId: taskId as never,
      since,
      requestId: 7,
      progressToken: undefined,
      heard: [],
    });
    expect(exchange.answer.result).toMatchObject({ structuredContent: { task_id: taskId } });
  });

  it("finds nothing of another owner", async () => {
    const front = await testFront({ quick });
    const taskId = await start(front, "quick", "somebody");
    const exchange = new FakeExchange("tools/call", {});
    await front.resume(exchange, session, {
      kind: "call",
      taskId: taskId as never,
      since: Date.now(),
      requestId: 7,
      progressToken: undefined,
      heard: [],
    });
    expect(exchange.said).toEqual([
      { prime: "end" },
      { error: { code: -32_602, message: "Task not found" } },
    ]);
  });
});
