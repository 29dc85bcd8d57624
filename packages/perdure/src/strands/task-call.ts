/**
 * A tool called as a task of 2025-11-25: the call names the task at once, and `tasks/result` waits for its end. A wait
 * that is cut, by a time-out or a lost connection, is begun anew, so that no connection has to last.
 *
 * The SDK's `callToolStream` does nearly this, but asks every few seconds instead of waiting, and of a task that failed
 * it says only that.
 *
 * A question of the task goes to whoever the client has for that (`elicitationCallback`). Without one nobody would ever
 * see it, so the wait ends there, and the model is told.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { McpClient } from "@strands-agents/sdk";
import { type CallResult, stillRunning, waitsForAnswer } from "./hand-over.ts";

type Sdk = McpClient["client"];
type Call = Parameters<Sdk["callTool"]>[0];
type RequestOptions = NonNullable<Parameters<Sdk["callTool"]>[2]>;

export interface TaskWait {
  readonly sdk: Sdk;
  readonly options: RequestOptions;
  /** How long it may take in all. */
  readonly totalMs: number;
}

const minute = 60_000;
/** Proxies and servers cut what is silent for a minute. */
const waitMs = 50_000;
const pauseMs = 1_000;
/** How often a task is looked at that may ask; where the server says no other. */
const lookMs = 5_000;

/** Resolves with the task's result, of a failed one too; or, after the total, with what says that it is still running. */
export async function callAsTask(call: Call, wait: TaskWait): Promise<CallResult> {
  const { CreateTaskResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const { sdk, options } = wait;
  const request = { method: "tools/call" as const, params: call };
  const { task } = await sdk.request(request, CreateTaskResultSchema, { ...options, task: {} });
  return resultOf({ id: task.taskId, tool: call.name, pollMs: task.pollInterval }, wait);
}

/** Of a task that is there already. */
export async function resultOf(
  { id, tool, pollMs }: { readonly id: string; readonly tool: string; readonly pollMs?: number | undefined },
  { sdk, options, totalMs }: TaskWait,
): Promise<CallResult> {
  const { CallToolResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const limit = AbortSignal.timeout(Math.ceil(totalMs));
  const over = new AbortController();
  const signals = [limit, over.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  const timeout = Math.min(waitMs, options.timeout ?? waitMs);
  const { tasks } = sdk.experimental;
  const { onprogress } = options;
  const request = { timeout, signal, ...(onprogress !== undefined && { onprogress }) };
  const wait = async (): Promise<CallResult> => {
    while (true) {
      try {
        return (await tasks.getTaskResult(id, CallToolResultSchema, request)) as CallResult;
      } catch (error) {
        if (limit.aborted) return stillRunning(id, tool, totalMs / minute);
        if (signal.aborted || isAnswer(error)) throw error;
        // After a time-out at once, after a lost connection not too often.
        if (!isTimeout(error)) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const asked = async (): Promise<CallResult> => {
    while (true) {
      await pause(pollMs ?? lookMs, undefined, { signal });
      const task = await tasks.getTask(id, { timeout, signal }).catch(() => undefined);
      if (task?.status === "input_required") return waitsForAnswer(id, tool, task.statusMessage);
    }
  };
  if (canBeAsked(sdk)) return wait();
  // The look that loses is aborted, and its rejection is nobody's.
  const never = new Promise<never>(() => undefined);
  try {
    return await Promise.race([wait(), asked().catch(() => never)]);
  } finally {
    over.abort();
  }
}

/** Not said by the SDK in public: what the client has declared. */
function canBeAsked(sdk: Sdk): boolean {
  const { _capabilities: declared } = sdk as unknown as { _capabilities?: { elicitation?: object } };
  return declared?.elicitation !== undefined;
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
