import { setTimeout as sleep } from "node:timers/promises";
import { CallToolResultSchema, CreateTaskResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it } from "vitest";
import { temporaryFile } from "../../app/app.fixture.ts";
import { ProtocolError } from "../../task/errors.ts";
import type { TaskContext } from "../../engine/context.ts";
import type { Service } from "../service.ts";
import { answerOf, connect, post, serve } from "./http.fixture.ts";
import { eventually, never, testService, type TestTask } from "./service.fixture.ts";

const quick: TestTask = { handler: () => "done" };
const slow: TestTask = { handler: ({ ms = 300 }) => sleep(Number(ms), "done") };
const train: TestTask = {
  handler: async (_, task: TaskContext) => {
    for (let epoch = 1; epoch <= 3; epoch++) {
      task.progress(epoch, 3, `epoch ${epoch}`);
      await sleep(150);
    }
    return { accuracy: 0.9 };
  },
};
const fail: TestTask = {
  handler: async () => {
    await sleep(50);
    throw new Error("no such dataset");
  },
};
const refuse: TestTask = {
  handler: async () => {
    await sleep(100);
    throw new ProtocolError(-32_050, "out of quota");
  },
};
const tools = { quick, slow, train, fail, refuse, never };
const text = (words: string) => [{ type: "text", text: words }];

/** Two processes over one record. */
async function two(): Promise<Service[]> {
  const store = `sqlite:${temporaryFile()}`;
  return [await testService(tools, { store }), await testService(tools, { store })];
}

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "by hand", version: "1" },
  },
};
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

