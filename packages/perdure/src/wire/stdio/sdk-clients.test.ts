/** The official clients, each over a real server process. */
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, test } from "vitest";
import { eventually, sdk1Client, sdk2Client, trainer } from "./clients.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const quick = { name: "train", arguments: { epochs: 2, epochMs: 20 } };

describe("@modelcontextprotocol/sdk 1.32, without tasks", () => {
  test("calls, sees progress, and its output schemas fit", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    await client.listTools();
    const done: number[] = [];
    const result = await client.callTool(quick, CallToolResultSchema, {
      onprogress: ({ progress }) => done.push(progress),
      resetTimeoutOnProgress: true,
    });
    expect(result.structuredContent).toMatchObject({ epochs: 2, runs: 1 });
    // The second comes with the result, and the client may take that first.
    expect([[1], [1, 2]]).toContainEqual(done);
    const handOver = await client.callTool({ name: "slow", arguments: {} });
    expect(handOver.structuredContent).toMatchObject({ status: "working", tool: "slow" });
  });

  test("heartbeats keep a client that counts from the last progress", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const result = await client.callTool(
      { name: "train", arguments: { epochs: 1, epochMs: 2_500 } },
      CallToolResultSchema,
      { onprogress: () => undefined, resetTimeoutOnProgress: true, timeout: 1_500 },
    );
    expect(result.structuredContent).toMatchObject({ epochs: 1 });
  });

  test("its own time-out detaches, and the same call again joins the running task", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const call = { name: "train", arguments: { epochs: 20, epochMs: 80 } };
    await expect(client.callTool(call, CallToolResultSchema, { timeout: 500 })).rejects.toThrow("timed out");
    const result = await client.callTool(call, CallToolResultSchema, { timeout: 10_000 });
    expect(result.structuredContent).toMatchObject({ epochs: 20, runs: 1 });
    const list = await client.callTool({ name: "list_tasks", arguments: {} });
    expect(list.structuredContent).toMatchObject({ tasks: [{ status: "completed" }] });
  });

  test("an aborted call cancels the task", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const abort = new AbortController();
    const call = client.callTool(
      { name: "train", arguments: { epochs: 500, epochMs: 20 } },
      CallToolResultSchema,
      { signal: abort.signal },
    );
    const tasks = async (): Promise<object> => client.callTool({ name: "list_tasks", arguments: {} });
    await eventually(async () => JSON.stringify(await tasks()).includes("working"));
    abort.abort("not wanted");
    await expect(call).rejects.toThrow("not wanted");
    await eventually(async () => JSON.stringify(await tasks()).includes("cancelled"));
  });

  test("errors of the tool and of the protocol", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const result = await client.callTool({ name: "fail", arguments: { protocol: false } });
    expect(result).toMatchObject({ isError: true, content: [{ text: "no such data set" }] });
    await expect(client.callTool({ name: "fail", arguments: { protocol: true } })).rejects.toMatchObject({
      code: -32_050,
    });
  });
});

