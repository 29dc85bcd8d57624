/** node:http behind the fronts' interface. Written to directly: by way of web streams it is four times slower. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpRequest, HttpResponder } from "./request.ts";

/** `body` of a message is what a framework has made of it, having read it: Express puts it there. */
type ParsedMessage = IncomingMessage & { readonly body?: unknown };

export function nodeRequest(message: ParsedMessage, responder: Pick<HttpResponder, "closed">): HttpRequest {
  const url = message.url ?? "/";
  const query = url.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: query === -1 ? url : url.slice(0, query),
    peer: message.socket.remoteAddress,
    header: (name) => {
      // On HTTP/2 the host is a part of the request line.
      const value = message.headers[name] ?? (name === "host" ? message.headers[":authority"] : undefined);
      return Array.isArray(value) ? value.join(", ") : value;
    },
    readBody: async (maxBytes) => {
      if (message.body === undefined) return readBody(message, maxBytes);
      const text = textOf(message.body);
      return Buffer.byteLength(text) > maxBytes ? undefined : text;
    },
    toWebRequest: (body) => toWebRequest(message, body, responder.closed),
  };
}

function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? Buffer.from(body).toString("utf8") : JSON.stringify(body);
}

/**
 * What is longer than `maxBytes` is not kept. It is still received, until the server's limit of time for a request: a
 * client that was cut off while it sends would never see the answer.
 */
function readBody(message: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    message.on("error", reject);
    if (Number(message.headers["content-length"] ?? 0) > maxBytes) {
      message.resume();
      resolve(undefined);
      return;
    }
    if (message.readableEnded) {
      reject(new Error("the body was read before: put what it was parsed to into `body` of the request"));
      return;
    }
    let chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        chunks = [];
        resolve(undefined);
      }
    });
    message.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

function toWebRequest(message: IncomingMessage, body: unknown, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !name.startsWith(":"))
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const { method = "GET", url = "/" } = message;
  const hasBody = method !== "GET" && method !== "HEAD" && body !== undefined;
  // The host is in the headers; put into a URL, not every one that a client can send would make a URL.
  return new Request(`http://localhost${url.startsWith("/") ? url : "/"}`, {
    method,
    headers,
    signal,
    ...(hasBody && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

export function nodeResponder({ socket }: IncomingMessage, response: ServerResponse): HttpResponder {
  // Most answers are one write, and nobody asks whether the client was still there: there is a signal from when it is
  // first looked at.
  let signal: AbortController | undefined;
  let left = response.destroyed || socket.destroyed;
  const leave = (): void => {
    left = true;
    signal?.abort();
  };
  const waiting = waitingOn(socket);
  waiting.add(leave);
  response.once("close", () => {
    waiting.delete(leave);
    if (!response.writableFinished) leave();
  });
  response.on("error", leave);
  const responder: HttpResponder = {
    get closed() {
      if (signal === undefined) {
        signal = new AbortController();
        if (left) signal.abort();
      }
      return signal.signal;
    },
    get begun() {
      return response.headersSent;
    },
    get bufferedBytes() {
      return response.writableLength;
    },
    head: (status, headers) => void response.writeHead(status, headers),
    write: (chunk) => void response.write(chunk),
    end: (chunk) => void response.end(chunk),
    drained: async () => {
      const { closed } = responder;
      if (!response.writableNeedDrain || closed.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const go = (): void => {
        response.off("drain", go);
        closed.removeEventListener("abort", go);
        resolve();
      };
      response.once("drain", go);
      closed.addEventListener("abort", go, { once: true });
      await promise;
    },
    destroy: () => void response.destroy(),
  };
  return responder;
}

const waitingBySocket = new WeakMap<Socket, Set<() => void>>();

/**
 * Who is told that a connection has closed. Of requests that were sent behind one another Node 22 tells only the first.
 */
function waitingOn(socket: Socket): Set<() => void> {
  const known = waitingBySocket.get(socket);
  if (known !== undefined) return known;
  const waiting = new Set<() => void>();
  waitingBySocket.set(socket, waiting);
  socket.once("close", () => {
    for (const leave of waiting) leave();
  });
  return waiting;
}
