/** What a caller is told when something breaks: nothing of the inside, only what can be acted on. */
import { PerdureError } from "../../task/errors.ts";
import type { JsonRpcError } from "./tool-result.ts";

export function internalError(error: unknown): JsonRpcError {
  const code = -32_603;
  if (!(error instanceof PerdureError)) return { code, message: "Internal error" };
  if (error.code === "APP_CLOSED" || error.code === "STORE_CLOSED") {
    return { code, message: "The server is shutting down" };
  }
  return { code, message: error.retryable ? "The server is busy; try again" : "Internal error" };
}
