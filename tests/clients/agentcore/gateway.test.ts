/** MCP clients behind a gateway, with both SDKs; and its 5 minutes. */
import { join } from "node:path";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ManualClock } from "../../../packages/agentcore-local/src/clock.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../../../packages/agentcore-local/src/index.ts";

const info = { name: "test", version: "1.0.0" };
const clock = new ManualClock();
let local: AgentCoreLocal;

beforeAll(async () => {
  const args = [join(import.meta.dirname, "mcp-server.ts")];
  const target = { name: "tools", runtime: "counter", requestHeaderAllowlist: ["X-Tenant"] };
  local = await startAgentCoreLocal({
    clock,
    runtimes: [
      {
        name: "counter",
        protocol: "MCP",
        command: process.execPath,
        args,
        requestHeaderAllowlist: ["X-Tenant"],
      },
    ],
    gateways: [{ name: "front", target }],
  });
});

afterAll(() => local.close());

async function connect(headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client(info, { capabilities: { tasks: {} } });
  const url = new URL(local.gateway("front"));
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return client;
}

test("tools are named after their target, and called by that name", async () => {
  const client = await connect({ "x-tenant": "acme" });
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["tools___count", "tools___hang"]);
  const called = await client.callTool({ name: "tools___count", arguments: { by: 2 } });
  expect(JSON.stringify(called)).toContain('\\"calls\\":2');
  expect(JSON.stringify(called)).toContain('\\"x-tenant\\":\\"acme\\"');
  await expect(client.callTool({ name: "count", arguments: { by: 2 } })).rejects.toThrow(
    "Unknown tool: count",
  );
  await expect(client.experimental.tasks.listTasks()).rejects.toThrow("does not");
  await client.close();
});

test("a client of SDK v2 too", async () => {
  const client = new ClientV2(info);
  await client.connect(new TransportV2(new URL(local.gateway("front"))));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("tools___count");
  const called = await client.callTool({ name: "tools___count", arguments: { by: 1 } });
  expect(JSON.stringify(called)).toContain('\\"calls\\":1');
  await client.close();
});

test("after 5 minutes a call is cut, and the next one served", async () => {
  const client = await connect();
  await client.callTool({ name: "tools___count", arguments: { by: 1 } });
  await vi.waitFor(() => expect(local.sessions().length).toBeGreaterThan(0), 5_000);
  const waiting = clock.waiting;
  const cut = client.callTool({ name: "tools___hang", arguments: {} }).catch((error: unknown) => error);
  // The gateway's and the runtime's own limit are running.
  await vi.waitFor(() => expect(clock.waiting).toBe(waiting + 2), 5_000);
  clock.advance(5 * 60_000);
  expect(String(await cut)).toContain("limit of 5 minutes");
  const called = await client.callTool({ name: "tools___count", arguments: { by: 1 } });
  expect(JSON.stringify(called)).toContain('\\"calls\\":2');
  await client.close();
});

test("a gateway that there is not, and a target that is down, are said", async () => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const post = (url: string) => fetch(url, { method: "POST", headers, body });
  expect((await post(`${local.url}/gateways/none/mcp`)).status).toBe(404);
  await using down = await startAgentCoreLocal({
    gateways: [{ name: "front", target: { name: "tools", url: "http://127.0.0.1:1/mcp" } }],
  });
  const answer = await post(down.gateway("front"));
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ id: 1, error: { code: -32603 } });
});
