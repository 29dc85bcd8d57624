/**
 * One endpoint for both generations: admits a request, reads it once, and gives it to the front whose it is; what no
 * front takes goes to the SDK, which refuses what is to be refused in its own words.
 */
import {
  type AuthInfo,
  classifyInboundRequest,
  createMcpHandler,
  type McpHttpHandler,
  type McpRequestContext,
} from "@modelcontextprotocol/server";
import type { Logger } from "../../engine/logger.ts";
import { internalError } from "../call/internal-error.ts";
import { createSdkServer } from "../sdk-server.ts";
import type { Caller, Service } from "../service.ts";
import { isComposite, namedByComposite, namedByHeaders } from "../session/named-ids.ts";
import { createV1Http, type V1Http } from "../v1/http.ts";
import { createV2Front, type V2Front } from "../v2/front.ts";
import { HttpCheck } from "../v2/http-check.ts";
import { artifactPath, serveArtifact } from "./artifact.ts";
import { type Body, type BodyLimits, readJson } from "./body.ts";
import { HttpExchange, HttpStream } from "./exchange.ts";
import { admit, type GuardSettings } from "./guard.ts";
import { type HttpRequest, type HttpResponder, sendError, sendJson, sendWebResponse } from "./request.ts";

export interface HttpEndpoint {
  readonly logger: Logger;
  /** Answers. Never rejects. */
  serve(request: HttpRequest, responder: HttpResponder): Promise<void>;
  close(): Promise<void>;
}

const methods: readonly string[] = ["GET", "POST", "DELETE"];

/** The principal where nobody is authenticated. */
const localPrincipal = "local";

export function createHttpEndpoint(service: Service, guard: GuardSettings, limits: BodyLimits): HttpEndpoint {
  const { logger } = service.runtime;
  const sdk = createMcpHandler((context) => sdkServerFor(service, context), {
    onerror: (error) => logger.debug({ err: error }, "the SDK refused a request, or failed at it"),
  });
  const v2 = createV2Front(service, { bus: sdk.bus });
  const parts: Parts = {
    service,
    guard,
    limits,
    sdk,
    v2,
    v2Check: new HttpCheck(service, v2),
    v1: createV1Http(service),
  };
  const open = new Set<HttpResponder>();
  let closed = false;
  return {
    logger,
    serve: async (request, responder) => {
      if (closed) return sendError(responder, 503, -32_000, "The server is shutting down");
      open.add(responder);
      try {
        await serve(parts, request, responder);
      } catch (error) {
        fail(parts, request, responder, error);
      } finally {
        open.delete(responder);
      }
    },
    close: async () => {
      closed = true;
      v2.close();
      await sdk.close();
      // Listens end with an answer; calls that are held are cut, and can be taken up at the next start.
      await turns(8);
      for (const responder of open) responder.destroy();
    },
  };
}

