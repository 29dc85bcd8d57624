/**
 * One request and its answer, whatever carries it. A generation's front speaks to this; HTTP and stdio make it.
 *
 * Over HTTP an exchange is a JSON body, unless something is sent before the answer: then it becomes an SSE stream whose
 * last event is the answer. Over stdio all of it are lines.
 */
import type { JsonObject } from "../task/json.ts";
import type { JsonRpcError } from "./call/tool-result.ts";
import type { Caller } from "./service.ts";

export interface JsonRpcRequest {
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject;
}

export interface Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  /**
   * Aborted when nobody waits for the answer any more: with the reason that `notifications/cancelled` gave (a string),
   * or with anything else when the connection closed. Not after the answer.
   */
  readonly gone: AbortSignal;
  notify(method: string, params: JsonObject): void;
  /** Begins the stream with an event id, from which a client may resume (2025, HTTP); nothing on stdio. */
  prime(eventId: string): void;
  /** Keeps an idle stream open (an SSE comment); nothing on stdio. */
  keepAlive(): void;
  /** The answer. Exactly one of `result` and `error` is called, once. */
  result(result: JsonObject): void;
  /** @param status of HTTP, where the protocol asks for another than 200. */
  error(error: JsonRpcError, status?: number): void;
}
