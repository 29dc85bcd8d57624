/**
 * A server of the official SDK with everything the application serves, by the SDK's public API alone: the plain and
 * generated tools, resources and prompts, and each durable tool as a held call.
 *
 * It answers whatever the front of a generation does not take for its own, so that every request that is not perfect
 * is refused in the SDK's words; and it is what `attach` puts on a server that somebody already has.
 */
import {
  type CallToolResult,
  McpServer,
  ProtocolError as SdkProtocolError,
  SdkError,
  type ServerContext,
  type StandardSchemaWithJSON,
} from "@modelcontextprotocol/server";
import type { ObjectSchema } from "../engine/json-schema.ts";
import { ProtocolError } from "../task/errors.ts";
import type { JsonObject, JsonValue } from "../task/json.ts";
import type { LogLevel } from "../task/record.ts";
import { cancelledByClient, disconnected, type Generation } from "./call/call-end.ts";
import { advertisedOutput } from "./call/hand-over.ts";
import { type CallSink, holdCall, type HeldCall } from "./call/held-call.ts";
import { internalError } from "./call/internal-error.ts";
import { callPlainTool } from "./call/plain-call.ts";
import { protocolError, toolError, type ToolOutcome } from "./call/tool-result.ts";
import { registerArtifacts } from "./artifacts-resource.ts";
import { registerResults } from "./results-resource.ts";
import type { Caller, PlainTool, ServedTask, Service } from "./service.ts";
import { withSession } from "./session/caller-session.ts";
import { generatedPlainTools } from "./tools/generated.ts";

export interface SdkServerOptions {
  /** Whose way of advertising tasks is used; absent: no task is, because nobody stands before the server. */
  readonly generation?: Generation;
  readonly callerOf: (context: ServerContext) => Caller;
}

