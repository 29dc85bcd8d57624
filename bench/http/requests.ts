/** The requests of the clients that are measured, as the bytes that they send. */
import { newTaskId } from "../../packages/perdure/src/task/id.ts";

const common = {
  host: "127.0.0.1",
  connection: "keep-alive",
  "user-agent": "node",
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
};

export function post(message: object, headers: Readonly<Record<string, string>> = {}): Buffer {
  const body = JSON.stringify(message);
  const head = Object.entries({ ...common, ...headers, "content-length": String(Buffer.byteLength(body)) });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`POST /mcp HTTP/1.1\r\n${lines}\r\n${body}`);
}

type Params = Readonly<Record<string, unknown>>;

/** A request on 2026-07-28, as the SDK's client makes it. */
export function request2026(method: string, params: Params, { tasks }: { readonly tasks: boolean }): Buffer {
  const name = method === "tools/call" ? params["name"] : params["taskId"];
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": tasks
      ? { extensions: { "io.modelcontextprotocol/tasks": {} } }
      : {},
    ...(method === "tools/call" && { progressToken: newTaskId(Date.now()) }),
  };
  return post(
    { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } },
    {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof name === "string" && { "mcp-name": name }),
    },
  );
}

/** A request of a session on 2025-11-25. */
export function request2025(method: string, params: Params, session: string): Buffer {
  return post(
    { jsonrpc: "2.0", id: 1, method, params },
    { "mcp-protocol-version": "2025-11-25", "mcp-session-id": session },
  );
}

export const initialize = post({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1.0.0" },
  },
});

export function initialized(session: string): Buffer {
  return post(
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { "mcp-protocol-version": "2025-11-25", "mcp-session-id": session },
  );
}
