/** The generated tools as a client sees them: one of SDK 1.x that has listed the tools, over HTTP. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { App, PerdureOptions } from "../../app/app.ts";
import { ProtocolError } from "../../task/errors.ts";
import { generatedPlainTools } from "./generated.ts";

interface Result {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly text: string; readonly uri: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

async function connected(options: Partial<PerdureOptions> = {}) {
  const app = testApp({ hold: "40ms", ...options });
  const epochs = z.object({ ms: z.number().default(0), fail: z.enum(["tool", "protocol"]).optional() });
  const output = z.object({ waited: z.number(), text: z.string().optional() });
  app.task("train", { description: "Trains.", input: epochs, output }, async ({ ms, fail }, task) => {
    task.progress(1, 2, "half");
    await sleep(ms, undefined, { signal: task.signal });
    if (fail === "tool") throw new Error("no such data set");
    if (fail === "protocol") throw new ProtocolError(-32_050, "out of paper");
    return { waited: ms, ...(ms === 1 && { text: "x".repeat(200_000) }) };
  });
  const { url } = await app.listen({ port: 0 });
  const client = await clientOf(url);
  const call = async (name: string, input: object = {}) =>
    (await client.callTool({ name, arguments: { ...input } })) as unknown as Result;
  return { app, url, client, call };
}

async function clientOf(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  onTestFinished(() => client.close());
  await client.listTools();
  return client;
}

const handedOver = async (
  call: (name: string, input: object) => Promise<Result>,
  input: object = { ms: 400 },
) => String((await call("train", input)).structuredContent?.["task_id"]);

describe("a client that knows only tools, and has listed them", () => {
  it("is told why a task waits whose tool is paused", async () => {
    const { app, call } = await connected();
    await app.pause("train");
    const task_id = await handedOver(call);
    const { content, structuredContent } = await call("check_task_status", { task_id });
    expect(content[0]?.text).toMatch(
      /^train is working\. "train" is paused since .*; it runs when the tool is resumed\. To wait for its end,/,
    );
    expect(structuredContent).toMatchObject({ waiting_for: expect.stringContaining("is paused") as string });
    await app.resume("train");
    const ended = await call("check_task_status", { task_id, wait_seconds: 10 });
    expect(ended.structuredContent).toMatchObject({ status: "completed" });
    expect(ended.structuredContent).not.toHaveProperty("waiting_for");
  });

  it("is handed over, waits, and gets the result", async () => {
    const { call } = await connected();
    const task_id = await handedOver(call);
    const now = await call("check_task_status", { task_id });
    expect(now.content[0]?.text).toBe(
      "train is working. To wait for its end, call check_task_status with wait_seconds 55.",
    );
    expect(now.structuredContent).toMatchObject({
      task_id,
      status: "working",
      progress: { done: 1, total: 2, message: "half" },
      poll_after_seconds: 5,
    });
    expect(await call("get_task_results", { task_id })).toEqual(now);
    const then = await call("check_task_status", { task_id, wait_seconds: 20 });
    expect(then.content[0]?.text).toBe("train is completed. Call get_task_results for the result.");
    expect(await call("get_task_results", { task_id })).toMatchObject({ structuredContent: { waited: 400 } });
    expect((await call("list_tasks")).structuredContent).toMatchObject({
      tasks: [{ task_id, status: "completed" }],
    });
  });

  it("gets results that come in time, and summaries of large ones, whose whole is a resource", async () => {
    const { client, call } = await connected({ hold: "20s" });
    expect(await call("train", { ms: 0 })).toMatchObject({ structuredContent: { waited: 0 } });
    const large = await call("train", { ms: 1 });
    expect(large.structuredContent).toMatchObject({ status: "completed", tool: "train" });
    const { contents } = await client.readResource({ uri: large.content[1]?.uri ?? "" });
    expect(contents[0]).toMatchObject({ mimeType: "application/json" });
    expect(JSON.parse((contents[0] as { text: string }).text)).toHaveProperty("text.length", 200_000);
  });

  it("lists the tasks that others called only when it asks for them", async () => {
    const app = testApp();
    const double = app.task(
      "double",
      { description: "", input: z.object({ n: z.number() }) },
      ({ n }) => n * 2,
    );
    app.task("sum", { description: "", input: z.object({}) }, async (_, task) =>
      task.call(double, { n: 21 }),
    );
    const client = await clientOf((await app.listen({ port: 0 })).url);
    await client.callTool({ name: "sum", arguments: {} });
    const listed = async (input: object): Promise<string[]> => {
      const { structuredContent } = await client.callTool({ name: "list_tasks", arguments: { ...input } });
      return (structuredContent as { tasks: { tool: string }[] }).tasks.map(({ tool }) => tool);
    };
    expect(await listed({})).toEqual(["sum"]);
    expect((await listed({ children: true })).toSorted()).toEqual(["double", "sum"]);
  });

  it("may cancel, once", async () => {
    const { call } = await connected();
    const task_id = await handedOver(call, { ms: 10_000 });
    expect((await call("cancel_task", { task_id, reason: "too dear" })).content[0]?.text).toBe(
      "The task is cancelled.",
    );
    expect((await call("cancel_task", { task_id })).content[0]?.text).toMatch(
      /already ended: it is cancelled/,
    );
    expect((await call("check_task_status", { task_id })).content[0]?.text).toBe(
      "train is cancelled. too dear",
    );
    expect(await call("get_task_results", { task_id })).toMatchObject({
      isError: true,
      content: [{ text: "The task was cancelled: too dear" }],
    });
  });

  it("is told of failures in the author's words", async () => {
    const { call } = await connected();
    const task_id = await handedOver(call, { ms: 100, fail: "tool" });
    const checked = await call("check_task_status", { task_id, wait_seconds: 20 });
    expect(checked.content[0]?.text).toBe("train is failed. no such data set");
    expect(await call("get_task_results", { task_id })).toEqual({
      content: [{ type: "text", text: "no such data set" }],
      isError: true,
    });
  });

  it.each(["check_task_status", "get_task_results", "cancel_task"])(
    "%s of an unknown id is an error that says so",
    async (tool) => {
      const { call } = await connected();
      for (const task_id of ["nothing", "'; DROP TABLE tasks; --", "💥"]) {
        expect(await call(tool, { task_id })).toEqual({
          isError: true,
          content: [
            {
              type: "text",
              text: `There is no task ${task_id}: it never was, it has expired, or it belongs to somebody else.`,
            },
          ],
        });
      }
    },
  );

  it.each([
    ["check_task_status", { task_id: "t", wait_seconds: 56 }, /wait_seconds/],
    ["check_task_status", { task_id: "t", wait_seconds: -1 }, /wait_seconds/],
    ["check_task_status", {}, /task_id/],
    ["get_task_results", { task_id: 7 }, /task_id/],
    ["get_task_results", { task_id: "x".repeat(201) }, /task_id/],
    ["list_tasks", { status: "running" }, /status/],
    ["list_tasks", { cursor: "nonsense" }, /cursor/],
  ])("%s of %j is refused in words", async (tool, input, place) => {
    const { call } = await connected();
    const { isError, content } = await call(tool, input);
    expect(isError).toBe(true);
    expect(content[0]?.text).toMatch(place);
    expect(content[0]?.text).not.toMatch(/[{[\]}\n]/);
  });
});

describe("wait_seconds", () => {
  it("returns at the end of the task, not at its progress, and not before", async () => {
    const { app, call } = await connected();
    const task_id = await handedOver(call, { ms: 600 });
    const began = performance.now();
    expect((await call("check_task_status", { task_id, wait_seconds: 0.1 })).structuredContent).toMatchObject(
      {
        status: "working",
      },
    );
    expect(performance.now() - began).toBeGreaterThan(90);
    expect((await call("check_task_status", { task_id, wait_seconds: 30 })).structuredContent).toMatchObject({
      status: "completed",
    });
    expect(performance.now() - began).toBeLessThan(5_000);
    const { tasks } = await app.tasks.list();
    expect(tasks).toHaveLength(1);
  });
});

describe("what a model reads", () => {
  it("is the same while nothing happens", async () => {
    const { call } = await connected();
    const task_id = await handedOver(call, { ms: 5_000 });
    const first = await call("check_task_status", { task_id });
    await sleep(30);
    expect(await call("check_task_status", { task_id, wait_seconds: 0.05 })).toEqual(first);
    expect(await call("list_tasks")).toEqual(await call("list_tasks"));
  });

  it("is short: all definitions together are under 700 tokens", async () => {
    const app = testApp();
    app.task("ask", { description: "", input: z.object({}), asks: true }, () => null);
    const client = await clientOf((await app.listen({ port: 0 })).url);
    const names = ["check_task_status", "get_task_results", "answer_task", "cancel_task", "list_tasks"];
    const tools = (await client.listTools()).tools.filter(({ name }) => names.includes(name));
    expect(tools.map(({ name }) => name)).toEqual(names);
    // No tokenizer needs a token for less than 3 bytes of such JSON; 4 is usual.
    expect(JSON.stringify(tools).length / 3).toBeLessThan(700);
  });
});

describe("names", () => {
  const namesOf = (tools: PerdureOptions["tools"]): string[] => {
    const app: App = testApp({ ...(tools !== undefined && { tools }) });
    return generatedPlainTools(app.service()).map(({ name }) => name);
  };

  it("are of tools that are made once for all requests", () => {
    const service = testApp().service();
    expect(generatedPlainTools(service)).toBe(generatedPlainTools(service));
  });

  it("are the post's, with a prefix, of one's own, or hidden", () => {
    expect(namesOf({})).toEqual(["check_task_status", "get_task_results", "cancel_task", "list_tasks"]);
    expect(namesOf({ prefix: "ml_", names: { cancel_task: "stop" }, hide: ["list_tasks"] })).toEqual([
      "ml_check_task_status",
      "ml_get_task_results",
      "stop",
    ]);
  });
});

describe("another owner", () => {
  it("sees none of it, the whole of a large result neither", async () => {
    const { url, call } = await connected({
      auth: (request) => request.header("who") ?? "ann",
      hold: "20s",
    });
    const large = await call("train", { ms: 1 });
    const uri = large.content[1]?.uri ?? "";
    const eve = await clientOf(url, { who: "eve" });
    expect(await eve.callTool({ name: "list_tasks" })).toMatchObject({ structuredContent: { tasks: [] } });
    await expect(eve.readResource({ uri })).rejects.toThrow(/not found/i);
    const ann = await clientOf(url, { who: "ann" });
    expect((await ann.readResource({ uri })).contents).toHaveLength(1);
  });
});
