import { type ClientRequest, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { TaskId } from "../../task/id.ts";
import type { Service } from "../service.ts";
import { type RawRequest, rpc, send, serveOurs } from "./http.fixture.ts";
import { eventually, testService } from "./service.fixture.ts";

const never = { handler: () => new Promise<never>(() => undefined) };
const count = {
  handler: async (_: unknown, task: { progress(done: number, total: number): void }) => {
    for (let i = 1; i <= 4; i++) {
      task.progress(i, 4);
      await sleep(120);
    }
    return { counted: 4 };
  },
};

interface Opened {
  readonly request: ClientRequest;
  readonly text: () => string;
  readonly ended: () => boolean;
}

/** Sends, and keeps what comes as text; the connection stays open. */
function open(url: string, { headers, body }: RawRequest): Opened {
  const request = httpRequest(url, { method: "POST", agent: false });
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) request.setHeader(name, value);
  let text = "";
  let ended = false;
  request.on("error", () => undefined);
  request.on("response", (response) => {
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (text += chunk));
    response.on("end", () => (ended = true));
    response.on("error", () => undefined);
  });
  request.end(JSON.stringify(body));
  onTestFinished(() => void request.destroy());
  return { request, text: () => text, ended: () => ended };
}

async function statusOf(service: Service, taskId: TaskId): Promise<string | undefined> {
  return (await service.runtime.store.summary({ taskId }))?.status;
}

describe("over HTTP", () => {
  it("answers with JSON what needs no stream", async () => {
    const url = await serveOurs(await testService({ quick: { handler: () => "done" } }));
    const response = await send(url, rpc("tools/call", { name: "quick" }, { tasks: false, id: "one" }));
    expect(response).toMatchObject({
      status: 200,
      type: "application/json",
      messages: [{ jsonrpc: "2.0", id: "one", result: { resultType: "complete" } }],
    });
  });

  it("answers -32021 with 400", async () => {
    const url = await serveOurs(await testService({ never }));
    const response = await send(url, rpc("tasks/get", { taskId: "0" }, { tasks: false }));
    expect(response).toMatchObject({ status: 400, messages: [{ id: 1, error: { code: -32_021 } }] });
  });

  it("streams a listen, and ends it with the task", async () => {
    const service = await testService({ count });
    const url = await serveOurs(service);
    const { task } = await service.runtime.submit({ tool: "count", input: {}, owner: "local" });
    const notifications = { taskIds: [task.id] };
    const { type, messages } = await send(url, rpc("subscriptions/listen", { notifications }));
    expect(type).toBe("text/event-stream");
    expect(messages.at(0)).toMatchObject({ method: "notifications/subscriptions/acknowledged" });
    expect(messages.at(-2)).toMatchObject({ method: "notifications/tasks", params: { status: "completed" } });
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { resultType: "complete" } });
  });

  it("takes a closed stream for a cancellation: before its first byte, and after", async () => {
    const service = await testService({ never }, { heartbeat: 50 });
    const url = await serveOurs(service);
    for (const bytes of [0, 1]) {
      const call = open(url, rpc("tools/call", { name: "never", arguments: { bytes } }, { tasks: false }));
      let taskId: TaskId | undefined;
      await eventually(async () => {
        [taskId] = (await service.runtime.store.list({ status: "working" })).tasks.map(({ id }) => id);
        return taskId !== undefined && call.text().length >= bytes;
      });
      call.request.destroy();
      await eventually(async () => (await statusOf(service, taskId as TaskId)) === "cancelled");
      expect(await statusOf(service, taskId as TaskId)).toBe("cancelled");
    }
  });

  it("keeps 1,000 listens open, beside which others are answered, and ends them all", async () => {
    const service = await testService({ never });
    const url = await serveOurs(service);
    const { task } = await service.runtime.submit({ tool: "never", input: {}, owner: "local" });
    const request = rpc("subscriptions/listen", { notifications: { taskIds: [task.id] } });
    const listens: Opened[] = [];
    for (let i = 0; i < 1_000; i++) {
      listens.push(open(url, request));
      if (i % 100 === 0) await sleep(1);
    }
    await eventually(
      () => listens.every(({ text }) => text().includes("notifications/tasks")),
      "all streams",
    );
    expect(await send(url, rpc("tasks/get", { taskId: task.id }))).toMatchObject({ status: 200 });
    await service.runtime.store.cancel({ taskId: task.id });
    await eventually(() => listens.every(({ ended }) => ended()), "the end of all streams");
    expect(listens.every(({ text }) => text().includes('"status":"cancelled"'))).toBe(true);
  }, 30_000);
});

describe("the SDK's own client", () => {
  async function connect(url: string): Promise<Client> {
    const client = new Client(
      { name: "sdk", version: "2.4.0" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    onTestFinished(() => client.close());
    await client.listTools();
    return client;
  }

  it("waits for a result, with progress", async () => {
    const client = await connect(await serveOurs(await testService({ count })));
    const progress: number[] = [];
    const result = await client.callTool(
      { name: "count", arguments: {} },
      { onprogress: (report) => void progress.push(report.progress) },
    );
    expect(result).toMatchObject({ structuredContent: { counted: 4 } });
    expect(progress).toEqual([1, 2, 3, 4]);
  });

  it("takes the hand-over of a tool with an output schema", async () => {
    const output = z.object({ counted: z.number() });
    const service = await testService({ never: { ...never, options: { output } } }, { hold: 50 });
    const client = await connect(await serveOurs(service));
    const result = await client.callTool({ name: "never", arguments: {} });
    expect(result).toMatchObject({ structuredContent: { status: "working", tool: "never" } });
  });

  it("cancels the task by aborting its call", async () => {
    const service = await testService({ never });
    const client = await connect(await serveOurs(service));
    const abort = new AbortController();
    const call = client.callTool({ name: "never", arguments: {} }, { signal: abort.signal });
    await eventually(async () => (await service.runtime.store.list({})).tasks.length === 1);
    abort.abort("enough");
    await expect(call).rejects.toThrow(/enough/);
    await eventually(
      async () => (await service.runtime.store.list({ status: "cancelled" })).tasks.length === 1,
    );
    expect((await service.runtime.store.list({})).tasks).toMatchObject([{ status: "cancelled" }]);
  });
});
