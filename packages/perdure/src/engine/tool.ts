/** A durable tool as the engine runs it: the author's declaration with every default filled in. */
import type { ResourceLimits } from "node:worker_threads";
import type { JsonValue } from "../task/json.ts";
import type { DeliveryPolicy } from "../task/record.ts";
import type { TaskLimits } from "../task/limits.ts";
import type { RetryPolicy } from "../task/retry.ts";
import type { TaskContext } from "./context.ts";

/** A handler that runs in a thread. */
export interface ThreadHandler {
  /** Its default export is the handler. */
  readonly module: URL;
  /** How long a handler that was ended has to settle, before its thread is ended. */
  readonly graceMs: number;
  /** Of the thread's heap and buffers. */
  readonly maxMemoryBytes: number;
  readonly resourceLimits: ResourceLimits;
}

export interface TaskTool {
  readonly name: string;
  readonly description: string;
  /** @throws PerdureError `INVALID_INPUT` */
  readonly parseInput: (input: JsonValue | undefined) => Promise<unknown>;
  /** @throws PerdureError `INVALID_OUTPUT` */
  readonly parseOutput: (output: unknown) => Promise<unknown>;
  readonly handler: ((input: unknown, task: TaskContext) => unknown) | ThreadHandler;
  readonly idempotencyKey: ((input: unknown) => string | undefined) | undefined;
  readonly retry: RetryPolicy;
  /** Limits one attempt. */
  readonly timeoutMs: number;
  /** Limits the whole life. */
  readonly deadlineMs: number | undefined;
  /** How long a task is kept after its end; undefined: for ever. */
  readonly ttlMs: number | undefined;
  /** How many attempts of this tool run at once in this process. */
  readonly concurrency: number;
  /** How many of them for one owner. */
  readonly concurrencyPerOwner: number;
  readonly maxCrashes: number;
  /** What becomes of its tasks is brought to their callers' sessions; undefined: as the application has it. */
  readonly deliver?: DeliverMode | undefined;
  readonly limits: TaskLimits;
  /** Of the handler; `""`: none. */
  readonly version: string;
  /** What runs tasks of other versions. */
  readonly versions: ReadonlyMap<string, ToolVersion>;
  /** What becomes of a task of any other: it runs as one of this version, waits for a process that knows it, or fails. */
  readonly onOtherVersion: "run" | "wait" | "fail";
}

export type ToolVersion = Pick<TaskTool, "parseInput" | "parseOutput" | "handler">;

/** `unclaimed`: what the caller has not been given within the grace. */
export type DeliverMode = DeliveryPolicy["mode"] | "never";
