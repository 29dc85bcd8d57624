/**
 * The 2025 generations over HTTP: sessions as rows, streams that are resumed at any process, cancellations that come
 * in a request of their own. It says what is to be done with a request; `wire/http` does it.
 *
 * The HTTP layer has checked Host, Origin, authentication and limits before, and found the era to be 2025. What is not
 * perfect in a POST is left to the SDK to refuse.
 */
import {
  type InitializeRequest,
  isInitializeRequest,
  isJsonContentType,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/server";
import type { ClientSession } from "../../store/sessions.ts";
import { asObject, type JsonValue } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller, Service } from "../service.ts";
import { isComposite } from "../session/named-ids.ts";
import type { V1Exchange, V1Session, V1Stream } from "./client.ts";
import { endEventId, parseEventId } from "./event-id.ts";
import { createV1Front, type V1Front } from "./front.ts";
import { toLoggingLevel } from "../call/logging.ts";
import { asCancellation, asRequest } from "./request.ts";
import { askedAs, clientNameOf, isSessionId, Sessions } from "./sessions.ts";
import { StandaloneStreams } from "./standalone-streams.ts";

export interface V1HttpRequest {
  /** Of a header, by its lower-case name. */
  header(name: string): string | undefined;
  readonly caller: Caller;
}

/** What is to be done with a request. */
export type V1Route =
  /** `legacyStatelessFallback(factory)(request, { parsedBody })`; a 200 answer is given these headers too. */
  | { readonly to: "sdk"; readonly headers: Readonly<Record<string, string>> }
  /**
   * Make an exchange of `request` and serve it. `streamed`: it was a GET, so the answer is an SSE stream from its
   * first byte on; otherwise JSON, or SSE as soon as something is sent before the answer. `prime` may come more than
   * once, also just before the answer.
   */
  | {
      readonly to: "exchange";
      readonly request: JsonRpcRequest;
      readonly streamed: boolean;
      readonly serve: (exchange: V1Exchange) => Promise<void>;
    }
  /** Open an SSE stream, with its headers sent at once, and serve it until it is gone. */
  | { readonly to: "stream"; readonly serve: (stream: V1Stream) => Promise<void> }
  /** Answer with this status: a JSON-RPC error of `id`, or no body. */
  | {
      readonly to: "answer";
      readonly status: number;
      readonly error?: JsonRpcError;
      readonly id: string | number | null;
    };

export interface V1Http {
  /** @param body parsed: one message, or a batch. A body that is no JSON goes to the SDK without asking here. */
  post(request: V1HttpRequest, body: unknown): Promise<V1Route>;
  get(request: V1HttpRequest): Promise<V1Route>;
  delete(request: V1HttpRequest): Promise<V1Route>;
}

const toSdk: V1Route = { to: "sdk", headers: {} };

export function createV1Http(service: Service): V1Http {
  const parts: Parts = {
    composite: service.settings.session.composite,
    front: createV1Front(service),
    sessions: new Sessions(service.runtime),
    streams: new StandaloneStreams(service.runtime.clock),
  };
  return {
    post: (request, body) => post(parts, request, body),
    get: (request) => get(parts, request),
    delete: (request) => endSession(parts, request),
  };
}

interface Parts {
  readonly composite: boolean;
  readonly front: V1Front;
  readonly sessions: Sessions;
  readonly streams: StandaloneStreams;
}

async function post(parts: Parts, request: V1HttpRequest, body: unknown): Promise<V1Route> {
  if (isInitialize(body)) return initialize(parts, request, body);
  const row = await findSession(parts, request);
  if (row !== undefined && "to" in row) return row;
  if (!isAcceptable(request)) return toSdk;
  const session = sessionOf(parts, request, row);
  const cancellation = asCancellation(body);
  if (cancellation !== undefined) {
    await parts.front.cancelled(request.caller.owner, session, cancellation);
    return { to: "answer", status: 202, id: null };
  }
  const response = parts.front.claimAnswer(body);
  if (response !== undefined) {
    await parts.front.answered(request.caller.owner, session, response);
    return { to: "answer", status: 202, id: null };
  }
  const claimed = parts.front.claim(body, session);
  if (claimed !== undefined) {
    return {
      to: "exchange",
      request: claimed,
      streamed: false,
      serve: (exchange) => parts.front.serve(exchange, session),
    };
  }
  return row === undefined ? toSdk : (setLogLevel(parts, row, body) ?? toSdk);
}

/** The SDK's schema takes 10 µs to find out that another method is another. */
function isInitialize(body: unknown): body is InitializeRequest {
  return asObject(body as JsonValue)?.["method"] === "initialize" && isInitializeRequest(body);
}

