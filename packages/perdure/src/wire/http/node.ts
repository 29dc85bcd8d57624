/** node:http behind the fronts' interface. Written to directly: by way of web streams it is four times slower. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpRequest, HttpResponder } from "./request.ts";

export function nodeRequest(message: IncomingMessage, closed: AbortSignal): HttpRequest {
  const url = message.url ?? "/";
  const query = url.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: query === -1 ? url : url.slice(0, query),
    header: (name) => {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    readBody: async (maxBytes) => {
      // Behind a framework's body parser the stream is drained, and the body is there.
      const { body } = message as { readonly body?: unknown };
      if (body === undefined) return readBody(message, maxBytes);
      return typeof body === "string" ? body : JSON.stringify(body);
    },
    toWebRequest: (body) => toWebRequest(message, body, closed),
  };
}

function readBody(message: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    if (Number(message.headers["content-length"] ?? 0) > maxBytes) {
      message.resume();
      resolve(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        chunks.length = 0;
        resolve(undefined);
      }
    });
    message.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    message.once("error", reject);
  });
}

function toWebRequest(message: IncomingMessage, body: unknown, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !name.startsWith(":"))
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const method = message.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD" && body !== undefined;
  return new Request(`http://${message.headers.host ?? "localhost"}${message.url ?? "/"}`, {
    method,
    headers,
    signal,
    ...(hasBody && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

export function nodeResponder(response: ServerResponse): HttpResponder {
  const closed = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) closed.abort();
  });
  response.once("error", () => closed.abort());
  return {
    closed: closed.signal,
    get bufferedBytes() {
      return response.writableLength;
    },
    head: (status, headers) => void response.writeHead(status, { ...headers }),
    write: (chunk) => void response.write(chunk),
    end: (chunk) => void response.end(chunk),
    destroy: () => void response.destroy(),
  };
}
