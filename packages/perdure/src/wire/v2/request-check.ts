/**
 * Whether a message is a request of this generation that the front takes: its JSON-RPC shape and its envelope, as the
 * SDK checks them. `undefined` says no or perhaps: the SDK is to answer it.
 *
 * The SDK's public `classifyInboundRequest` is the judge of an envelope. It takes 10 µs, and a client sends the same
 * one with each request: what was found valid is remembered by its JSON.
 */
import { classifyInboundRequest } from "@modelcontextprotocol/server";
import { asObject, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import { objectAt, revision } from "./envelope.ts";
import type { V2Front } from "./front.ts";

const maxRemembered = 500;
const maxRememberedLength = 4_096;

export class RequestCheck {
  readonly #front: Pick<V2Front, "takes">;
  /** In the order of their first use. */
  readonly #valid = new Set<string>();

  constructor(front: Pick<V2Front, "takes">) {
    this.#front = front;
  }

  /** The request in a parsed message, where it is for the front. */
  taken(body: unknown): JsonRpcRequest | undefined {
    const request = toRequest(body);
    if (request === undefined || !this.#front.takes(request)) return undefined;
    return this.#hasValidEnvelope(request) ? request : undefined;
  }

  #hasValidEnvelope(request: JsonRpcRequest): boolean {
    const key = envelopeKey(request.params);
    if (key !== undefined && this.#valid.has(key)) return true;
    const route = classifyInboundRequest({ httpMethod: "POST", body: { jsonrpc: "2.0", ...request } });
    const valid =
      route.kind === "modern" &&
      route.messageKind === "request" &&
      route.classification.revision === revision;
    if (valid && key !== undefined) this.#remember(key);
    return valid;
  }

  #remember(key: string): void {
    const [oldest] = this.#valid;
    if (this.#valid.size >= maxRemembered && oldest !== undefined) this.#valid.delete(oldest);
    this.#valid.add(key);
  }
}

/** The envelope without what differs from request to request; `undefined` where that is not what it should be. */
function envelopeKey(params: JsonObject): string | undefined {
  const meta = objectAt(params, "_meta");
  if (meta === undefined) return undefined;
  const { progressToken, traceparent, tracestate, ...same } = meta;
  if (progressToken !== undefined && !isId(progressToken)) return undefined;
  if (![traceparent, tracestate].every((value) => value === undefined || typeof value === "string"))
    return undefined;
  const key = JSON.stringify(same);
  return key.length <= maxRememberedLength ? key : undefined;
}

const fields: ReadonlySet<string> = new Set(["jsonrpc", "id", "method", "params"]);

function toRequest(body: unknown): JsonRpcRequest | undefined {
  // Parsed JSON is all that comes here.
  const message = asObject(body as JsonValue | undefined);
  if (message?.["jsonrpc"] !== "2.0" || !Object.keys(message).every((key) => fields.has(key)))
    return undefined;
  const { id, method } = message;
  const params = objectAt(message, "params");
  if (!isId(id) || typeof method !== "string" || params === undefined) return undefined;
  return { id, method, params };
}

function isId(value: JsonValue | undefined): value is string | number {
  return typeof value === "string" || Number.isSafeInteger(value);
}