/** A fresh server: the SDK wants one for each exchange or connection. */
export function createSdkServer(
  service: Service,
  options: SdkServerOptions & { readonly generation: Generation },
): McpServer {
  const capabilities =
    options.generation === "2026"
      ? { extensions: { "io.modelcontextprotocol/tasks": {} } }
      : { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
  const server = service.newServer?.() ?? newServer(service);
  server.server.registerCapabilities({ logging: {}, tools: {}, ...capabilities });
  registerOn(server, service, options);
  for (const register of service.registrations) register(server);
  return server;
}

function newServer({ name, version, instructions }: Service): McpServer {
  return new McpServer(
    { name, version },
    {
      // An application declares its tools before it starts: there is no change to be told of.
      capabilities: { tools: { listChanged: false } },
      ...(instructions !== undefined && { instructions }),
    },
  );
}

/** What of a server is used; one of SDK 1.x is made to look like it, see `attach/`. */
export type ToolServer = Pick<McpServer, "registerTool" | "registerResource">;

/** Puts the tools of the application on a server, before it connects. */
export function registerOn(server: ToolServer, service: Service, options: SdkServerOptions): void {
  for (const task of service.tasks.values()) registerTask(server, service, task, options);
  for (const tool of [...service.plainTools.values(), ...generatedPlainTools(service)]) {
    registerPlain(server, service, tool, options);
  }
  registerResults(server, service, options);
  registerArtifacts(server, service, options);
}

function registerTask(
  server: ToolServer,
  service: Service,
  task: ServedTask,
  options: SdkServerOptions,
): void {
  const output = advertisedOutput(task);
  const registered = server.registerTool(
    task.tool.name,
    {
      description: task.tool.description,
      inputSchema: advertise(task.inputSchema),
      ...(task.title !== undefined && { title: task.title }),
      ...(task.annotations !== undefined && { annotations: task.annotations }),
      ...(output !== undefined && { outputSchema: advertise(output as ObjectSchema) }),
    },
    async (input, context) => {
      const caller = await callerOf(service, options, context);
      const outcome = await held(service, {
        task,
        arguments: input as JsonValue,
        caller,
        sink: sinkOf(context),
        signal: signalOf(context, task),
      });
      return answer(outcome ?? { result: toolError("The call was ended by its client.") });
    },
  );
  // The field is ignored in the config that registerTool takes (SDK 2.4.0). `optional`: SDK 1.x clients refuse
  // plain calls of a tool that says `required`.
  if (options.generation === "2025") {
    registered.execution = { taskSupport: task.start === "task" ? "required" : "optional" };
  }
}

/** @throws SdkProtocolError where the session that the request names is refused */
async function callerOf(
  service: Service,
  options: SdkServerOptions,
  context: ServerContext,
): Promise<Caller> {
  try {
    const meta = context.mcpReq._meta as JsonValue | undefined;
    return await withSession(service, options.callerOf(context), meta);
  } catch (error) {
    if (error instanceof ProtocolError) answer({ error: protocolError(error) });
    throw error;
  }
}

/** What breaks inside is told by a message of its own: the SDK would show the caller what was thrown. */
async function held(service: Service, call: HeldCall): Promise<ToolOutcome | undefined> {
  try {
    return await holdCall(service, call);
  } catch (error) {
    service.runtime.logger.error({ err: error, tool: call.task.tool.name }, "a call failed");
    return { error: internalError(error) };
  }
}

function registerPlain(
  server: ToolServer,
  service: Service,
  tool: PlainTool,
  options: SdkServerOptions,
): void {
  server.registerTool(
    tool.name,
    {
      description: tool.description,
      inputSchema: advertise(tool.inputSchema),
      ...(tool.title !== undefined && { title: tool.title }),
      ...(tool.annotations !== undefined && { annotations: tool.annotations }),
      ...(tool.outputSchema !== undefined && { outputSchema: advertise(tool.outputSchema) }),
    },
    async (input, context) => {
      const outcome = await callPlainTool(service, {
        tool,
        arguments: input as JsonValue,
        caller: await callerOf(service, options, context),
        sink: sinkOf(context),
        signal: context.mcpReq.signal,
      });
      return answer(outcome);
    },
  );
}

/** A schema that is advertised and lets everything through: inputs are checked once, where the task is made. */
export function advertise(schema: ObjectSchema): StandardSchemaWithJSON {
  const jsonSchema = { input: () => ({ ...schema }), output: () => ({ ...schema }) };
  return { "~standard": { version: 1, vendor: "perdure", validate: (value) => ({ value }), jsonSchema } };
}

/**
 * @throws SdkProtocolError where the author wants the request itself to fail. Of it McpServer (SDK 2.4.0) makes a tool
 * error all the same: a front that answers tools itself does better.
 */
function answer(outcome: ToolOutcome): CallToolResult {
  if ("result" in outcome) return outcome.result as unknown as CallToolResult;
  const { code, message, data } = outcome.error;
  throw new SdkProtocolError(code, message, data);
}

function sinkOf(context: ServerContext): CallSink {
  const token = context.mcpReq._meta?.progressToken;
  const send = (notification: Parameters<ServerContext["mcpReq"]["notify"]>[0]): void => {
    // The client may be gone; the call's signal says so.
    context.mcpReq.notify(notification).catch(() => undefined);
  };
  return {
    ...(token !== undefined && {
      progress: (report) =>
        send({ method: "notifications/progress", params: { ...report, progressToken: token } }),
    }),
    log: ({ level, message, data }) => log(context, level, message, data),
    keepAlive: () => undefined,
  };
}

function signalOf({ mcpReq: { signal, envelope } }: ServerContext, task: ServedTask): AbortSignal {
  const generation = envelope === undefined ? "2025" : "2026";
  const end = new AbortController();
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    if (typeof reason === "string") end.abort(cancelledByClient(reason));
    // Of a cancellation without a reason the SDK makes an AbortError; of a closed connection an error of its own. On
    // 2026-07-28 both mean the same.
    else if (generation === "2025" && !(reason instanceof SdkError)) end.abort(cancelledByClient(undefined));
    else end.abort(disconnected(generation, task));
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return end.signal;
}

function log(context: ServerContext, level: LogLevel, message: string, data: JsonValue | undefined): void {
  const payload: JsonObject | string = data === undefined ? message : { message, data };
  // Deprecated with 2026-07-28, and what clients of every generation still show.
  // oxlint-disable-next-line typescript/no-deprecated
  context.mcpReq.log(level, payload).catch(() => undefined);
}