describe.each([
  ["one server", async () => [await testService(tools)]],
  ["two servers on one record, in turn", two],
])("a client of SDK 1.x at %s", (_, services) => {
  it("has its tasks by tasks/*", async () => {
    const { url } = await serve(...(await services()));
    const client = await connect(url);
    await client.listTools();
    const said: string[] = [];
    let taskId = "";
    const stream = client.experimental.tasks.callToolStream(
      { name: "slow", arguments: {} },
      CallToolResultSchema,
      {
        task: { ttl: 60_000 },
      },
    );
    for await (const message of stream) {
      said.push(message.type);
      if (message.type === "taskCreated") taskId = message.task.taskId;
      if (message.type === "taskStatus" && message.task.status === "working") break;
    }
    expect(said).toEqual(["taskCreated", "taskStatus"]);
    const result = await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    expect(result).toMatchObject({
      content: text("done"),
      _meta: { "io.modelcontextprotocol/related-task": { taskId } },
    });
    expect(await client.experimental.tasks.getTask(taskId)).toMatchObject({ status: "completed" });
    expect((await client.experimental.tasks.listTasks()).tasks).toMatchObject([{ taskId }]);
    await expect(client.experimental.tasks.cancelTask(taskId)).rejects.toMatchObject({ code: -32_602 });
  });

  it("cancels a task", async () => {
    const { url } = await serve(...(await services()));
    const client = await connect(url);
    const created = await client.request(
      { method: "tools/call", params: { name: "never", task: {} } },
      CreateTaskResultSchema,
    );
    const { taskId } = created.task;
    expect(await client.experimental.tasks.cancelTask(taskId)).toMatchObject({ taskId, status: "cancelled" });
  });

  it("holds a plain call with progress that outlasts its own time-out", async () => {
    const { url } = await serve(...(await services()));
    const client = await connect(url);
    await client.listTools();
    const reports: unknown[] = [];
    const result = await client.callTool({ name: "train", arguments: {} }, undefined, {
      timeout: 400,
      resetTimeoutOnProgress: true,
      onprogress: (report) => void reports.push(report),
    });
    expect(result).toMatchObject({ structuredContent: { accuracy: 0.9 } });
    expect(reports).toContainEqual({ progress: 2, total: 3, message: "epoch 2" });
  });

  it("gets a tool error as a result and a protocol error as an error, and asks no more", async () => {
    const { url, seen } = await serve(...(await services()));
    const client = await connect(url);
    expect(await client.callTool({ name: "fail" })).toMatchObject({
      isError: true,
      content: text("no such dataset"),
    });
    await expect(client.callTool({ name: "refuse" })).rejects.toMatchObject({ code: -32_050 });
    await sleep(300);
    const asked = seen.length;
    await sleep(300);
    expect(seen).toHaveLength(asked);
  });

  it("gets its result after its connections were cut", async () => {
    const { url, cut, seen } = await serve(...(await services()));
    const client = await connect(url);
    await eventually(() => seen.some((request) => request.startsWith("GET")));
    const held = client.callTool({ name: "slow", arguments: { ms: 1_000 } });
    await sleep(300);
    cut();
    await sleep(200);
    cut();
    expect(await held).toMatchObject({ content: text("done") });
  });

  it("gets the result of tasks/result after its connections were cut", async () => {
    const { url, cut } = await serve(...(await services()));
    const client = await connect(url);
    const stream = client.experimental.tasks.callToolStream(
      { name: "slow", arguments: { ms: 1_000 } },
      CallToolResultSchema,
      { task: {} },
    );
    const { value: created } = await stream.next();
    const taskId = created?.type === "taskCreated" ? created.task.taskId : "";
    const waiting = client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    await sleep(300);
    cut();
    expect(await waiting).toMatchObject({ content: text("done") });
  });

  it("rejoins after its own time-out: one task, whose result the second call gets", async () => {
    const [first, ...more] = await services();
    if (first === undefined) throw new Error("no service");
    const { url } = await serve(first, ...more);
    const client = await connect(url);
    const call = { name: "slow", arguments: { ms: 2_000 } };
    await expect(client.callTool(call, undefined, { timeout: 1_000 })).rejects.toMatchObject({
      code: -32_001,
    });
    await sleep(50);
    expect(await client.callTool(call)).toMatchObject({ content: text("done") });
    expect((await first.runtime.store.list({})).tasks).toHaveLength(1);
  });

  it("cancels the task of a held call", async () => {
    const [first, ...more] = await services();
    if (first === undefined) throw new Error("no service");
    const { url } = await serve(first, ...more);
    const client = await connect(url);
    const stop = new AbortController();
    const held = client.callTool({ name: "never" }, undefined, { signal: stop.signal });
    await sleep(500);
    stop.abort("the user pressed stop");
    await expect(held).rejects.toThrow("the user pressed stop");
    await eventually(async () => (await first.runtime.store.list({})).tasks[0]?.status === "cancelled");
    expect((await first.runtime.store.list({})).tasks[0]).toMatchObject({ reason: "the user pressed stop" });
  });

  it("finds nothing of another principal", async () => {
    const { url } = await serve(...(await services()));
    const [ann, bob] = [await connect(url, { as: "ann" }), await connect(url, { as: "bob" })];
    const stream = ann.experimental.tasks.callToolStream({ name: "never" }, CallToolResultSchema, {
      task: {},
    });
    const { value: created } = await stream.next();
    const taskId = created?.type === "taskCreated" ? created.task.taskId : "";
    await expect(bob.experimental.tasks.getTask(taskId)).rejects.toMatchObject({ code: -32_602 });
    await expect(bob.experimental.tasks.cancelTask(taskId)).rejects.toMatchObject({ code: -32_602 });
    expect((await bob.experimental.tasks.listTasks()).tasks).toEqual([]);
    expect(await ann.experimental.tasks.getTask(taskId)).toMatchObject({ status: "working" });
  });

  it("keeps the level of its log messages", async () => {
    const { url } = await serve(...(await services()));
    const client = await connect(url);
    const levels = async (): Promise<void> => void (await client.setLoggingLevel("warning"));
    await expect(levels()).resolves.toBeUndefined();
  });
});

