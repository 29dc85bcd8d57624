/**
 * SDK 1.x with sessions and its tasks in memory, in its faster way of answering (JSON; by default it answers with a
 * stream). A task is created, and nothing runs.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { listening } from "./listening.ts";
import { description, order } from "./order.ts";

const taskStore = new InMemoryTaskStore();
const transports = new Map<string, StreamableHTTPServerTransport>();

function newServer(): McpServer {
  const server = new McpServer(
    { name: "bench", version: "1.0.0" },
    { taskStore, capabilities: { tasks: { requests: { tools: { call: {} } } } } },
  );
  server.experimental.tasks.registerToolTask(
    "background",
    { description, inputSchema: order, execution: { taskSupport: "required" } },
    {
      createTask: async (_input, extra) => ({ task: await extra.taskStore.createTask({}) }),
      getTask: (_input, extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: async (_input, extra) => {
        const { _meta, ...result } = await extra.taskStore.getTaskResult(extra.taskId);
        return { content: [], ..._meta, ...result };
      },
    },
  );
  return server;
}

async function newTransport(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: process.argv[2] !== "streams",
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  await newServer().connect(transport);
  return transport;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = request.headers["mcp-session-id"];
  const transport = typeof session === "string" ? transports.get(session) : await newTransport();
  await transport?.handleRequest(request, response);
}

listening((request, response) => void serve(request, response));
