/**
 * An invocation: from the caller to the process of its session, and its answer back, both as they come. What the program
 * hears of the caller is the payload, the ids of the session and of the trace, and the headers that the runtime lists.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import { passOn, pickHeaders, tooLarge } from "../http/pass-on.ts";
import type { Request } from "../http/two-protocols.ts";
import type { Answer } from "../operation.ts";
import { ServiceError, validationError } from "../service-error.ts";
import { allowedHeaders, headerOf } from "./allow-list.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { Runtime } from "./runtime.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

const sessionHeader = "x-amzn-bedrock-agentcore-runtime-session-id";
const mcpSessionHeader = "mcp-session-id";

const traceHeaders = ["x-amzn-trace-id", "traceparent", "tracestate", "baggage"];
const requestHeaders = new Set([
  "content-type",
  "content-length",
  "accept",
  "x-amzn-bedrock-agentcore-runtime-user-id",
  ...traceHeaders,
]);
const mcpRequestHeaders = new Set(["mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id"]);
const answerHeaders = new Set(["content-type", "mcp-protocol-version", ...traceHeaders]);

export interface Invocation {
  readonly runtime: Runtime;
  readonly qualifier: string;
  readonly request: Request;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

export interface InvocationSetting {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
}

/** @throws ServiceError */
export async function invoke(setting: InvocationSetting, invocation: Invocation): Promise<Answer> {
  const { sessions, limits } = setting;
  const { runtime, qualifier, request } = invocation;
  const { definition } = runtime;
  const id = sessionIdOf(runtime, request);
  const listed = allowedHeaders(request, definition.requestHeaderAllowlist);
  if (Number(headerOf(request, "content-length") ?? 0) > limits.payloadBytes)
    throw tooLarge(limits.payloadBytes);
  const session = sessions.open(runtime, qualifier, id);
  const headers = {
    ...listed,
    ...pickHeaders(request, (name) => requestHeaders.has(name)),
    ...(runtime.isMcp && pickHeaders(request, (name) => mcpRequestHeaders.has(name))),
    [sessionHeader]: session.id,
    ...(runtime.isMcp && { [mcpSessionHeader]: id }),
  };
  const answer = await exchange(setting, invocation, session, headers);
  const status = answer.statusCode ?? 500;
  // What an MCP server refuses is part of the protocol: its clients read the status, and the error in the body.
  if (status >= (runtime.isMcp ? 500 : 300)) {
    answer.resume();
    throw new ServiceError(
      "RuntimeClientError",
      `Received error (${status}) from runtime. Please check your CloudWatch logs for more information.`,
    );
  }
  const own = answer.headers[mcpSessionHeader];
  if (typeof own === "string" && own !== id) sessions.alias(session, qualifier, own);
  return {
    status,
    headers: {
      ...pickHeaders(answer, (name) => answerHeaders.has(name)),
      [sessionHeader]: session.id,
      ...(runtime.isMcp && { [mcpSessionHeader]: typeof own === "string" ? own : id }),
    },
    stream: answer,
  };
}

/** Runs until the answer is through; the limits end it before or in the middle. */
async function exchange(
  { clock, limits }: InvocationSetting,
  { runtime, request, signal }: Invocation,
  session: Session,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const leave = session.occupy();
  const late = new AbortController();
  const lateAfter = (ms: number) => clock.after(ms, () => late.abort(timedOut(ms)));
  let timer = lateAfter(limits.requestMs);
  const startedAt = clock.now();
  const over = (): void => {
    timer.cancel();
    leave();
  };
  try {
    const { port } = await session.program;
    const answer = await passOn({
      url: new URL(`http://127.0.0.1:${port}${runtime.isMcp ? "/mcp" : "/invocations"}`),
      headers,
      body: request,
      maxBodyBytes: limits.payloadBytes,
      signal: AbortSignal.any([signal, session.ending, late.signal]),
      onClose: over,
    });
    if (!runtime.isMcp && answer.headers["content-type"]?.startsWith("text/event-stream") === true) {
      timer.cancel();
      timer = lateAfter(startedAt + limits.streamMs - clock.now());
    }
    return answer;
  } catch (error) {
    over();
    if (error instanceof ServiceError) throw error;
    const refused = new ServiceError(
      "RuntimeClientError",
      "The program closed the connection without an answer.",
    );
    refused.cause = error;
    throw refused;
  }
}

/**
 * MCP's own header leads to the session, whatever its form; the runtime's has the length of the service's model. Without
 * either, the platform makes one.
 */
function sessionIdOf(runtime: Runtime, request: Request): string {
  const mcp = runtime.isMcp ? headerOf(request, mcpSessionHeader) : undefined;
  const id = mcp ?? headerOf(request, sessionHeader);
  if (id === undefined) return randomUUID();
  const [rule, limit] = id.length > 256 ? ["less", 256] : ["greater", 33];
  if (id.length > 256 || (id.length < 33 && mcp === undefined))
    throw validationError(
      `1 validation error detected: Value at 'runtimeSessionId' failed to satisfy constraint: ` +
        `Member must have length ${rule} than or equal to ${limit}`,
    );
  return id;
}

function timedOut(ms: number): ServiceError {
  const minutes = Math.round(ms / 60_000);
  return new ServiceError(
    "GatewayTimeoutException",
    `The runtime did not finish its answer in ${minutes} minutes.`,
  );
}