describe("a session", () => {
  it("begins with initialize, which is answered by the SDK", async () => {
    const service = await testService(tools);
    const { url } = await serve(service);
    const response = await post(url, initialize);
    const id = response.headers.get("mcp-session-id") ?? "";
    expect(id).toMatch(/^[\w-]{16,}$/);
    expect(await answerOf(response)).toMatchObject({
      result: { protocolVersion: "2025-11-25", capabilities: { tasks: { list: {}, cancel: {} } } },
    });
    expect(await service.runtime.store.sessions.get({ id, owner: "local" })).toMatchObject({
      protocolVersion: "2025-11-25",
      clientInfo: { name: "by hand", version: "1" },
    });
  });

  it.each(["made-by-a-platform", "session@@@memory@@@actor", "7e0ad0b9-22a2-4c57-a5b5-0a3f3a5c5c4e"])(
    "that was never seen is taken as it is: %s",
    async (id) => {
      const { url } = await serve(await testService(tools));
      const headers = { "mcp-session-id": id };
      const call = { ...ping, method: "tools/call", params: { name: "quick" } };
      expect(await answerOf(await post(url, call, headers))).toMatchObject({
        result: { content: text("done") },
      });
      expect(await answerOf(await post(url, ping, headers))).toMatchObject({ result: {} });
      const begun = await post(url, initialize, headers);
      expect(begun.headers.get("mcp-session-id")).toBe(id);
    },
  );

  it.each(["known", "adopted"])("that was ended stays ended, at every process: %s", async (kind) => {
    const { url } = await serve(...(await two()));
    const id = kind === "adopted" ? "a" : ((await post(url, initialize)).headers.get("mcp-session-id") ?? "");
    const headers = { "mcp-session-id": id };
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(200);
    for (let turn = 0; turn < 2; turn++) {
      const refused = await post(url, ping, headers);
      expect(refused.status).toBe(404);
      expect(await refused.json()).toMatchObject({ error: { code: -32_001 } });
      expect((await fetch(url, { method: "DELETE", headers })).status).toBe(404);
      const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
      expect(stream.status).toBe(404);
    }
    const again = await post(url, initialize, headers);
    expect(again.status).toBe(200);
    expect(again.headers.get("mcp-session-id")).not.toBe(id);
  });

  it("ends its stream with it", async () => {
    const { url } = await serve(await testService(tools));
    const headers = { "mcp-session-id": "a" };
    const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
    expect(stream.status).toBe(200);
    await fetch(url, { method: "DELETE", headers });
    expect(await stream.text()).toContain(":");
  });

  it("is not needed by a client that has none", async () => {
    const { url } = await serve(await testService(tools));
    const call = { ...ping, method: "tools/call", params: { name: "quick" } };
    expect(await answerOf(await post(url, call))).toMatchObject({ result: { content: text("done") } });
    expect((await fetch(url, { headers: { accept: "text/event-stream" } })).status).toBe(405);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(400);
  });

  it.each(["a b", "ü", "x".repeat(600)])("cannot be called %j", async (id) => {
    const { url } = await serve(await testService(tools));
    expect((await post(url, ping, { "mcp-session-id": id })).status).toBe(400);
  });
});

describe("what is not ours or not perfect", () => {
  const call = { ...ping, method: "tools/call", params: { name: "quick" } };
  it.each<[string, Record<string, string>, number]>([
    ["that accepts no streams", { accept: "application/json" }, 406],
    ["of a version that nobody speaks", { "mcp-protocol-version": "2024-01-01" }, 400],
    ["that is no JSON", { "content-type": "text/plain" }, 415],
  ])("a request %s is refused by the SDK", async (_, headers, status) => {
    const { url } = await serve(await testService(tools));
    expect((await post(url, call, headers)).status).toBe(status);
  });

  it("an unknown tool is refused by the SDK", async () => {
    const { url } = await serve(await testService(tools));
    const answer = await answerOf(await post(url, { ...call, params: { name: "nothing" } }));
    expect(JSON.stringify(answer)).toContain("nothing");
  });

  it("a batch with a durable tool is answered by the SDK's server", async () => {
    const { url } = await serve(await testService(tools));
    const answer = await answerOf(await post(url, [call], { "mcp-protocol-version": "2025-03-26" }));
    expect(answer).toMatchObject({ result: { content: text("done") } });
  });
});

describe("resumption by hand", () => {
  it("answers with the original id, at another process", async () => {
    const { url } = await serve(...(await two()));
    const headers = { "mcp-session-id": "a", "mcp-protocol-version": "2025-11-25" };
    const call = {
      ...ping,
      id: "öne.two",
      method: "tools/call",
      params: { name: "slow", arguments: { ms: 600 } },
    };
    const cut = new AbortController();
    const first = await fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(call),
      signal: cut.signal,
    });
    const reader = first.body?.getReader();
    const firstChunk = (await reader?.read()) as { readonly value: Uint8Array } | undefined;
    const eventId = /^id: (.*)$/m.exec(new TextDecoder().decode(firstChunk?.value))?.[1] ?? "";
    cut.abort();
    const resumed = await fetch(url, {
      headers: { ...headers, accept: "text/event-stream", "last-event-id": eventId },
    });
    expect(await answerOf(resumed)).toMatchObject({ id: "öne.two", result: { content: text("done") } });
  });

  it("of what was answered ends the matter", async () => {
    const { url } = await serve(await testService(tools));
    const headers = { "mcp-session-id": "a", accept: "text/event-stream", "last-event-id": "end" };
    expect((await fetch(url, { headers })).status).toBe(405);
  });

  it("under an id that was made elsewhere is a stream like any other", async () => {
    const { url } = await serve(await testService(tools));
    const stop = new AbortController();
    const headers = { "mcp-session-id": "a", accept: "text/event-stream", "last-event-id": "17_42" };
    expect((await fetch(url, { headers, signal: stop.signal })).status).toBe(200);
    stop.abort();
  });
});
