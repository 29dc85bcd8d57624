/** Web-standard `Request` and `Response` behind the fronts' interface, for frameworks that speak them. */
import { readRequestBody } from "@modelcontextprotocol/server";
import type { HttpRequest, HttpResponder } from "./request.ts";

export function webRequest(request: Request): HttpRequest {
  const { method, headers, signal } = request;
  return {
    method,
    path: new URL(request.url).pathname,
    header: (name) => headers.get(name) ?? undefined,
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
  const close = (): void => closed.abort();
  if (request.signal.aborted) close();
  else request.signal.addEventListener("abort", close, { once: true });
  const encoder = new TextEncoder();
  const { promise: response, resolve } = Promise.withResolvers<Response>();
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  let ended = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      stream = controller;
    },
    cancel: close,
  });
  const write = (chunk: string | Uint8Array): void => {
    if (!ended && !closed.signal.aborted)
      stream?.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  };
  const end = (chunk?: string | Uint8Array): void => {
    if (chunk !== undefined) write(chunk);
    if (!ended && !closed.signal.aborted) stream?.close();
    ended = true;
  };
  return {
    response,
    responder: {
      closed: closed.signal,
      get bufferedBytes() {
        return -(stream?.desiredSize ?? 0);
      },
      head: (status, headers) =>
        resolve(
          new Response(status === 204 || status === 202 ? null : body, { status, headers: { ...headers } }),
        ),
      write,
      end,
      destroy: () => {
        stream?.error(new Error("the client did not read what it was sent"));
        ended = true;
        close();
      },
    },
  };
}