/** The SDK answers; the session is ours. */
async function initialize(
  parts: Parts,
  request: V1HttpRequest,
  { params }: InitializeRequest,
): Promise<V1Route> {
  const given = request.header("mcp-session-id");
  if (!isAcceptable(request) || (given !== undefined && !isSessionId(given))) return toSdk;
  const id = await parts.sessions.begin(request.caller.owner, given, params);
  // A client that sets the header itself would send both, as one: "ours, theirs" (SDK 1.x).
  if (given === id && parts.composite && isComposite(id)) return toSdk;
  return { to: "sdk", headers: { "mcp-session-id": id } };
}

function setLogLevel({ sessions }: Parts, row: ClientSession, body: unknown): V1Route | undefined {
  const message = asRequest(body);
  const level = message?.method === "logging/setLevel" ? toLoggingLevel(message.params["level"]) : undefined;
  if (message === undefined || level === undefined) return undefined;
  return {
    to: "exchange",
    request: message,
    streamed: false,
    serve: async (exchange) => {
      await sessions.setLogLevel(row, level);
      exchange.result({});
    },
  };
}

async function get(parts: Parts, request: V1HttpRequest): Promise<V1Route> {
  if (!accepts(request, "text/event-stream"))
    return refuse(406, "Not Acceptable: Client must accept text/event-stream");
  const row = await findSession(parts, request);
  if (row !== undefined && "to" in row) return row;
  if (!speaksKnownVersion(request)) return refuse(400, "Bad Request: Unsupported protocol version");
  const lastEventId = request.header("last-event-id");
  const resumption = lastEventId === undefined ? undefined : parseEventId(lastEventId);
  if (resumption !== undefined) {
    const { kind, requestId, taskId, progressToken } = resumption;
    const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
    const method = kind === "call" ? "tools/call" : "tasks/result";
    return {
      to: "exchange",
      request: { id: requestId, method, params: { taskId, ...meta } },
      streamed: true,
      serve: (exchange) => parts.front.resume(exchange, sessionOf(parts, request, row), resumption),
    };
  }
  // A client without a session has nothing that could be sent to it.
  if (row === undefined || lastEventId === endEventId) return refuse(405, "Method not allowed.");
  const session = sessionOf(parts, request, row);
  return {
    to: "stream",
    serve: (stream) =>
      parts.streams.serve(row, stream, (open) => parts.front.push(row.owner, session, open, lastEventId)),
  };
}

async function endSession(parts: Parts, request: V1HttpRequest): Promise<V1Route> {
  const row = await findSession(parts, request);
  if (row === undefined) return refuse(400, "Bad Request: Mcp-Session-Id header is required");
  if ("to" in row) return row;
  await parts.sessions.end(row);
  parts.streams.close(row);
  return { to: "answer", status: 200, id: null };
}

/** `undefined` for a request without a session; a route where it cannot be served. */
async function findSession(
  { sessions }: Parts,
  request: V1HttpRequest,
): Promise<ClientSession | V1Route | undefined> {
  const id = request.header("mcp-session-id");
  if (id === undefined) return undefined;
  if (!isSessionId(id))
    return refuse(400, "Bad Request: Mcp-Session-Id must be visible ASCII, at most 512 characters");
  const row = await sessions.find({ id, owner: request.caller.owner });
  return row === "ended" ? refuse(404, "Session not found", -32_001) : row;
}

function sessionOf({ streams }: Parts, request: V1HttpRequest, row: ClientSession | undefined): V1Session {
  const stated = request.header("mcp-protocol-version") ?? row?.protocolVersion ?? "";
  return {
    id: row?.id,
    protocolVersion: stated === "" ? undefined : stated,
    clientName: row === undefined ? undefined : clientNameOf(row),
    logLevel: row?.logLevel,
    capabilities: row?.capabilities ?? {},
    askedAs: row === undefined ? undefined : askedAs(row),
    stream: row === undefined ? undefined : streams.of(row),
  };
}

/** As the SDK demands of a POST. */
function isAcceptable(request: V1HttpRequest): boolean {
  return (
    accepts(request, "application/json") &&
    accepts(request, "text/event-stream") &&
    isJsonContentType(request.header("content-type") ?? null) &&
    speaksKnownVersion(request)
  );
}

function accepts(request: V1HttpRequest, mediaType: string): boolean {
  return request.header("accept")?.includes(mediaType) === true;
}

function speaksKnownVersion(request: V1HttpRequest): boolean {
  const version = request.header("mcp-protocol-version");
  return version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(version);
}

function refuse(status: number, message: string, code = -32_000): V1Route {
  return { to: "answer", status, error: { code, message }, id: null };
}
