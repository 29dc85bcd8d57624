import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ProtocolError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import type { PlainContext, Service } from "../service.ts";
import { createV2Front } from "./front.ts";
import { envelope, eventually, FakeExchange, testService } from "./service.fixture.ts";

const serverInfo = { "io.modelcontextprotocol/serverInfo": { name: "test", version: "1.2.3" } };
const unknown = { code: -32_602, message: "Task not found" };
const missing = {
  error: {
    code: -32_021,
    message: "Missing required client capability",
    data: { requiredCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } } },
  },
  status: 400,
};

async function ask(
  service: Service,
  method: string,
  params: JsonObject,
  { owner = "local", tasks = true } = {},
): Promise<FakeExchange> {
  const exchange = new FakeExchange(method, { _meta: envelope({ tasks }), ...params }, owner);
  await createV2Front(service).serve(exchange);
  return exchange;
}

async function start(service: Service, name: string, input: JsonObject = {}): Promise<string> {
  const { answer } = await ask(service, "tools/call", { name, arguments: input });
  expect(answer.result).toMatchObject({ resultType: "task" });
  return taskIdOf(answer);
}

function taskIdOf({ result }: FakeExchange["answer"]): string {
  const taskId = result?.["taskId"];
  if (typeof taskId !== "string") throw new Error(`no task: ${JSON.stringify(result)}`);
  return taskId;
}

async function end(service: Service, taskId: string): Promise<JsonObject> {
  let result: JsonObject = {};
  await eventually(async () => {
    result = (await ask(service, "tasks/get", { taskId })).answer.result ?? {};
    return result["status"] !== "working";
  }, "the end of the task");
  return result;
}

const never = { handler: () => new Promise<never>(() => undefined) };

describe("which messages are ours", () => {
  it.each<[string, string, JsonObject, boolean]>([
    ["a call of a task", "tools/call", { name: "never" }, true],
    ["a call with arguments", "tools/call", { name: "never", arguments: { a: 1 } }, true],
    [
      "a call with the wish of the generation before",
      "tools/call",
      { name: "never", task: { ttl: 1 } },
      true,
    ],
    ["an ordinary tool", "tools/call", { name: "greet" }, true],
    ["a generated tool", "tools/call", { name: "check_task_status" }, true],
    ["an unknown tool", "tools/call", { name: "greets" }, false],
    ["the name of a method of every object", "tools/call", { name: "toString" }, false],
    ["another such name", "tools/call", { name: "__proto__" }, false],
    ["no name", "tools/call", {}, false],
    ["arguments that are a list", "tools/call", { name: "never", arguments: [] }, false],
    ["arguments that are null", "tools/call", { name: "never", arguments: null }, false],
    ["a call that is made again", "tools/call", { name: "never", requestState: "x" }, true],
    ["a call with answers", "tools/call", { name: "greet", inputResponses: {} }, true],
    ["a state that is no text", "tools/call", { name: "greet", requestState: 1 }, false],
    ["tasks/get", "tasks/get", { taskId: "x" }, true],
    ["tasks/update", "tasks/update", { taskId: "x", inputResponses: {} }, true],
    ["tasks/cancel", "tasks/cancel", { taskId: "x" }, true],
    ["tasks/get without an id: the method exists", "tasks/get", {}, true],
    ["tasks/result, of the generation before", "tasks/result", { taskId: "x" }, false],
    ["tasks/list, of the generation before", "tasks/list", {}, false],
    ["a listen for tasks", "subscriptions/listen", { notifications: { taskIds: ["x"] } }, true],
    ["a listen for no tasks", "subscriptions/listen", { notifications: { taskIds: [] } }, true],
    ["a listen for ids that are none", "subscriptions/listen", { notifications: { taskIds: [1] } }, false],
    [
      "a listen for list changes",
      "subscriptions/listen",
      { notifications: { toolsListChanged: true } },
      false,
    ],
    ["a listen for nothing", "subscriptions/listen", {}, false],
    ["tools/list", "tools/list", {}, false],
  ])("%s", async (_, method, params, expected) => {
    const front = createV2Front(await testService({ never }, { plainTools: { greet: () => "hello" } }));
    expect(front.takes({ method, params })).toBe(expected);
  });
});

