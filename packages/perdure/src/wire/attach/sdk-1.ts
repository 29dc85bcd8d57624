/**
 * A server of SDK 1.x behind what is used of one of SDK v2. It wants schemas of zod, gives its handlers another
 * context, and closes a connection with the same signal as a cancellation without a reason.
 */
import { type AuthInfo, SdkError, SdkErrorCode, type ServerContext } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { JsonValue } from "../../task/json.ts";
import type { ToolServer } from "../sdk-server.ts";

/** What is used of `McpServer` of `@modelcontextprotocol/sdk`. */
export interface Sdk1Server {
  registerTool(name: string, config: object, handler: (input: unknown, extra: Sdk1Extra) => unknown): unknown;
  registerResource(
    name: string,
    template: unknown,
    config: object,
    read: (uri: URL, variables: Readonly<Record<string, string>>, extra: Sdk1Extra) => unknown,
  ): unknown;
  isConnected(): boolean;
  readonly server: {
    sendLoggingMessage(message: { level: string; data: unknown }, sessionId?: string): Promise<void>;
  };
}

/** `RequestHandlerExtra` */
export interface Sdk1Extra {
  readonly signal: AbortSignal;
  readonly requestId: string | number;
  readonly sessionId?: string;
  readonly _meta?: Readonly<Record<string, unknown>>;
  readonly authInfo?: AuthInfo;
  /** Absent where no HTTP is. */
  readonly requestInfo?: {
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  };
  readonly sendNotification: ServerContext["mcpReq"]["notify"];
}

export function likeSdk2(server: Sdk1Server): ToolServer {
  const registerTool = (
    name: string,
    { inputSchema, outputSchema, ...config }: ToolConfig,
    handler: (input: unknown, context: ServerContext) => unknown,
  ): unknown =>
    server.registerTool(
      name,
      {
        ...config,
        inputSchema: zodSchema(inputSchema, "input"),
        ...(outputSchema !== undefined && { outputSchema: zodSchema(outputSchema, "output") }),
      },
      (input, extra) => handler(input, contextOf(server, extra)),
    );
  const registerResource = (
    name: string,
    template: unknown,
    config: object,
    read: (uri: URL, variables: Readonly<Record<string, string>>, context: ServerContext) => unknown,
  ): unknown =>
    server.registerResource(name, template, config, (uri, variables, extra) =>
      read(uri, variables, contextOf(server, extra)),
    );
  return { registerTool, registerResource } as unknown as ToolServer;
}

interface ToolConfig {
  readonly inputSchema: Advertised;
  readonly outputSchema?: Advertised;
}

/** As `advertise` makes them. */
interface Advertised {
  readonly "~standard": {
    readonly jsonSchema: Readonly<Record<"input" | "output", () => Record<string, JsonValue>>>;
  };
}

/** One that lets every object through, and is listed as the JSON Schema that it stands for. */
function zodSchema(schema: Advertised, side: "input" | "output"): z.ZodType {
  const listed = z.looseObject({});
  // Zod's own hook for this (4.x), whichever copy of zod the SDK reads the schema with.
  // oxlint-disable-next-line no-underscore-dangle
  listed._zod.toJSONSchema = () => schema["~standard"].jsonSchema[side]();
  return listed;
}

/** What our handlers read of a context. */
function contextOf(server: Sdk1Server, extra: Sdk1Extra): ServerContext {
  const { requestId, sessionId, _meta, authInfo, requestInfo, sendNotification } = extra;
  return {
    sessionId,
    mcpReq: {
      id: requestId,
      method: "tools/call",
      _meta,
      signal: signalOf(server, extra.signal),
      notify: sendNotification,
      log: (level: string, data: unknown) => server.server.sendLoggingMessage({ level, data }, sessionId),
    },
    // Where there is a request, only its headers are read.
    http: {
      authInfo,
      ...(requestInfo !== undefined && { req: { headers: headersOf(requestInfo.headers) } }),
    },
  } as unknown as ServerContext;
}

function headersOf(given: Readonly<Record<string, string | readonly string[] | undefined>>): Headers {
  return new Headers(
    Object.entries(given).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

/** Aborted with a string for a cancellation, and otherwise because the connection closed. */
function signalOf(server: Sdk1Server, signal: AbortSignal): AbortSignal {
  const end = new AbortController();
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    if (typeof reason === "string") end.abort(reason);
    else if (server.isConnected()) end.abort("the client cancelled the request");
    else end.abort(new SdkError(SdkErrorCode.ConnectionClosed, "the connection was closed"));
  };
  // The server is still connected while it aborts because it closes.
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", () => queueMicrotask(onAbort), { once: true });
  return end.signal;
}
