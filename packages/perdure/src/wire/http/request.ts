/** An HTTP request and the place for its answer, as the fronts see them: made of node:http or of web standards. */

export interface HttpRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  /** The address of the other end of the connection, where it is known. */
  readonly peer: string | undefined;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  /** The body as text, or `undefined` when it is longer than `maxBytes`. Rejects when the client goes before its end. */
  readBody(maxBytes: number): Promise<string | undefined>;
  /** The same request for whoever speaks web standards; its signal is aborted when the client is gone. */
  toWebRequest(body: unknown): Request;
}

export interface HttpResponder {
  /** Aborted when the connection closed before the answer was complete. */
  readonly closed: AbortSignal;
  /** Whether the head was sent: then no other status can be. */
  readonly begun: boolean;
  /** How many bytes wait for a client that reads slower than it is told. */
  readonly bufferedBytes: number;
  head(status: number, headers: Readonly<Record<string, string>>): void;
  write(chunk: string | Uint8Array): void;
  end(chunk?: string | Uint8Array): void;
  /** Resolves when there is room for more, or nobody is there any more. */
  drained(): Promise<void>;
  /** Cuts the connection. */
  destroy(): void;
}

/** A client that does not read what it is told is cut off here: its task goes on, and it can ask again. */
export const maxBufferedBytes = 1_048_576;

/** Answers with JSON. */
export function sendJson(
  responder: HttpResponder,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  responder.head(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    "cache-control": "no-store",
    ...headers,
  });
  responder.end(text);
}

/** A JSON-RPC error to a request whose id is not known. */
export function sendError(
  responder: HttpResponder,
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(responder, status, { jsonrpc: "2.0", id: null, error: { code, message } }, headers);
}

/**
 * A part of a stream. What waited before it is counted, not the part itself: one large message is no sign of a client
 * that does not read.
 */
export function sendPart(responder: HttpResponder, part: string | Uint8Array): void {
  if (responder.closed.aborted) return;
  if (responder.bufferedBytes > maxBufferedBytes) responder.destroy();
  else responder.write(part);
}

/** Passes on a web response, its stream as it comes. */
export async function sendWebResponse(
  responder: HttpResponder,
  response: Response,
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  responder.head(response.status, { ...Object.fromEntries(response.headers), ...extra });
  if (response.body === null) {
    responder.end();
    return;
  }
  const reader = response.body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  if (responder.closed.aborted) cancel();
  else responder.closed.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const part = (await reader.read()) as { readonly value?: Uint8Array };
      if (part.value === undefined) break;
      sendPart(responder, part.value);
    }
  } finally {
    responder.closed.removeEventListener("abort", cancel);
    responder.end();
  }
}
