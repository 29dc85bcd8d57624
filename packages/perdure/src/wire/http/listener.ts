/** A node:http server with limits, on one path. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
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
}

export interface Listening {
  /** Where clients connect to: `http://127.0.0.1:8000/mcp`. */
  readonly url: string;
  readonly port: number;
  /** Refuses new connections, cuts idle ones and streams. */
  close(): Promise<void>;
}

/** A request must arrive within this time; how long its answer takes is nobody's limit. */
const requestTimeoutMs = 30_000;
const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16_384;

/** @throws PerdureError `INVALID_OPTION` when the address cannot be listened on. */
export async function listen(endpoint: HttpEndpoint, options: ListenerOptions): Promise<Listening> {
  const { host, port, path } = options;
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
    },
    nodeListener(endpoint, path),
  );
  server.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new PerdureError("INVALID_OPTION", {
          message: `${host}:${port} cannot be listened on (${error.code ?? error.message}). Name another port or host.`,
          cause: error,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const shownHost = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${bound}${path}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What node:http, Express and Fastify call. @param path the only one that is answered; `undefined`: any. */
export function nodeListener(endpoint: HttpEndpoint, path: string | undefined): RequestListener {
  return (message: IncomingMessage, response: ServerResponse) => {
    const responder = nodeResponder(response);
    const request = nodeRequest(message, responder.closed);
    if (path !== undefined && request.path !== path) {
      sendError(responder, 404, -32601, `Not found; the endpoint is ${path}`);
      return;
    }
    void endpoint.serve(request, responder);
  };
}
