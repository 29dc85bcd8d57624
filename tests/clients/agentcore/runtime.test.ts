/** MCP clients that are pointed at a runtime: with both SDKs, and by `InvokeAgentRuntime`. */
import { join } from "node:path";
import { InvokeAgentRuntimeCommand } from "@aws-sdk/client-bedrock-agentcore";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Bench, sessionId } from "../../../packages/agentcore-local/src/runtime/runtime.fixture.ts";

const args = [join(import.meta.dirname, "mcp-server.ts")];
const info = { name: "test", version: "1.0.0" };
const sum = { name: "count", arguments: { by: 1 } };
let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start({ protocol: "MCP", args, requestHeaderAllowlist: ["X-Tenant"] });
});

afterAll(() => bench[Symbol.asyncDispose]());

interface Counted {
  readonly calls: number;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
}

function counted(result: Readonly<Record<string, unknown>>): Counted {
  const [block] = result["content"] as readonly { readonly text: string }[];
  return JSON.parse(block?.text ?? "") as Counted;
}

async function connect(at: Bench, headers: Record<string, string> = {}) {
  const client = new Client(info);
  const url = new URL(at.local.runtime("agent").url);
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
  await client.connect(transport);
  return { client, transport };
}

test("a client of SDK 1.x is given a session id, and stays with one process", async () => {
  const { client, transport } = await connect(bench, { "x-tenant": "acme", "x-other": "o" });
  expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  const first = counted(await client.callTool(sum));
  const second = counted(await client.callTool(sum));
  expect(second).toMatchObject({ calls: 2, pid: first.pid });
  expect(first.headers).toMatchObject({ "mcp-session-id": transport.sessionId, "x-tenant": "acme" });
  expect(first.headers).not.toHaveProperty("x-other");
  const another = await connect(bench);
  expect(counted(await another.client.callTool(sum)).pid).not.toBe(first.pid);
  await Promise.all([client.close(), another.client.close()]);
});

test("a client of SDK v2 too", async () => {
  const client = new ClientV2(info);
  await client.connect(new TransportV2(new URL(bench.local.runtime("agent").url)));
  const first = counted(await client.callTool(sum));
  expect(counted(await client.callTool(sum))).toMatchObject({ calls: 2, pid: first.pid });
  await client.close();
});

test("when its process is gone, a session goes on in another, under the same id", async () => {
  const { client, transport } = await connect(bench);
  const { pid } = counted(await client.callTool(sum));
  await bench.stop(transport.sessionId ?? "");
  const after = counted(await client.callTool(sum));
  expect(after).toMatchObject({ calls: 1, headers: { "mcp-session-id": transport.sessionId } });
  expect(after.pid).not.toBe(pid);
  await client.close();
});

test("a server with sessions of its own: its id counts, for the client and for the way to its process", async () => {
  await using own = await Bench.start({ protocol: "MCP", args: [...args, "--stateful"] });
  const { client, transport } = await connect(own);
  const first = counted(await client.callTool(sum));
  expect(counted(await client.callTool(sum))).toMatchObject({ calls: 2, pid: first.pid });
  expect(own.local.sessions()).toHaveLength(1);
  expect(own.local.sessions()[0]?.sessionId).not.toBe(transport.sessionId);
  await own.stop(transport.sessionId ?? "");
  expect(own.local.sessions()).toHaveLength(0);
  await client.close();
});

test("a client's composite session id is taken as it is", async () => {
  const composite = "session-1@@@training-0123456789@@@ann";
  const { client } = await connect(bench, { "mcp-session-id": composite });
  expect(counted(await client.callTool(sum)).headers).toMatchObject({ "mcp-session-id": composite });
  await client.close();
});

test("a client with a bearer token is let in, one without is told that it wants one", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kty: "EC", kid: "k" }] };
  const customJWTAuthorizer = { jwks, issuer: "me", allowedAudience: ["trainer"] };
  await using own = await Bench.start({ protocol: "MCP", args, customJWTAuthorizer });
  const token = new SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "k" }).setIssuer("me");
  const authorization = `Bearer ${await token.setAudience("trainer").sign(privateKey)}`;
  const { client } = await connect(own, { authorization });
  expect(counted(await client.callTool(sum)).headers).not.toHaveProperty("authorization");
  await client.close();
  await expect(connect(own)).rejects.toThrow("A bearer token is wanted");
});

test("InvokeAgentRuntime carries MCP: ids, version, the answer as the server wrote it", async () => {
  const params = { ...sum };
  const { response, ...told } = await bench.client.send(
    new InvokeAgentRuntimeCommand({
      agentRuntimeArn: bench.arn,
      mcpSessionId: sessionId(7),
      mcpProtocolVersion: "2025-06-18",
      contentType: "application/json",
      accept: "application/json, text/event-stream",
      payload: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })),
    }),
  );
  expect(told).toMatchObject({ mcpSessionId: sessionId(7), runtimeSessionId: sessionId(7), statusCode: 200 });
  expect(await response?.transformToString()).toContain('event: message\ndata: {"result"');
});

test("what the server refuses, its client reads; GET and DELETE there are not", async () => {
  const { url } = bench.local.runtime("agent");
  const headers = { "content-type": "application/json", accept: "application/json" };
  const refused = await fetch(url, { method: "POST", headers, body: "{}" });
  expect(refused.status).toBe(406);
  expect(await refused.json()).toMatchObject({
    jsonrpc: "2.0",
    error: { message: expect.stringContaining("Not Acceptable") as string },
  });
  for (const method of ["GET", "DELETE"]) expect((await fetch(url, { method })).status).toBe(405);
});
