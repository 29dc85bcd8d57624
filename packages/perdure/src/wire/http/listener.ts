/** A node:http server with limits, on one path. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { PerdureError } from "../../task/errors.ts";
import type { HttpEndpoint } from "./endpoint.ts";
import { nodeRequest, nodeResponder } from "./node.ts";
import { sendError } from "./request.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The only path that is answered. */
  readonly path: string;
  readonly maxConnections: number;
  /** A request must arrive within this time; how long its answer takes is nobody's limit. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** What `GET /ping` is answered with, whoever asks; absent: nothing is there. */
  readonly ping?: (() => Ping) | undefined;
  /** What `GET /ready` says: 200, or 503 while this process cannot serve. To anybody: those who ask have no token. */
  readonly readiness?: () => Promise<{ readonly ready: boolean }>;
}

/** The health check of AgentCore Runtime's contract. */
export interface Ping {
  readonly status: "Healthy" | "HealthyBusy";
  /** Whole seconds since 1970. */
  readonly time_of_last_update: number;
}

export interface Listening {
  /** Where clients connect to: `http://127.0.0.1:8000/mcp`. */
  readonly url: string;
  readonly port: number;
  /** Refuses new connections, cuts idle ones and streams. */
  close(): Promise<void>;
}

const readyPath = "/ready";
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16_384;
/** What does not end by itself at the close is cut after so long. */
const closeMs = 100;

/** @throws PerdureError `INVALID_OPTION` when the address cannot be listened on. */
export async function listen(endpoint: HttpEndpoint, options: ListenerOptions): Promise<Listening> {
  const { port, path, maxConnections, requestTimeoutMs = 30_000 } = options;
  const host = options.host.replace(/^\[(.*)\]$/, "$1");
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs / 3,
      connectionsCheckingInterval: requestTimeoutMs / 10,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
    },
    withPing(withReadiness(nodeListener(endpoint, path), options.readiness), options.ping),
  );
  server.maxConnections = maxConnections;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new PerdureError("INVALID_OPTION", {
      message: `${host}:${port} cannot be listened on (${code ?? message}). Name another port or host.`,
      cause: error,
    });
  }
  // Connections that could not be accepted, where the system has no more of something: others still can be.
  server.on("error", (error) => endpoint.logger.error({ err: error }, "a connection could not be accepted"));
  const bound = (server.address() as AddressInfo).port;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${bound}${path}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), closeMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
      }),
  };
}

function withPing(listener: RequestListener, ping: ListenerOptions["ping"]): RequestListener {
  if (ping === undefined) return listener;
  return (message, response) => {
    if (message.method !== "GET" || message.url !== "/ping") return listener(message, response);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(ping()));
  };
}

function withReadiness(serve: RequestListener, readiness: ListenerOptions["readiness"]): RequestListener {
  if (readiness === undefined) return serve;
  return (message, response) => {
    const { method, url } = message;
    if (url !== readyPath || (method !== "GET" && method !== "HEAD")) return serve(message, response);
    void readiness().then((said) => {
      const headers = { "content-type": "application/json", "cache-control": "no-store" };
      response.writeHead(said.ready ? 200 : 503, headers).end(JSON.stringify(said));
    });
  };
}

/** What node:http, Express and Fastify call. @param path the only one that is answered; `undefined`: any. */
export function nodeListener(endpoint: HttpEndpoint, path: string | undefined): RequestListener {
  return (message, response) => {
    const responder = nodeResponder(message, response);
    const request = nodeRequest(message, responder);
    if (path !== undefined && request.path !== path && !request.path.startsWith(`${path}/artifacts/`)) {
      sendError(responder, 404, -32601, `Not found; the endpoint is ${path}`);
      return;
    }
    void endpoint.serve(request, responder);
  };
}
