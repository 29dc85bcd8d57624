/** An MCP server under a runtime: stateless, as the platform wants it, or with sessions of its own (`--stateful`). */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

const isStateful = process.argv.includes("--stateful");
let calls = 0;

function makeServer(): McpServer {
  const server = new McpServer({ name: "counter", version: "1.0.0" });
  server.registerTool(
    "count",
    { description: "Counts", inputSchema: { by: z.int() } },
    ({ by }, { requestInfo }) => {
      calls += by;
      const headers = requestInfo?.headers;
      return { content: [{ type: "text", text: JSON.stringify({ calls, pid: process.pid, headers }) }] };
    },
  );
  server.registerTool("hang", { description: "Never answers" }, () => new Promise(() => undefined));
  return server;
}

const sessions = new Map<string, StreamableHTTPServerTransport>();

async function transportFor(id: string | undefined): Promise<StreamableHTTPServerTransport> {
  const known = id === undefined ? undefined : sessions.get(id);
  if (known !== undefined) return known;
  const transport = new StreamableHTTPServerTransport(
    isStateful
      ? { sessionIdGenerator: randomUUID, onsessioninitialized: (made) => void sessions.set(made, transport) }
      : {},
  );
  await makeServer().connect(transport);
  return transport;
}

createServer((request, response) => {
  if (request.url !== "/mcp") return void response.writeHead(404).end();
  const id = request.headers["mcp-session-id"];
  void transportFor(typeof id === "string" ? id : undefined)
    .then((transport) => transport.handleRequest(request, response))
    .catch(() => response.destroy());
}).listen(Number(process.env["PORT"]), process.env["HOST"]);
