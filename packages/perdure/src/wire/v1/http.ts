/**
 * The 2025 generations over HTTP: sessions as rows, streams that are resumed at any process, cancellations that come
 * in a request of their own. It says what is to be done with a request; `wire/http` does it.
 *
 * The HTTP layer has checked Host, Origin, authentication and limits before, and found the era to be 2025.
 */
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller } from "../service.ts";
import type { V1Exchange, V1Stream } from "./front.ts";

export interface V1HttpRequest {
  /** Of a header, by its lower-case name. */
  header(name: string): string | undefined;
  readonly caller: Caller;
}

/** What is to be done with a request. */
export type V1Route =
  /** `legacyStatelessFallback(factory)(request, { parsedBody })`; a 200 answer is given these headers too. */
  | { readonly to: "sdk"; readonly headers: Readonly<Record<string, string>> }
  /**
   * Make an exchange of `request` and serve it. `streamed`: it was a GET, so the answer is an SSE stream from its
   * first byte on; otherwise JSON, or SSE as soon as something is sent before the answer. `prime` may come more than
   * once, also just before the answer.
   */
  | {
      readonly to: "exchange";
      readonly request: JsonRpcRequest;
      readonly streamed: boolean;
      readonly serve: (exchange: V1Exchange) => Promise<void>;
    }
  /** Open an SSE stream, with its headers sent at once, and serve it until it is gone. */
  | { readonly to: "stream"; readonly serve: (stream: V1Stream) => Promise<void> }
  /** Answer with this status: a JSON-RPC error of `id`, or no body. */
  | {
      readonly to: "answer";
      readonly status: number;
      readonly error?: JsonRpcError;
      readonly id: string | number | null;
    };

export interface V1Http {
  /** @param body parsed: one message, or a batch. A body that is no JSON goes to the SDK without asking here. */
  post(request: V1HttpRequest, body: unknown): Promise<V1Route>;
  get(request: V1HttpRequest): Promise<V1Route>;
  delete(request: V1HttpRequest): Promise<V1Route>;
}