describe("tools/call that declares the extension", () => {
  it("is a task at once, which is there to be got", async () => {
    const service = await testService({ never });
    const { answer, said } = await ask(service, "tools/call", { name: "never" });
    expect(said).toHaveLength(1);
    expect(answer.result).toEqual({
      resultType: "task",
      taskId: expect.any(String) as string,
      status: "working",
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      lastUpdatedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      ttlMs: null,
      pollIntervalMs: 5_000,
      _meta: serverInfo,
    });
    const got = await ask(service, "tasks/get", { taskId: taskIdOf(answer) });
    expect(got.answer.result).toEqual({ ...answer.result, resultType: "complete" });
  });

  it("is a task for a tool that starts in the background too", async () => {
    const service = await testService({ never: { ...never, options: { start: "background" } } });
    const { answer } = await ask(service, "tools/call", { name: "never" });
    expect(answer.result).toMatchObject({ resultType: "task", status: "working" });
  });

  it("is no task where the input does not fit: a result that a model can read", async () => {
    const input = z.object({ epochs: z.number() });
    const service = await testService({ train: { ...never, options: { input } } });
    const { answer } = await ask(service, "tools/call", { name: "train", arguments: { epochs: "many" } });
    expect(answer.result).toEqual({
      resultType: "complete",
      isError: true,
      content: [{ type: "text", text: expect.stringContaining("epochs") as string }],
      _meta: serverInfo,
    });
  });

  it("is the task that its key names, without an outcome, also where that has one", async () => {
    const options = { idempotencyKey: () => "once" };
    const service = await testService({
      fail: {
        options,
        handler: () => {
          throw new Error("no such dataset");
        },
      },
      refuse: {
        options,
        handler: () => {
          throw new ProtocolError(-32_050, "out of quota");
        },
      },
    });
    for (const [name, status] of [
      ["fail", "completed"],
      ["refuse", "failed"],
    ] as const) {
      const taskId = await start(service, name);
      await end(service, taskId);
      const { answer } = await ask(service, "tools/call", { name });
      expect(answer.result).toMatchObject({ resultType: "task", taskId, status });
      expect(answer.result).not.toHaveProperty("result");
      expect(answer.result).not.toHaveProperty("error");
    }
  });

  it.each<[string, JsonObject]>([
    ["with settings", { "io.modelcontextprotocol/tasks": { list: true } }],
    ["as true", { "io.modelcontextprotocol/tasks": true }],
    ["as null", { "io.modelcontextprotocol/tasks": null }],
    ["by another name", { "io.modelcontextprotocol/task": {} }],
  ])("is held where it is declared %s", async (_, extensions) => {
    const service = await testService({ quick: { handler: () => "done" } });
    const meta = envelope({ "io.modelcontextprotocol/clientCapabilities": { extensions } });
    const { answer } = await ask(service, "tools/call", { name: "quick", _meta: meta });
    expect(answer.result).toMatchObject({ resultType: "complete", content: [{ text: "done" }] });
  });
});

describe("tasks/get", () => {
  it("has the result inside, with a type of its own", async () => {
    const service = await testService({ add: { handler: () => ({ sum: 3 }), options: { ttl: "1h" } } });
    const task = await end(service, await start(service, "add"));
    expect(task).toMatchObject({
      resultType: "complete",
      status: "completed",
      result: { resultType: "complete", structuredContent: { sum: 3 }, content: [{ text: '{"sum":3}' }] },
      _meta: serverInfo,
    });
    expect(task).not.toHaveProperty("error");
    expect(task["ttlMs"]).toBeGreaterThanOrEqual(3_600_000);
    expect(task["ttlMs"]).toBeLessThan(3_610_000);
  });

  it("calls a tool error completed, with the author's message", async () => {
    const service = await testService({
      fail: {
        handler: () => {
          throw new Error("no such dataset");
        },
      },
    });
    const task = await end(service, await start(service, "fail"));
    expect(task).toMatchObject({
      status: "completed",
      statusMessage: "no such dataset",
      result: { isError: true, content: [{ type: "text", text: "no such dataset" }] },
    });
  });

  it("calls a protocol error failed", async () => {
    const service = await testService({
      fail: {
        handler: () => {
          throw new ProtocolError(-32_050, "out of quota", { data: { left: 0 } });
        },
      },
    });
    const task = await end(service, await start(service, "fail"));
    expect(task).toMatchObject({
      status: "failed",
      statusMessage: "out of quota",
      error: { code: -32_050, message: "out of quota", data: { left: 0 } },
    });
    expect(task).not.toHaveProperty("result");
  });

  it("says progress in the status message", async () => {
    const service = await testService({
      train: {
        handler: (_, task) => {
          task.progress(3, 10, "loss 0.214");
          return new Promise<never>(() => undefined);
        },
      },
    });
    const taskId = await start(service, "train");
    let message: unknown;
    await eventually(async () => {
      message = (await ask(service, "tasks/get", { taskId })).answer.result?.["statusMessage"];
      return message !== undefined;
    });
    expect(message).toBe("3/10: loss 0.214");
  });

  it("has no limit in time where the task is kept for ever", async () => {
    const service = await testService({
      quick: { handler: () => "done", options: { ttl: Number.POSITIVE_INFINITY } },
    });
    expect(await end(service, await start(service, "quick"))).toMatchObject({ ttlMs: null });
  });
});

