/** Durable tools on servers of both generations of the SDK, each a process of its own. */
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  eventually,
  type Program,
  RawClient,
  sdk1Client,
  sdk2Client,
  taskIdOf,
} from "../stdio/clients.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const program = fileURLToPath(new URL("server.fixture.ts", import.meta.url));
const quick = { name: "train", arguments: { epochs: 2, epochMs: 20 } };

function server(sdk: string, way: "plain" | "fronted" | "factory", record = temporaryStore()): Program {
  return [program, sdk, way, record];
}

describe.each(["sdk1", "sdk2"])("%s, by public API alone", (sdk) => {
  test("its own tools and ours, side by side", async () => {
    const { client } = await sdk1Client(server(sdk, "plain"));
    expect(client.getServerVersion()).toMatchObject({ name: "mine", version: "3.2.1" });
    expect(client.getServerCapabilities()?.tasks).toBeUndefined();
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual([
      "cancel_task",
      "check_task_status",
      "fail",
      "get_task_results",
      "list_tasks",
      "own",
      "slow",
      "train",
    ]);
    expect(tools.find(({ name }) => name === "train")).toMatchObject({
      inputSchema: {
        type: "object",
        properties: { epochs: { type: "integer" } },
        required: ["epochs", "epochMs"],
      },
      outputSchema: { type: "object", anyOf: [{ required: ["epochs", "runs"] }, {}, {}] },
    });
    expect(tools.find(({ name }) => name === "train")?.execution?.taskSupport ?? "forbidden").toBe(
      "forbidden",
    );
    expect(await client.callTool({ name: "own", arguments: { text: "hey" } })).toMatchObject({
      content: [{ text: "own: hey" }],
    });
  });

  test("a held call with progress, log messages, and heartbeats", async () => {
    const raw = new RawClient(server(sdk, "plain"));
    await raw.initialize();
    await raw.ask("logging/setLevel", { level: "info" });
    const { result } = await raw.ask("tools/call", {
      name: "train",
      arguments: { epochs: 2, epochMs: 500 },
      _meta: { progressToken: "p" },
    });
    expect(result).toMatchObject({ structuredContent: { epochs: 2, runs: 1 } });
    const progress = raw.notifications("notifications/progress").map((said) => Number(said["progress"]));
    expect(progress.filter((done) => Number.isInteger(done))).toEqual([1, 2]);
    expect(progress.length).toBeGreaterThan(2);
    expect(raw.notifications("notifications/message")).toMatchObject([
      { level: "info", data: "epoch 1 is done" },
      { level: "info", data: "epoch 2 is done" },
    ]);
  });

  test("hand-over, and the generated tools", async () => {
    const { client } = await sdk1Client(server(sdk, "plain"));
    await client.listTools();
    const handOver = await client.callTool({ name: "slow", arguments: {} });
    const { task_id } = handOver.structuredContent as { task_id: string };
    expect(handOver).toMatchObject({ structuredContent: { status: "working", tool: "slow" } });
    expect(await client.callTool({ name: "cancel_task", arguments: { task_id } })).toMatchObject({
      structuredContent: { status: "cancelled" },
    });
    expect(
      await client.callTool({ name: "check_task_status", arguments: { task_id: "unknown" } }),
    ).toMatchObject({
      isError: true,
    });
    expect(await client.callTool({ name: "train", arguments: { epochs: "many" } })).toMatchObject({
      isError: true,
    });
    expect(await client.callTool({ name: "fail", arguments: { protocol: false } })).toMatchObject({
      isError: true,
      content: [{ text: "no such data set" }],
    });
  });

  test("a cancelled call cancels; the client's own time-out detaches, and an equal call joins", async () => {
    const { client } = await sdk1Client(server(sdk, "plain"));
    const statuses = async (): Promise<string[]> => {
      const { structuredContent } = await client.callTool({ name: "list_tasks", arguments: {} });
      return (structuredContent as { tasks: { status: string }[] }).tasks.map(({ status }) => status);
    };
    const abort = new AbortController();
    const call = client.callTool(
      { name: "train", arguments: { epochs: 500, epochMs: 20 } },
      CallToolResultSchema,
      { signal: abort.signal },
    );
    await eventually(async () => (await statuses()).includes("working"));
    abort.abort("not wanted");
    await expect(call).rejects.toThrow("not wanted");
    await eventually(async () => (await statuses()).includes("cancelled"));

    const long = { name: "train", arguments: { epochs: 20, epochMs: 60 } };
    await expect(client.callTool(long, CallToolResultSchema, { timeout: 400 })).rejects.toThrow("timed out");
    const { structuredContent } = await client.callTool(long);
    expect(structuredContent).toEqual({ epochs: 20, runs: 1 });
    expect(await statuses()).toEqual(["completed", "cancelled"]);
  });
});

