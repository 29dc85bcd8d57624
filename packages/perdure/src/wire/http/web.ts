/** Web-standard `Request` and `Response` behind the fronts' interface, for frameworks that speak them. */
import { readRequestBody } from "@modelcontextprotocol/server";
import type { HttpRequest, HttpResponder } from "./request.ts";

export function webRequest(request: Request): HttpRequest {
  const { method, headers, signal } = request;
  const url = new URL(request.url);
  return {
    method,
    path: url.pathname,
    peer: undefined,
    // Not every platform keeps the header; what it took the URL from says the same.
    header: (name) => headers.get(name) ?? (name === "host" ? url.host : undefined),
    readBody: async (maxBytes) => {
      const body = await readRequestBody(request, maxBytes);
      return body.tooLarge ? undefined : body.text;
    },
    toWebRequest: (body) =>
      new Request(request.url, {
        method,
        headers,
        signal,
        ...(method !== "GET" &&
          body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
  };
}

/** The responder, and the response that it fills: there as soon as the head is. */
export function webResponder(request: Request): {
  readonly responder: HttpResponder;
  readonly response: Promise<Response>;
} {
  const closed = new AbortController();
  const encoder = new TextEncoder();
  const { promise: response, resolve } = Promise.withResolvers<Response>();
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  let begun = false;
  let ended = false;
  let drained: (() => void) | undefined;
  /** The client is gone: nobody reads the response, but the framework waits for one. */
  const close = (): void => {
    if (ended) return;
    ended = true;
    closed.abort();
    drained?.();
    resolve(new Response(null, { status: 499 }));
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        stream = controller;
      },
      pull: () => drained?.(),
      cancel: close,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  const write = (chunk: string | Uint8Array): void => {
    if (!ended) stream?.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  };
  if (request.signal.aborted) close();
  else request.signal.addEventListener("abort", close, { once: true });
  return {
    response,
    responder: {
      closed: closed.signal,
      get begun() {
        return begun;
      },
      get bufferedBytes() {
        return -(stream?.desiredSize ?? 0);
      },
      head: (status, headers) => {
        begun = true;
        const hasBody = status !== 202 && status !== 204 && status !== 304;
        resolve(new Response(hasBody ? body : null, { status, headers: { ...headers } }));
      },
      write,
      end: (chunk) => {
        if (chunk !== undefined) write(chunk);
        if (!ended) stream?.close();
        ended = true;
      },
      drained: () =>
        ended || (stream?.desiredSize ?? 0) >= 0
          ? Promise.resolve()
          : new Promise((go) => {
              drained = go;
            }),
      destroy: () => {
        if (!ended) stream?.error(new Error("the connection was cut"));
        close();
      },
    },
  };
}
