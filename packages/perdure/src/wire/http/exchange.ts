/** An exchange over HTTP: JSON, or an SSE stream as soon as something is said before the answer. */
import type { JsonObject } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { Exchange, JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import { type HttpResponder, sendJson } from "./request.ts";

/** A client that does not read what it is told is cut off here: its task goes on, and it can ask again. */
const maxBufferedBytes = 1_048_576;

export const eventStreamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export interface HttpExchangeParts {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly responder: HttpResponder;
  /** Aborted beside the closing of the connection: by `notifications/cancelled`, with its reason. */
  readonly cancelled?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export class HttpExchange implements Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly gone: AbortSignal;
  readonly #responder: HttpResponder;
  readonly #headers: Readonly<Record<string, string>>;
  #state: "unanswered" | "streaming" | "answered" = "unanswered";

  constructor({ request, caller, responder, cancelled, headers = {} }: HttpExchangeParts) {
    this.request = request;
    this.caller = caller;
    this.gone = cancelled === undefined ? responder.closed : AbortSignal.any([cancelled, responder.closed]);
    this.#responder = responder;
    this.#headers = headers;
  }

  notify(method: string, params: JsonObject): void {
    this.#write(`data: ${JSON.stringify({ jsonrpc: "2.0", method, params })}\n\n`);
  }

  prime(eventId: string): void {
    this.#write(`id: ${eventId}\ndata: \n\n`);
  }

  keepAlive(): void {
    this.#write(": alive\n\n");
  }

  result(result: JsonObject): void {
    this.#answer(200, { jsonrpc: "2.0", id: this.request.id, result });
  }

  error(error: JsonRpcError, status = 200): void {
    this.#answer(status, { jsonrpc: "2.0", id: this.request.id, error });
  }

  #write(event: string): void {
    if (this.#state === "answered" || this.#responder.closed.aborted) return;
    if (this.#state === "unanswered") {
      this.#state = "streaming";
      this.#responder.head(200, { ...eventStreamHeaders, ...this.#headers });
    }
    this.#responder.write(event);
    if (this.#responder.bufferedBytes > maxBufferedBytes) this.#responder.destroy();
  }

  #answer(status: number, message: object): void {
    if (this.#state === "answered") return;
    const streaming = this.#state === "streaming";
    this.#state = "answered";
    if (streaming) this.#responder.end(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    else sendJson(this.#responder, status, message, this.#headers);
  }
}
