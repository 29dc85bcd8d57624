/** The form of a message of this generation. What is not perfect is left to the SDK to refuse. */
import { asObject, type JsonValue } from "../../task/json.ts";
import { toLoggingLevel } from "../call/logging.ts";
import type { WantedSigns } from "../call/sink.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { V1Session } from "./client.ts";

/** A JSON-RPC request whose `_meta` is as it must be. */
export function asRequest(message: unknown): JsonRpcRequest | undefined {
  const { jsonrpc, id, method, params = {}, ...rest } = asObject(message as JsonValue) ?? {};
  const request = asObject(params);
  if (jsonrpc !== "2.0" || !isRequestId(id) || typeof method !== "string" || request === undefined)
    return undefined;
  if (Object.keys(rest).length > 0) return undefined;
  const { _meta: meta } = request;
  if (meta !== undefined) {
    const token = asObject(meta)?.["progressToken"];
    if (asObject(meta) === undefined || (token !== undefined && !isRequestId(token))) return undefined;
  }
  return { id, method, params: request };
}

/** The id in `notifications/cancelled`, and its reason. */
export function asCancellation(message: unknown): Cancellation | undefined {
  const { jsonrpc, id, method, params } = asObject(message as JsonValue) ?? {};
  if (jsonrpc !== "2.0" || id !== undefined || method !== "notifications/cancelled") return undefined;
  const { requestId, reason } = asObject(params) ?? {};
  if (!isRequestId(requestId) || (reason !== undefined && typeof reason !== "string")) return undefined;
  return { requestId, reason };
}

export interface Cancellation {
  readonly requestId: string | number;
  readonly reason: string | undefined;
}

export function progressTokenOf({ params }: JsonRpcRequest): string | number | undefined {
  const token = asObject(params["_meta"])?.["progressToken"];
  return isRequestId(token) ? token : undefined;
}

/** What the client wants to hear while it waits. */
export function wantedBy(request: JsonRpcRequest, { logLevel }: V1Session): WantedSigns {
  return { progressToken: progressTokenOf(request), logLevel: toLoggingLevel(logLevel) };
}

function isRequestId(value: JsonValue | undefined): value is string | number {
  return typeof value === "string" || Number.isSafeInteger(value);
}