describe.each(["sdk1", "sdk2"])("%s, with our fronts before its transport", (sdk) => {
  test("tasks of 2025-11-25", async () => {
    const { client } = await sdk1Client(server(sdk, "fronted"));
    const { tools } = await client.listTools();
    expect(tools.find(({ name }) => name === "train")?.execution?.taskSupport).toBe("optional");
    const types = [];
    for await (const message of client.experimental.tasks.callToolStream(quick, CallToolResultSchema)) {
      types.push(message.type);
    }
    expect([types[0], types.at(-1)]).toEqual(["taskCreated", "result"]);
    expect((await client.experimental.tasks.listTasks()).tasks).toMatchObject([{ status: "completed" }]);
    expect(await client.callTool({ name: "own", arguments: { text: "hey" } })).toMatchObject({
      content: [{ text: "own: hey" }],
    });
    expect((await client.callTool(quick)).structuredContent).toEqual({ epochs: 2, runs: 1 });
  });

  test("a protocol error is one", async () => {
    const { client } = await sdk1Client(server(sdk, "fronted"));
    await expect(client.callTool({ name: "fail", arguments: { protocol: true } })).rejects.toMatchObject({
      code: -32_050,
    });
  });

  test("killed while a task runs, and started again", async () => {
    const record = temporaryStore();
    const first = new RawClient(server(sdk, "fronted", record));
    await first.initialize();
    const call = { name: "train", arguments: { epochs: 30, epochMs: 30 }, task: {} };
    const taskId = taskIdOf(await first.ask("tools/call", call));
    first.child.kill("SIGKILL");
    await first.ended();
    const second = new RawClient(server(sdk, "fronted", record));
    await second.initialize();
    expect((await second.ask("tasks/result", { taskId }, 10_000)).result).toMatchObject({
      structuredContent: { epochs: 30, runs: 2 },
    });
  });
});

test("the end of standard input closes the application, where attach made the transport", async () => {
  const raw = new RawClient(server("sdk1", "fronted"));
  await raw.initialize();
  await raw.ask("tools/call", { name: "train", arguments: { epochs: 500, epochMs: 20 }, task: {} });
  raw.child.stdin.end();
  expect(await raw.ended()).toBe(0);
  expect(raw.errors).toBe("");
});

describe("sdk2, made by a function", () => {
  test.each(["legacy", "auto"] as const)("everything of both generations (%s)", async (mode) => {
    const { client, rawDispatch } = await sdk2Client(server("sdk2", "factory"), mode);
    expect(client.getServerVersion()).toMatchObject({ name: "mine", version: "3.2.1" });
    expect(await client.callTool({ name: "own", arguments: { text: "hey" } })).toMatchObject({
      content: [{ text: "own: hey" }],
    });
    expect((await client.callTool(quick)).structuredContent).toEqual({ epochs: 2, runs: 1 });
    await using session = createTaskSessionFromClient(client, {
      endpointId: "mine",
      ...(mode === "auto" && {
        rawDispatch,
        v2RequestFraming: {
          protocolVersion: "2026-07-28",
          clientInfo: { name: "sdk2", version: "0" },
          clientCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } },
        },
      }),
    });
    const { outcome } = await (await session.callTool("train", { epochs: 3, epochMs: 20 })).settle();
    expect(resultFromTaskOutcome(outcome)).toMatchObject({ structuredContent: { epochs: 3 } });
  });
});