describe("tasks/cancel and tasks/update", () => {
  it("acknowledges, and the task is cancelled", async () => {
    const service = await testService({ never });
    const taskId = await start(service, "never");
    for (const _ of ["open", "ended"]) {
      const { answer } = await ask(service, "tasks/cancel", { taskId });
      expect(answer.result).toEqual({ resultType: "complete", _meta: serverInfo });
    }
    const task = await end(service, taskId);
    expect(task).toMatchObject({ status: "cancelled" });
    expect(task).not.toHaveProperty("result");
  });

  it("acknowledges answers to what nobody asked", async () => {
    const service = await testService({ never });
    const taskId = await start(service, "never");
    const { answer } = await ask(service, "tasks/update", {
      taskId,
      inputResponses: { a: { action: "accept" } },
    });
    expect(answer.result).toEqual({ resultType: "complete", _meta: serverInfo });
  });

  it("refuses an update without answers", async () => {
    const service = await testService({ never });
    const taskId = await start(service, "never");
    const { answer } = await ask(service, "tasks/update", { taskId });
    expect(answer.error).toEqual({ code: -32_602, message: "inputResponses must be an object" });
  });
});

describe.each(["tasks/get", "tasks/update", "tasks/cancel"])("%s", (method) => {
  const more = { inputResponses: {} };

  it("answers the same for a task that never was, has expired, or is another's", async () => {
    const service = await testService({ never, quick: { handler: () => "done", options: { ttl: 100 } } });
    const foreign = await start(service, "never");
    const expired = await start(service, "quick");
    await eventually(
      async () => (await service.runtime.store.get({ taskId: expired as TaskId })) === undefined,
    );
    const answers = [
      await ask(service, method, { taskId: "0".repeat(30), ...more }),
      await ask(service, method, { taskId: expired, ...more }),
      await ask(service, method, { taskId: foreign, ...more }, { owner: "eve" }),
    ].map(({ answer }) => answer);
    for (const answer of answers) expect(answer).toEqual({ error: unknown, status: undefined });
    expect(await service.runtime.store.summary({ taskId: foreign as TaskId })).toMatchObject({
      status: "working",
    });
  });

  it("wants the extension on this very request", async () => {
    const service = await testService({ never });
    const taskId = await start(service, "never");
    const { answer } = await ask(service, method, { taskId, ...more }, { tasks: false });
    expect(answer).toEqual(missing);
  });

  it("refuses an id that is no string", async () => {
    const service = await testService({ never });
    const { answer } = await ask(service, method, { taskId: 7, ...more });
    expect(answer.error).toMatchObject({ code: -32_602 });
  });
});

