/** Before servers that answer as not all do. What clients of MCP have of a gateway: `tests/clients/agentcore`. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startAgentCoreLocal } from "../local.ts";

async function ask(method: string, target: RequestListener): Promise<Response> {
  const server = createServer(target).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const local = await startAgentCoreLocal({ gateways: [{ name: "front", target: { name: "t", url } }] });
  onTestFinished(() => local.close());
  return fetch(local.gateway("front"), {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
  });
}

test("tools are renamed in an event stream whose lines end with CR LF, as Python's servers have it", async () => {
  const result = { tools: [{ name: "train", description: "a\u2028b" }] };
  const answer = await ask("tools/list", (_, response) => {
    response.setHeader("content-type", "text/event-stream");
    response.end(`event: message\r\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: 1, result })}\r\n\r\n`);
  });
  const [, data = ""] = /^data: (.*)$/ms.exec((await answer.text()).trimEnd()) ?? [];
  expect(JSON.parse(data)).toMatchObject({ result: { tools: [{ name: "t___train" }] } });
});

test("what the target refuses goes through as it is", async () => {
  const answer = await ask("initialize", (_, response) => {
    response.writeHead(401, { "content-type": "text/plain" }).end("who are you?");
  });
  expect([answer.status, await answer.text()]).toEqual([401, "who are you?"]);
});
