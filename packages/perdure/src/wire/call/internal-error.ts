/** What a caller is told when something breaks: nothing of the inside, only what can be acted on. */
import { PerdureError } from "../../task/errors.ts";
import type { JsonRpcError } from "./tool-result.ts";

/** What was under way at a close, and is no fault. */
export function isShutdown(error: unknown): boolean {
  return error instanceof PerdureError && (error.code === "APP_CLOSED" || error.code === "STORE_CLOSED");
}

export function internalError(error: unknown): JsonRpcError {
  const code = -32_603;
  if (!(error instanceof PerdureError)) return { code, message: "Internal error" };
  if (isShutdown(error)) return { code, message: "The server is shutting down" };
  if (!error.retryable) return { code, message: "Internal error" };
  // Nothing of it was done, so a program may send it again as it is.
  return { code, message: "The server is busy; try again", data: { retryable: true } };
}