describe("the held call", () => {
  function call(name: string, meta: JsonObject = {}): FakeExchange {
    return new FakeExchange("tools/call", { name, _meta: envelope(meta) });
  }

  it("is the result", async () => {
    const service = await testService({ quick: { handler: () => "done" } });
    const exchange = call("quick");
    await createV2Front(service).serve(exchange);
    expect(exchange.said).toEqual([
      { result: { resultType: "complete", content: [{ type: "text", text: "done" }], _meta: serverInfo } },
    ]);
  });

  it("is the author's JSON-RPC error, in an ordinary answer", async () => {
    const service = await testService({
      fail: {
        handler: () => {
          throw new ProtocolError(-32_050, "out of quota");
        },
      },
    });
    const exchange = call("fail");
    await createV2Front(service).serve(exchange);
    expect(exchange.answer).toEqual({ error: { code: -32_050, message: "out of quota" }, status: 200 });
  });

  it("passes progress on to the token, rising", async () => {
    const service = await testService({
      count: {
        handler: async (_, task) => {
          for (let i = 1; i <= 3; i++) {
            task.progress(i, 3, `part ${i}`);
            await sleep(250);
          }
          return "done";
        },
      },
    });
    const exchange = call("count", { progressToken: "p" });
    await createV2Front(service).serve(exchange);
    expect(exchange.notified("notifications/progress")).toEqual(
      [1, 2, 3].map((i) => ({ progressToken: "p", progress: i, total: 3, message: `part ${i}` })),
    );
  });

  it("passes on log messages from the level that the request names", async () => {
    const service = await testService({
      talk: {
        handler: async (_, { log }) => {
          log.info("fine");
          log.warning("hot", { degrees: 90 });
          await sleep(50);
          return "done";
        },
      },
    });
    const exchange = call("talk", { "io.modelcontextprotocol/logLevel": "warning" });
    await createV2Front(service).serve(exchange);
    expect(exchange.notified("notifications/message")).toEqual([
      { level: "warning", data: { message: "hot", data: { degrees: 90 } } },
    ]);
  });

  it("says nothing of logs where the request names no level", async () => {
    const service = await testService({
      talk: {
        handler: (_, { log }) => {
          log.error("hot");
          return "done";
        },
      },
    });
    const exchange = call("talk");
    await createV2Front(service).serve(exchange);
    expect(exchange.said).toHaveLength(1);
  });

  it.each<[string, JsonObject, string]>([
    ["progress where there is a token", { progressToken: 1 }, "notifications/progress"],
    [
      "a log message where the client wants them",
      { "io.modelcontextprotocol/logLevel": "info" },
      "notifications/message",
    ],
    ["no more than a comment where neither is", {}, "keepAlive"],
    [
      "a comment where it wants only urgent messages",
      { "io.modelcontextprotocol/logLevel": "error" },
      "keepAlive",
    ],
  ])("shows that it is alive by %s", async (_, meta, expected) => {
    const service = await testService({ never }, { heartbeat: 20 });
    const exchange = call("never", meta);
    const served = createV2Front(service).serve(exchange);
    await eventually(() => exchange.said.length >= 3);
    exchange.leave();
    await served;
    const kinds = new Set(
      exchange.said.map((said) => ("notify" in said ? said.notify : Object.keys(said)[0])),
    );
    expect([...kinds]).toEqual([expected]);
  });

  it("is handed over when the client's patience ends, and the task goes on", async () => {
    const service = await testService({ never }, { hold: 50 });
    const exchange = call("never");
    await createV2Front(service).serve(exchange);
    const structured = exchange.answer.result?.["structuredContent"] as { task_id: TaskId };
    expect(exchange.answer.result).toMatchObject({
      resultType: "complete",
      structuredContent: { status: "working" },
    });
    expect(await service.runtime.store.summary({ taskId: structured.task_id })).toMatchObject({
      status: "working",
    });
  });

  it("is handed over at once by a tool that starts in the background", async () => {
    const service = await testService({ never: { ...never, options: { start: "background" } } });
    const exchange = call("never");
    await createV2Front(service).serve(exchange);
    expect(exchange.answer.result).toMatchObject({ structuredContent: { status: "working" } });
  });

  it("is refused by a tool that is for clients with tasks", async () => {
    const service = await testService({ never: { ...never, options: { start: "task" } } });
    const exchange = call("never");
    await createV2Front(service).serve(exchange);
    expect(exchange.answer).toEqual(missing);
    expect((await service.runtime.store.list({})).tasks).toEqual([]);
    await start(service, "never");
  });

  it.each<[string, "cancel" | "continue", string | undefined, string]>([
    ["closed connection", "cancel", undefined, "cancelled"],
    ["closed connection of a tool that says so", "continue", undefined, "working"],
    ["cancellation", "cancel", "the user does not want it", "cancelled"],
    [
      "cancellation of a tool that outlives its connection",
      "continue",
      "the user does not want it",
      "cancelled",
    ],
    ["time-out of the client's own", "cancel", "Request timed out", "working"],
  ])("%s (onDisconnect: %s)", async (_, onDisconnect, reason, status) => {
    const service = await testService({ never: { ...never, options: { onDisconnect } } });
    const exchange = call("never");
    const served = createV2Front(service).serve(exchange);
    await eventually(async () => (await service.runtime.store.list({})).tasks.length === 1);
    exchange.leave(reason);
    await served;
    expect(exchange.said).toEqual([]);
    const { tasks } = await service.runtime.store.list({});
    expect(tasks).toMatchObject([{ status }]);
  });

  it("is cancelled where its client was gone before it began", async () => {
    const service = await testService({ never });
    const exchange = call("never");
    exchange.leave();
    await createV2Front(service).serve(exchange);
    expect((await service.runtime.store.list({})).tasks).toMatchObject([{ status: "cancelled" }]);
  });

  it("knows the client by the name in its envelope", async () => {
    const service = await testService({ never }, { clients: [{ name: "tester", hold: 30 }] });
    const exchange = call("never");
    await createV2Front(service).serve(exchange);
    expect(exchange.answer.result).toHaveProperty("structuredContent");
  });
});

