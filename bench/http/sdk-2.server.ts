/** SDK v2 as its own documentation serves it on node:http, with a tool that does nothing. */
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { listening } from "./listening.ts";
import { description, order } from "./order.ts";

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "bench", version: "1.0.0" });
  server.registerTool("bench", { description, inputSchema: order }, () => ({
    content: [{ type: "text", text: "done" }],
  }));
  return server;
});
const listener = toNodeHandler(handler);
// Its own type of a request does not fit `exactOptionalPropertyTypes`.
listening((request, response) => void listener(request as Parameters<typeof listener>[0], response));
