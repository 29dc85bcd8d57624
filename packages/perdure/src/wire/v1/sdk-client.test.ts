import { setTimeout as sleep } from "node:timers/promises";
import { CallToolResultSchema, CreateTaskResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../task/errors.ts";
import type { TaskContext } from "../../engine/context.ts";
import type { Service } from "../service.ts";
import { connect, serve } from "./http.fixture.ts";
import { eventually, never, testService, type TestTask } from "./service.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const quick: TestTask = { handler: () => "done" };
const slow: TestTask = { handler: ({ ms = 300 }) => sleep(Number(ms), "done") };
const train: TestTask = {
  handler: async (_, task: TaskContext) => {
    for (let epoch = 1; epoch <= 3; epoch++) {
      task.progress(epoch, 3, `epoch ${epoch}`);
      await sleep(500);
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
  const store = temporaryStore();
  return [await testService(tools, { store }), await testService(tools, { store })];
}

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
      timeout: 1_000,
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