describe("an ordinary tool", () => {
  async function call(service: Service, name: string, args: JsonObject = {}, meta: JsonObject = {}) {
    const exchange = new FakeExchange("tools/call", { name, arguments: args, _meta: envelope(meta) });
    await createV2Front(service).serve(exchange);
    return exchange;
  }

  it("is answered with its result, with progress and logs as the request wants them", async () => {
    const plainTools = {
      greet: (input: unknown, { progress, log, owner }: PlainContext) => {
        progress(1, 2, "half");
        log.info("greeting");
        return `Hello, ${(input as { name: string }).name} of ${owner}!`;
      },
    };
    const service = await testService({}, { plainTools });
    const meta = { progressToken: 9, "io.modelcontextprotocol/logLevel": "info" };
    const { said } = await call(service, "greet", { name: "Ada" }, meta);
    expect(said).toEqual([
      {
        notify: "notifications/progress",
        params: { progressToken: 9, progress: 1, total: 2, message: "half" },
      },
      { notify: "notifications/message", params: { level: "info", data: "greeting" } },
      {
        result: {
          resultType: "complete",
          content: [{ type: "text", text: "Hello, Ada of local!" }],
          _meta: serverInfo,
        },
      },
    ]);
  });

  it("is no task, whatever the request declares", async () => {
    const service = await testService({}, { plainTools: { greet: () => "hello" } });
    const { answer } = await call(service, "greet", {}, { tasks: true });
    expect(answer.result).toMatchObject({ resultType: "complete" });
  });

  it("ends in a tool error, or in the author's protocol error", async () => {
    const plainTools = {
      fail: () => {
        throw new Error("no such file");
      },
      refuse: () => {
        throw new ProtocolError(-32_050, "out of quota", { data: { left: 0 } });
      },
    };
    const service = await testService({}, { plainTools });
    expect((await call(service, "fail")).answer.result).toMatchObject({
      isError: true,
      content: [{ text: "no such file" }],
    });
    const { answer } = await call(service, "refuse");
    expect(answer.error).toEqual({ code: -32_050, message: "out of quota", data: { left: 0 } });
  });

  it("is a generated one too: the protocol error of a task is one", async () => {
    const service = await testService({
      fail: {
        handler: () => {
          throw new ProtocolError(-32_050, "out of quota");
        },
      },
    });
    const taskId = await start(service, "fail");
    await end(service, taskId);
    const { answer } = await call(service, "get_task_results", { task_id: taskId });
    expect(answer.error).toEqual({ code: -32_050, message: "out of quota" });
  });

  it("says nothing of the store when that breaks", async () => {
    const service = await testService({});
    await service.runtime.store.close();
    const { answer } = await call(service, "list_tasks");
    expect(answer.error).toEqual({
      code: -32_603,
      message: expect.stringMatching(/^[A-Z][a-z ]+$/) as string,
    });
  });

  it("is stopped when its client is gone", async () => {
    let aborted = false;
    const plainTools = {
      wait: (_: unknown, { signal }: PlainContext) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            resolve();
          });
        }),
    };
    const service = await testService({}, { plainTools });
    const exchange = new FakeExchange("tools/call", { name: "wait", _meta: envelope() });
    const served = createV2Front(service).serve(exchange);
    setImmediate(() => exchange.leave());
    await served;
    expect(aborted).toBe(true);
    expect(exchange.said).toEqual([]);
  });
});

it("says nothing of the inside when something breaks", async () => {
  const service = await testService({ never });
  await service.runtime.store.close();
  const { answer } = await ask(service, "tasks/get", { taskId: "x" });
  expect(answer.error).toEqual({ code: -32_603, message: expect.stringMatching(/^[A-Z][a-z ]+$/) as string });
});
