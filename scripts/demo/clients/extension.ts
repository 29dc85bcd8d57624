/** Speaks 2026-07-28 and its tasks extension: the official client with `ext-tasks`. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  createTaskSessionFromClient,
  DispatchError,
  type JsonRpcResponse,
  type RawClientDispatch,
  resultFromTaskOutcome,
  taskViewFromExecutionEvent,
  type TaskEnabledSession,
  type ToolExecution,
} from "@modelcontextprotocol/ext-tasks/client";
import { parseProgress, resultIn } from "../training.ts";
import { type ClientKind, tool } from "./client.ts";

const protocolVersion = "2026-07-28";
const clientInfo = { name: "demo-extension", version: "1.0.0" };

export const extensionClient: ClientKind = {
  label: "tasks extension (2026-07-28)",
  start: async (url, input, report) => {
    const session = await connect(url);
    const startedAt = performance.now();
    const execution = await session.callTool(tool, input, { task: { preference: "require" } });
    if (execution.kind !== "task") throw new Error("The server answered without a task.");
    const answeredMs = performance.now() - startedAt;
    return { taskId: execution.handle.taskId, answeredMs, result: follow(execution, report) };
  },
  resume: async (url, { taskId }, report) => {
    const session = await connect(url);
    if (taskId === undefined) throw new Error("A task of the extension has an id.");
    const endpointId = session.endpointId;
    const reference = { endpointId, generation: "v2", taskId, originalOperation: "tools/call" } as never;
    return follow(await session.resumeTask(reference), report);
  },
};

async function follow(
  execution: ToolExecution<unknown>,
  report: Parameters<ClientKind["start"]>[2],
): Promise<ReturnType<typeof resultIn>> {
  const { outcome } = await execution.settle({
    onEvent: (event) => {
      const progress = parseProgress(taskViewFromExecutionEvent(event)?.statusMessage);
      if (progress !== undefined) report(progress);
    },
  });
  return resultIn(resultFromTaskOutcome(outcome));
}

async function connect(url: string): Promise<TaskEnabledSession> {
  const client = new Client(clientInfo, { versionNegotiation: { mode: { pin: protocolVersion } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return createTaskSessionFromClient(client, {
    endpointId: "demo",
    rawDispatch: dispatchTo(url),
    v2RequestFraming: { protocolVersion, clientInfo, clientCapabilities: {} },
  });
}

/** `ext-tasks` leaves the POST to its host. */
function dispatchTo(url: string): RawClientDispatch {
  let id = 0;
  return async (request, options) => {
    const { method, params } = request as { method: string; params?: { name?: string; taskId?: string } };
    const headers = new Headers(options?.context?.headers);
    headers.set("content-type", "application/json");
    headers.set("accept", "application/json, text/event-stream");
    headers.set("mcp-protocol-version", protocolVersion);
    headers.set("mcp-method", method);
    headers.set("mcp-name", params?.name ?? params?.taskId ?? "");
    const body = JSON.stringify({ ...(request as object), jsonrpc: "2.0", id: ++id });
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      signal: options?.signal ?? null,
    }).catch((cause: unknown) => {
      throw new DispatchError("The server cannot be reached", true, { cause });
    });
    const answer = (await response.json()) as Omit<Result, "kind"> | Omit<Failure, "kind">;
    return "error" in answer
      ? { kind: "error", error: answer.error }
      : { kind: "result", result: answer.result };
  };
}

type Result = Extract<JsonRpcResponse, { readonly kind: "result" }>;
type Failure = Extract<JsonRpcResponse, { readonly kind: "error" }>;