describe("@modelcontextprotocol/sdk 1.32, with its tasks", () => {
  test("stream, get, list, and the result again", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    await client.listTools();
    const seen: string[] = [];
    let taskId = "";
    let result: unknown;
    for await (const message of client.experimental.tasks.callToolStream(quick, CallToolResultSchema)) {
      seen.push(message.type);
      if (message.type === "taskCreated") ({ taskId } = message.task);
      if (message.type === "result") result = message.result.structuredContent;
    }
    expect(result).toMatchObject({ epochs: 2 });
    expect(seen[0]).toBe("taskCreated");
    expect(seen.at(-1)).toBe("result");
    expect(await client.experimental.tasks.getTask(taskId)).toMatchObject({ taskId, status: "completed" });
    expect((await client.experimental.tasks.listTasks()).tasks).toMatchObject([{ taskId }]);
    const again = await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    expect(again.structuredContent).toMatchObject({ epochs: 2 });
  });

  test("cancel, and a task that is unknown", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const stream = client.experimental.tasks.callToolStream(
      { name: "train", arguments: { epochs: 500, epochMs: 20 } },
      CallToolResultSchema,
      { task: {} },
    );
    const first = (await stream.next()).value;
    const taskId = first?.type === "taskCreated" ? first.task.taskId : "";
    expect(await client.experimental.tasks.cancelTask(taskId)).toMatchObject({ status: "cancelled" });
    await expect(client.experimental.tasks.cancelTask(taskId)).rejects.toMatchObject({ code: -32_602 });
    await expect(client.experimental.tasks.getTask("unknown")).rejects.toMatchObject({ code: -32_602 });
  });

  test("a tool error is a failed task, whose message says why", async () => {
    const { client } = await sdk1Client([trainer, temporaryStore()]);
    const failed = { name: "fail", arguments: { protocol: false } };
    const messages = [];
    for await (const message of client.experimental.tasks.callToolStream(failed, CallToolResultSchema, {
      task: {},
    })) {
      messages.push(message);
    }
    const { tasks } = await client.experimental.tasks.listTasks();
    expect(tasks).toMatchObject([{ status: "failed", statusMessage: "no such data set" }]);
    expect(messages.at(-1)).toMatchObject({ type: "error" });
  });
});

describe("@modelcontextprotocol/client 2.4", () => {
  test.each(["legacy", "auto"] as const)("without tasks (%s): a held call with progress", async (mode) => {
    const { client } = await sdk2Client([trainer, temporaryStore()], mode);
    expect(client.getProtocolEra()).toBe(mode === "auto" ? "modern" : "legacy");
    await client.listTools();
    const done: number[] = [];
    const result = await client.callTool(quick, {
      onprogress: ({ progress }) => void (progress >= 1 && done.push(progress)), // before that, heartbeats
    });
    expect(result.structuredContent).toMatchObject({ epochs: 2, runs: 1 });
    // The second comes with the result, and the client may take that first.
    expect([[1], [1, 2]]).toContainEqual(done);
    expect(await client.callTool({ name: "shout", arguments: { text: "hey" } })).toMatchObject({
      structuredContent: { text: "HEY" },
    });
  });

  test("ext-tasks on 2025-11-25", async () => {
    const { client } = await sdk2Client([trainer, temporaryStore()], "legacy");
    await using session = createTaskSessionFromClient(client, { endpointId: "trainer" });
    const execution = await session.callTool("train", quick.arguments);
    expect(resultFromTaskOutcome((await execution.settle()).outcome)).toMatchObject({
      structuredContent: { epochs: 2 },
    });
  });

  test("ext-tasks on 2026-07-28: success, tool error, protocol error, cancel", async () => {
    const { client, rawDispatch } = await sdk2Client([trainer, temporaryStore()], "auto");
    await using session = createTaskSessionFromClient(client, {
      endpointId: "trainer",
      rawDispatch,
      v2RequestFraming: {
        protocolVersion: "2026-07-28",
        clientInfo: { name: "sdk2", version: "0" },
        clientCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } },
      },
    });
    const run = async (name: string, input: Readonly<Record<string, number | boolean>>) =>
      (await session.callTool(name, input)).settle();
    expect(resultFromTaskOutcome((await run("train", quick.arguments)).outcome)).toMatchObject({
      structuredContent: { epochs: 2 },
    });
    expect(resultFromTaskOutcome((await run("fail", { protocol: false })).outcome)).toMatchObject({
      isError: true,
      content: [{ text: "no such data set" }],
    });
    const { outcome } = await run("fail", { protocol: true });
    expect(JSON.stringify(outcome)).toContain("out of paper");
    const long = await session.callTool("train", { epochs: 500, epochMs: 20 });
    await long.cancel();
    expect(JSON.stringify((await long.settle()).outcome)).toContain("cancelled");
  });
});
