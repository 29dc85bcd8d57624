/** An exchange over a connection that carries whole messages both ways, as stdio does: all of it are messages. */
import type { JsonObject } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import type { ClientRequest, V1Exchange } from "../v1/client.ts";

export interface MessageExchangeParts {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly send: (message: object) => void;
  /** Nothing is sent any more: it was answered, or nobody waits. */
  readonly onOver: () => void;
}

/** One for both generations' fronts. */
export class MessageExchange implements V1Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly #send: (message: object) => void;
  readonly #onOver: () => void;
  readonly #gone = new AbortController();
  #over = false;

  constructor({ request, caller, send, onOver }: MessageExchangeParts) {
    this.request = request;
    this.caller = caller;
    this.#send = send;
    this.#onOver = onOver;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** @param reason a string: of `notifications/cancelled`; anything else: the connection closed. */
  leave(reason: unknown): void {
    if (this.#over) return;
    this.close();
    this.#gone.abort(reason);
  }

  notify(method: string, params: JsonObject): void {
    if (!this.#over) this.#send({ jsonrpc: "2.0", method, params });
  }

  ask(request: ClientRequest): void {
    if (!this.#over) this.#send({ jsonrpc: "2.0", ...request });
  }

  prime(): void {
    // There is no stream that could be resumed.
  }

  keepAlive(): void {
    // A pipe has no patience that could end.
  }

  result(result: JsonObject): void {
    this.#answer({ result });
  }

  error(error: JsonRpcError): void {
    this.#answer({ error });
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver();
  }

  #answer(answer: object): void {
    if (this.#over) return;
    this.close();
    this.#send({ jsonrpc: "2.0", id: this.request.id, ...answer });
  }
}
