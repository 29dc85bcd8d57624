/** The refusals of this generation. */
import type { JsonRpcError } from "../call/tool-result.ts";

export function invalidParams(message: string): JsonRpcError {
  return { code: -32_602, message };
}

/** The same for a task that never was, has expired, or belongs to somebody else. */
export const unknownTask = invalidParams("Task not found");
