/** Who a request comes from, and transports other than pipes: in one process. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client as Sdk1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as Sdk1Server } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  InMemoryTransport,
  type JSONRPCMessage,
  McpServer as Sdk2Server,
} from "@modelcontextprotocol/server";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { App } from "../../app/app.ts";
import { attach, type AttachOptions } from "../../app/attach.ts";
import { eventually, type Message } from "../stdio/clients.fixture.ts";

function adder(): App {
  const app = testApp({ poll: "50ms" });
  const input = z.object({ a: z.number(), b: z.number() });
  app.task("add", { description: "Adds.", input }, ({ a, b }, task) => {
    task.progress(1, 1);
    return { sum: a + b };
  });
  return app;
}

/** Sends as this principal's verified token, and reads the answer. */
async function connected(options?: AttachOptions) {
  const server = new Sdk2Server({ name: "mine", version: "1.0.0" });
  const attached = await attach(server, adder(), options);
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const messages: Message[] = [];
  Object.assign(ours, { onmessage: (message: JSONRPCMessage) => messages.push(message as Message) });
  await server.connect(attached.transport(theirs));
  await ours.start();
  let ids = 0;
  return async (clientId: string | undefined, method: string, params: object): Promise<Message> => {
    const id = ++ids;
    const authInfo = clientId === undefined ? {} : { authInfo: { token: "t", clientId, scopes: [] } };
    await ours.send({ jsonrpc: "2.0", id, method, params: { ...params } }, authInfo);
    await eventually(() => messages.some((message) => message.id === id));
    return messages.find((message) => message.id === id) ?? {};
  };
}

const call = { name: "add", arguments: { a: 1, b: 2 } };

describe("an authenticated request", () => {
  test("sees the tasks of its principal alone", async () => {
    const ask = await connected({ principal: ({ clientId }) => clientId });
    const { result } = await ask("ada", "tools/call", { ...call, task: {} });
    const { taskId } = (result as { task: { taskId: string } }).task;
    expect(await ask("ada", "tasks/result", { taskId })).toMatchObject({ result: { content: [{}] } });
    expect(await ask("bob", "tasks/get", { taskId })).toMatchObject({ error: { code: -32_602 } });
    expect(await ask(undefined, "tasks/get", { taskId })).toMatchObject({ error: { code: -32_602 } });
    const list = { name: "list_tasks", arguments: {} };
    expect(await ask("bob", "tools/call", list)).toMatchObject({
      result: { structuredContent: { tasks: [] } },
    });
    expect(await ask("ada", "tools/call", list)).toMatchObject({
      result: { structuredContent: { tasks: [{ task_id: taskId }] } },
    });
  });

  test.each([undefined, "", null])(
    "is refused where its principal is %j, and sees nobody's task",
    async (none) => {
      const principal = ({ clientId }: { readonly clientId: string }) =>
        clientId === "ada" ? clientId : (none as unknown as string);
      const ask = await connected({ principal });
      const { result } = await ask("ada", "tools/call", { ...call, task: {} });
      const { taskId } = (result as { task: { taskId: string } }).task;
      expect(await ask("eve", "tasks/get", { taskId })).toMatchObject({ error: { code: -32_603 } });
      const check = { name: "check_task_status", arguments: { task_id: taskId } };
      expect(await ask("eve", "tools/call", check)).toMatchObject({ result: { isError: true } });
      expect(await ask("eve", "tools/call", { name: "list_tasks", arguments: {} })).toMatchObject({
        result: { isError: true },
      });
    },
  );

  test("is refused where nobody said whose it is", async () => {
    const ask = await connected();
    expect(await ask("ada", "tools/call", call)).toMatchObject({ error: { code: -32_603 } });
    expect(await ask("ada", "tools/call", { name: "list_tasks", arguments: {} })).toMatchObject({
      result: { isError: true },
    });
    expect(await ask(undefined, "tools/call", call)).toMatchObject({
      result: { structuredContent: { sum: 3 } },
    });
  });
});

test("a sessionful HTTP transport of SDK 1.x, with our fronts before it", async () => {
  const server = new Sdk1Server({ name: "mine", version: "1.0.0" });
  const attached = await attach(server, adder());
  const http = new StreamableHTTPServerTransport({ sessionIdGenerator: () => "session" });
  await server.connect(attached.transport(http));
  const listener = createServer((request, response) => void http.handleRequest(request, response));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await server.close();
    listener.closeAllConnections();
    listener.close();
  });
  const { port } = listener.address() as AddressInfo;
  const client = new Sdk1Client({ name: "sdk1", version: "0" });
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/`));
  await client.connect(transport);
  onTestFinished(() => client.close());
  const progress: number[] = [];
  const held = await client.callTool(call, CallToolResultSchema, {
    onprogress: (said) => progress.push(said.progress),
  });
  expect(held.structuredContent).toEqual({ sum: 3 });
  expect(progress).toEqual([1]);
  const types = [];
  for await (const message of client.experimental.tasks.callToolStream(call, CallToolResultSchema, {
    task: {},
  })) {
    types.push(message.type);
  }
  expect([types[0], types.at(-1)]).toEqual(["taskCreated", "result"]);
});

test("a server that a function makes is served over HTTP with everything", async () => {
  const app = adder();
  const made: Sdk2Server[] = [];
  const { url } = await app.listen({
    port: 0,
    server: () => {
      const server = new Sdk2Server({ name: "mine", version: "1.0.0" });
      const own = { description: "Mine.", inputSchema: z.object({}) };
      server.registerTool("own", own, () => ({ content: [{ type: "text", text: "own" }] }));
      made.push(server);
      return server;
    },
  });
  const client = new Sdk1Client({ name: "sdk1", version: "0" });
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  onTestFinished(() => client.close());
  expect(client.getServerVersion()).toMatchObject({ name: "mine" });
  expect((await client.callTool({ name: "own", arguments: {} })).content).toMatchObject([{ text: "own" }]);
  expect((await client.callTool(call)).structuredContent).toEqual({ sum: 3 });
  expect(made.length).toBeGreaterThan(0);
});