/** Nothing of the inside, and nothing at all once an answer has begun. */
function fail({ service }: Parts, { method }: HttpRequest, responder: HttpResponder, error: unknown): void {
  const { logger } = service.runtime;
  if (responder.closed.aborted) return logger.debug({ err: error, method }, "a client left in the middle");
  logger.error({ err: error, method }, "a request could not be served");
  if (responder.begun) responder.destroy();
  else {
    const { code, message } = internalError(error);
    sendError(responder, 500, code, message);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Parts {
  readonly service: Service;
  readonly guard: GuardSettings;
  readonly limits: BodyLimits;
  readonly sdk: McpHttpHandler;
  readonly v2: V2Front;
  readonly v2Check: HttpCheck;
  readonly v1: V1Http;
}

async function serve(parts: Parts, request: HttpRequest, responder: HttpResponder): Promise<void> {
  const { service, guard, limits } = parts;
  const admission = await admit(request, guard, service.runtime.logger);
  if ("status" in admission) {
    sendError(responder, admission.status, -32_000, admission.message, admission.headers);
    return;
  }
  const artifact = artifactPath(request.path);
  if (artifact !== undefined) {
    await serveArtifact(service, artifact, admission.principal ?? localPrincipal, request, responder);
    return;
  }
  if (!methods.includes(request.method)) {
    sendError(responder, 405, -32_000, "Method not allowed.", { allow: methods.join(", ") });
    return;
  }
  const caller = callerOf(service, request, admission.principal);
  const body = request.method === "POST" ? await readJson(request, limits) : undefined;
  if (body?.kind === "too large" || body?.kind === "too deep") {
    const message =
      body.kind === "too large"
        ? `The body is longer than ${limits.maxBodyBytes} bytes`
        : `The body nests deeper than ${limits.maxNesting} levels`;
    sendError(responder, body.kind === "too large" ? 413 : 400, -32_000, message);
    return;
  }
  const exchange: Served = { request, responder, caller, body };
  const taken = body?.kind === "json" ? parts.v2Check.taken(request, body.value) : undefined;
  if (taken !== undefined) await parts.v2.serve(new HttpExchange({ ...exchange, request: taken }));
  else if (isLegacy(request, body))
    await serveV1(parts, { ...exchange, caller: withComposite(service, request, caller) });
  else await serveBySdk(parts.sdk, exchange, {});
}

interface Served {
  readonly request: HttpRequest;
  readonly responder: HttpResponder;
  readonly caller: Caller;
  readonly body: Body | undefined;
}

/** As the SDK routes; what is no JSON it refuses itself. */
function isLegacy(request: HttpRequest, body: Body | undefined): boolean {
  if (body?.kind === "text") return false;
  const protocolVersionHeader = request.header("mcp-protocol-version");
  const route = classifyInboundRequest({
    httpMethod: request.method,
    ...(protocolVersionHeader !== undefined && { protocolVersionHeader }),
    ...(body?.kind === "json" && { body: body.value }),
  });
  return route.kind === "legacy";
}

async function serveV1({ v1, sdk }: Parts, served: Served): Promise<void> {
  const { request, responder, caller, body } = served;
  const asked = { header: (name: string) => request.header(name), caller };
  const route = await (request.method === "POST"
    ? v1.post(asked, body?.kind === "json" ? body.value : undefined)
    : request.method === "DELETE"
      ? v1.delete(asked)
      : v1.get(asked));
  switch (route.to) {
    case "sdk":
      return serveBySdk(sdk, served, route.headers);
    case "exchange":
      return route.serve(
        new HttpExchange({ request: route.request, caller, responder, streamed: route.streamed }),
      );
    case "stream":
      return route.serve(new HttpStream(responder));
    case "answer":
      if (route.error !== undefined) {
        sendJson(responder, route.status, { jsonrpc: "2.0", id: route.id, error: route.error });
      } else {
        responder.head(route.status, {});
        responder.end();
      }
  }
}

async function serveBySdk(
  sdk: McpHttpHandler,
  { request, responder, caller, body }: Served,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = body?.kind === "json" ? { parsedBody: body.value } : {};
  const web = request.toWebRequest(body?.kind === "text" ? body.text : parsed.parsedBody);
  const response = await sdk.fetch(web, { ...parsed, authInfo: authInfoOf(caller) });
  await sendWebResponse(responder, response, response.ok ? headers : {});
}

function callerOf({ settings }: Service, request: HttpRequest, principal: string | undefined): Caller {
  const headers: Record<string, string> = {};
  for (const name of settings.allowedHeaders) {
    const value = request.header(name);
    if (value !== undefined) headers[name] = value;
  }
  const named = namedByHeaders(settings.session.headers, (name) => request.header(name));
  return {
    owner: principal ?? localPrincipal,
    // The guard has let nobody in but from this machine.
    trusted: principal === undefined,
    session: undefined,
    named,
    clientName: undefined,
    headers,
  };
}

/** Only of 2025: the generation after it has no session header. */
function withComposite({ settings }: Service, request: HttpRequest, caller: Caller): Caller {
  const sessionId = settings.session.composite ? request.header("mcp-session-id") : undefined;
  if (sessionId === undefined || !isComposite(sessionId)) return caller;
  return { ...caller, named: { ...namedByComposite(sessionId), ...caller.named } };
}

/** How the SDK carries our caller to the server that it has made. Holds no token: nothing behind the guard needs one. */
function authInfoOf(caller: Caller): AuthInfo {
  return { token: "", clientId: caller.owner, scopes: [], extra: { caller } };
}

function sdkServerFor(service: Service, { era, authInfo }: McpRequestContext) {
  const caller = authInfo?.extra?.["caller"] as Caller;
  return createSdkServer(service, { generation: era === "modern" ? "2026" : "2025", callerOf: () => caller });
}
