/** The refusals of this generation. */
import { invalidParams, type JsonRpcError } from "../call/tool-result.ts";

/**
 * The request was right, and there is too much of something now. A code of the server's own: the protocol has none, and
 * -32000 and -32001 are the SDK's for a closed connection and a time-out.
 */
export function tooMuchNow(message: string): JsonRpcError {
  return { code: -32_029, message, data: { retryable: true } };
}

/** The same for a task that never was, has expired, or belongs to somebody else. */
export const unknownTask = invalidParams("Task not found");
