/** How an author declares a durable tool, and what the engine makes of it. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { availableParallelism } from "node:os";
import type { TaskContext } from "../engine/context.ts";
import type { DeliverMode, TaskTool } from "../engine/tool.ts";
import { threadHandlers } from "../engine/versions.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { JsonOnly } from "../task/json.ts";
import { defaultLimits, type TaskLimits, toLimits, toTaskLimits } from "../task/limits.ts";
import { type RetryOptions, toRetryPolicy } from "../task/retry.ts";
import type { Schema } from "../engine/schema.ts";
import { toDeliverMode } from "./delivering.ts";
import { checkVersion, type TaskVersion, toVersion } from "./tool-version.ts";
import type { ServedTaskOptions } from "./serving.ts";

export interface TaskOptions<
  Input extends Schema = Schema,
  Output extends Schema = Schema,
> extends ServedTaskOptions {
  /** What the tool does, for the model that chooses it. */
  readonly description: string;
  /** Checked when the task is submitted, and parsed again for every attempt. */
  readonly input: Input;
  /** What the handler must return. */
  readonly output?: Output;
  /** What happens when the handler throws. Default: the task fails. */
  readonly retry?: RetryOptions;
  /** Limits one attempt, even where its signal is ignored. Default 1 h. */
  readonly timeout?: Duration;
  /** Limits the whole life, from submit to end. Default: none, `Infinity`. */
  readonly deadline?: Duration;
  /** How long the task is kept after its end. Default 7 d; `Infinity`: for ever. */
  readonly ttl?: Duration;
  /** How many run at once. Default: as many as the application runs in all; in threads, as there are cores. */
  readonly concurrency?: number;
  /** How many of them for one owner. Default: as many as there are slots. */
  readonly concurrencyPerOwner?: number;
  /** Default: the application's. */
  readonly limits?: Partial<TaskLimits>;
  /**
   * Of the handler, when what it recorded means something else than before: a task keeps the version that it was made
   * for. 1 to 128 characters. Default: none.
   */
  readonly version?: string;
  /** What runs tasks of other versions, by {@link taskVersion}; under `""` those from before there was one. */
  readonly versions?: Readonly<Record<string, TaskVersion>>;
  /**
   * What becomes of a task of any other version: it runs as one of this version, waits for a process that knows its own,
   * or fails as `UNKNOWN_VERSION`. Default `"run"`.
   */
  readonly onOtherVersion?: "run" | "wait" | "fail";
  /** Makes the key under which equal calls are one task. */
  idempotencyKey?(this: void, input: StandardSchemaV1.InferOutput<Input>): string | undefined;
  /** After so many deaths of the process in a row, with nothing newly recorded, the task fails. Default 20. */
  readonly maxCrashes?: number;
  /** Whether what becomes of it goes to its caller's memory. Default: as the application's `deliver`. */
  readonly deliver?: DeliverMode;
}

/** What the handler is given and must return. */
export type TaskHandler<Input extends Schema, Result> = ((
  input: StandardSchemaV1.InferOutput<Input>,
  task: TaskContext,
) => Result | Promise<Result>) &
  JsonOnly<Result>;

/** A declared tool: `submit` knows its types by it. */
export interface DeclaredTask<Input = unknown, Result = unknown> {
  readonly name: string;
  /** Types only. */
  readonly types?: { readonly input: Input; readonly result: Result };
}

/** What the schema makes of the result; without one, what the handler returned. */
export type ResultOf<Result, Output extends Schema> =
  unknown extends StandardSchemaV1.InferOutput<Output> ? Result : StandardSchemaV1.InferOutput<Output>;

export function toTaskTool(
  name: string,
  options: TaskOptions,
  handler: TaskTool["handler"],
  limits: TaskLimits = toTaskLimits(defaultLimits),
): TaskTool {
  const setting = (key: string): string => `task ${quote(name)}: ${key}`;
  if (!/^[A-Za-z0-9_.-]{1,128}$/.test(name)) {
    throw new PerdureError("INVALID_OPTION", {
      message: `the name of a task must be 1 to 128 letters, digits, "_", "-" or "."; ${quote(name)} came.`,
    });
  }
  const { deadline, idempotencyKey, ttl = "7d", version } = options;
  if (version !== undefined) checkVersion(version, setting("version"));
  const versions = new Map(
    Object.entries(options.versions ?? {}).map(([other, make]) => [other, make(name)]),
  );
  return {
    name,
    description: options.description,
    ...toVersion(name, options, handler),
    idempotencyKey,
    retry: toRetryPolicy(options.retry, setting("retry")),
    timeoutMs: toMs(options.timeout ?? "1h", setting("timeout")),
    deadlineMs: toMsOrNever(deadline, setting("deadline")),
    ttlMs: toTtlMs(ttl, setting("ttl")),
    concurrency: toCount(
      options.concurrency ?? defaultConcurrency({ handler, versions }),
      setting("concurrency"),
    ),
    concurrencyPerOwner: toCount(
      options.concurrencyPerOwner ?? Number.POSITIVE_INFINITY,
      setting("concurrencyPerOwner"),
    ),
    limits: toLimits<TaskLimits>(options.limits, limits, setting("limits")),
    version: version ?? "",
    versions,
    onOtherVersion: options.onOtherVersion ?? "run",
    maxCrashes: toCount(options.maxCrashes ?? 20, setting("maxCrashes")),
    deliver: toDeliverMode(options.deliver, setting("deliver")),
  };
}

/** Who waits takes no core, who computes takes one. */
function defaultConcurrency(tool: Pick<TaskTool, "handler" | "versions">): number {
  return threadHandlers(tool).length === 0 ? Number.POSITIVE_INFINITY : availableParallelism();
}

/** @throws PerdureError `INVALID_OPTION` for anything but a whole number of at least 1, or `Infinity`. */
export function toCount(value: number, setting: string): number {
  if (value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting} must be a whole number ≥ 1; ${quote(value)} came.`,
  });
}

/** Whoever waits for a task must still find it when it has ended. */
const leastTtlMs = 100;

function toTtlMs(ttl: Duration, setting: string): number | undefined {
  const ms = toMsOrNever(ttl, setting);
  if (ms === undefined || ms >= leastTtlMs) return ms;
  throw new PerdureError("INVALID_OPTION", {
    message: `${setting} must be at least ${leastTtlMs} ms, so that a result can be read; ${quote(ttl)} came.`,
  });
}

/** `undefined` for no limit: what is not said, or `Infinity`. */
function toMsOrNever(duration: Duration | undefined, setting: string): number | undefined {
  if (duration === undefined || duration === Number.POSITIVE_INFINITY) return undefined;
  return toMs(duration, setting);
}
