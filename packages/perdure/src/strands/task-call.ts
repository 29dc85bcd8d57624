/**
 * A tool called as a task of 2025-11-25: the call names the task at once, and `tasks/result` waits for its end. A wait
 * that is cut, by a time-out or a lost connection, is begun anew, so that no connection has to last.
 *
 * The SDK's `callToolStream` does nearly this, but asks every few seconds instead of waiting, and of a task that failed
 * it says only that.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { McpClient } from "@strands-agents/sdk";
import { type CallResult, stillRunning } from "./hand-over.ts";

type Sdk = McpClient["client"];
type Call = Parameters<Sdk["callTool"]>[0];
type RequestOptions = NonNullable<Parameters<Sdk["callTool"]>[2]>;

const minute = 60_000;
/** Proxies and servers cut what is silent for a minute. */
const waitMs = 50_000;
const pauseMs = 1_000;

/** Resolves with the task's result, of a failed one too; or, after `totalMs`, with what says that it is still running. */
export async function callAsTask(
  sdk: Sdk,
  call: Call,
  options: RequestOptions,
  totalMs: number,
): Promise<CallResult> {
  const { CallToolResultSchema, CreateTaskResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const limit = AbortSignal.timeout(totalMs);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const request = { method: "tools/call" as const, params: call };
  const { task } = await sdk.request(request, CreateTaskResultSchema, { ...options, signal, task: {} });
  const timeout = Math.min(waitMs, options.timeout ?? waitMs);
  const { tasks } = sdk.experimental;
  while (true) {
    try {
      return (await tasks.getTaskResult(task.taskId, CallToolResultSchema, {
        timeout,
        signal,
      })) as CallResult;
    } catch (error) {
      if (limit.aborted) return stillRunning(task.taskId, call.name, totalMs / minute);
      if (options.signal?.aborted === true || isAnswer(error)) throw error;
      // After a time-out at once, after a lost connection not too often.
      if (!isTimeout(error)) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The server has answered, with an error: also the one that the task's author asked for. */
function isAnswer(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && code !== requestTimeout && code !== connectionClosed;
}

function isTimeout(error: unknown): boolean {
  return codeOf(error) === requestTimeout;
}

/** Of the SDK's own making. */
const requestTimeout = -32_001;
const connectionClosed = -32_000;

function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== "McpError" || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}
