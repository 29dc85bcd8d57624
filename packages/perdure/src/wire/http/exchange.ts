/** An exchange over HTTP: JSON, or an SSE stream as soon as something is said before the answer. */
import type { JsonObject } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { Exchange, JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import { type HttpResponder, sendJson, sendPart } from "./request.ts";

const eventStreamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export interface HttpExchangeParts {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly responder: HttpResponder;
  /** The answer is a stream from its first byte on. */
  readonly streamed?: boolean;
}

export class HttpExchange implements Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly #responder: HttpResponder;
  #state: "unanswered" | "streaming" | "answered" = "unanswered";

  constructor({ request, caller, responder, streamed = false }: HttpExchangeParts) {
    this.request = request;
    this.caller = caller;
    this.#responder = responder;
    if (streamed) this.#beginStream();
  }

  get gone(): AbortSignal {
    return this.#responder.closed;
  }

  notify(method: string, params: JsonObject): void {
    this.#write(messageEvent({ jsonrpc: "2.0", method, params }));
  }

  /** A request of ours, on the way to the answer. */
  ask(request: object, eventId?: string): void {
    this.#write(messageEvent({ jsonrpc: "2.0", ...request }, eventId));
  }

  prime(eventId: string): void {
    this.#write(primingEvent(eventId));
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

  /** Ends without an answer: the client has cancelled. */
  close(): void {
    if (this.#state === "answered") return;
    if (this.#state === "unanswered") this.#responder.head(202, {});
    this.#state = "answered";
    this.#responder.end();
  }

  #write(event: string): void {
    if (this.#state === "answered") return;
    if (this.#state === "unanswered") this.#beginStream();
    sendPart(this.#responder, event);
  }

  #beginStream(): void {
    this.#state = "streaming";
    this.#responder.head(200, eventStreamHeaders);
  }

  #answer(status: number, message: object): void {
    if (this.#state === "answered") return;
    const streaming = this.#state === "streaming";
    this.#state = "answered";
    if (streaming) this.#responder.end(messageEvent(message));
    else sendJson(this.#responder, status, message);
  }
}

/** A stream that answers nothing: where a server says what nobody asked just now. */
export class HttpStream {
  readonly gone: AbortSignal;
  readonly #responder: HttpResponder;

  constructor(responder: HttpResponder) {
    this.gone = responder.closed;
    this.#responder = responder;
    responder.head(200, eventStreamHeaders);
    this.keepAlive();
  }

  notify(method: string, params: JsonObject): void {
    sendPart(this.#responder, messageEvent({ jsonrpc: "2.0", method, params }));
  }

  ask(request: object, eventId?: string): void {
    sendPart(this.#responder, messageEvent({ jsonrpc: "2.0", ...request }, eventId));
  }

  prime(eventId: string): void {
    sendPart(this.#responder, primingEvent(eventId));
  }

  keepAlive(): void {
    sendPart(this.#responder, ": alive\n\n");
  }

  close(): void {
    this.#responder.end();
  }
}

function messageEvent(message: object, eventId?: string): string {
  const id = eventId === undefined ? "" : `id: ${eventId}\n`;
  return `${id}event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

function primingEvent(eventId: string): string {
  return `id: ${eventId}\ndata: \n\n`;
}
