/**
 * How much of everything there may be. A limit is there for the day when a program goes wrong: an agent that starts
 * tasks in a loop, a step that returns a whole table. The defaults are far above what an honest program does, and each
 * refusal (`LIMIT_EXCEEDED`) names the limit, what came, and the setting to change.
 *
 * Values are measured as they are written: the UTF-8 bytes of their JSON, or the bytes themselves. The counts of tasks
 * are the record's, so that they hold for all processes of a store together.
 */
import { PerdureError, quote } from "./errors.ts";

/** Of one task: `limits` of a tool, and of the application for all tools that do not say. */
export interface TaskLimits {
  /** Default 16 MiB. */
  readonly inputBytes: number;
  /** Default 64 MiB. */
  readonly resultBytes: number;
  /** What `save` keeps. Default 64 MiB. */
  readonly stateBytes: number;
  /** The result of one step. Default 16 MiB. */
  readonly stepBytes: number;
  /** One artifact, which is cut off while it comes. Default 10 GiB. */
  readonly artifactBytes: number;
  /** The `data` of what is thrown, which is left out beyond it: to fail must not fail. Default 64 KiB. */
  readonly failureBytes: number;
  /** Steps and waits of one task: each is read again by every attempt. Default 10,000. */
  readonly operations: number;
  /** Log lines kept of one task. Beyond it the oldest give way, and the timeline says how many. Default 10,000. */
  readonly logLines: number;
  /** The message and data of one log line, which is cut beyond it. Default 64 KiB. */
  readonly logLineBytes: number;
  /** Tasks of one tool that are due and wait for a slot. Default 100,000. */
  readonly queuedTasks: number;
}

/** `limits` of the application. */
export interface Limits extends TaskLimits {
  /** Tasks of one owner that have not ended. Default 100,000. */
  readonly openTasksPerOwner: number;
  /** Tasks of the store that have not ended. Default 1,000,000. */
  readonly openTasks: number;
  /** Signals of one task that its handler has not waited for. Default 1,000. */
  readonly signals: number;
}

const mebibyte = 1_048_576;

export const defaultLimits: Limits = {
  inputBytes: 16 * mebibyte,
  resultBytes: 64 * mebibyte,
  stateBytes: 64 * mebibyte,
  stepBytes: 16 * mebibyte,
  artifactBytes: 10_240 * mebibyte,
  failureBytes: 65_536,
  operations: 10_000,
  logLines: 10_000,
  logLineBytes: 65_536,
  queuedTasks: 100_000,
  openTasksPerOwner: 100_000,
  openTasks: 1_000_000,
  signals: 1_000,
};

/** Those of the limits that a tool has of its own. */
export function toTaskLimits(all: Limits): TaskLimits {
  const { openTasksPerOwner: _, openTasks: __, signals: ___, ...limits } = all;
  return limits;
}

/** What leaves by itself: the same call may succeed later, unchanged. */
const passing: ReadonlySet<keyof Limits> = new Set(["openTasksPerOwner", "openTasks", "queuedTasks"]);

/**
 * @param came what came, with its number: `the result is 70,000 bytes`
 * @param instead what else the caller may do, as the beginning of a sentence: `Return less`
 */
export function limitExceeded(limit: keyof Limits, came: string, max: number, instead: string): PerdureError {
  return new PerdureError("LIMIT_EXCEEDED", {
    message: `${came}; limits.${limit} allows ${spoken(max)}. ${instead}, or raise limits.${limit}.`,
    retryable: passing.has(limit),
  });
}

/** A number for people: `16,777,216`. */
export function spoken(count: number): string {
  return count.toLocaleString("en-US");
}

type SizeLimit = "inputBytes" | "resultBytes" | "stateBytes" | "stepBytes";

const smaller: Readonly<Record<SizeLimit, string>> = {
  inputBytes: "Give a reference to where the data is",
  resultBytes: "Return less, or a reference to where the data is",
  stateBytes: "Save less, or a reference to where the data is",
  stepBytes: "Return less from the step, or a reference to where the data is",
};

/**
 * Refuses an encoded value of more than `max` bytes; without `max`, none.
 * @param what names the value: `the result of train`
 * @throws PerdureError `LIMIT_EXCEEDED`
 */
export function checkBytes(
  value: string | Uint8Array | undefined,
  limit: SizeLimit,
  max: number | undefined,
  what: string,
): void {
  // A UTF-16 unit is at most three bytes: what is far from the limit is not counted.
  if (max === undefined || value === undefined || value.length * 3 <= max) return;
  const bytes = typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
  if (bytes > max) throw limitExceeded(limit, `${what} is ${spoken(bytes)} bytes`, max, smaller[limit]);
}

const names = new Set(Object.keys(defaultLimits));

/**
 * Limits with what is not given taken from `otherwise`.
 * @param setting names them in an error: `limits`
 * @throws PerdureError `INVALID_OPTION` for a name that is none, or a value that is no whole number ≥ 1 or `Infinity`
 */
export function toLimits<L extends Partial<Limits>>(
  given: Partial<L> | undefined,
  otherwise: L,
  setting: string,
): L {
  for (const [name, value] of Object.entries(given ?? {})) {
    const known = names.has(name) && Object.hasOwn(otherwise, name);
    if (value === undefined && known) continue;
    if (known && isLimit(value)) continue;
    const expected = known
      ? "a whole number ≥ 1, or Infinity"
      : `one of ${Object.keys(otherwise).join(", ")}`;
    throw new PerdureError("INVALID_OPTION", {
      message: `${setting}.${name} must be ${expected}; ${quote(known ? value : name)} came.`,
    });
  }
  const set = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...otherwise, ...(Object.fromEntries(set) as Partial<L>) };
}

function isLimit(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= 1);
}
