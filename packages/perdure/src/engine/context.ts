/**
 * What a handler is given: one base for every tool, and what durable tasks have beyond it. Nothing of it needs its
 * `this`: `({ id }, { step, save }) => …` is as good.
 */
import type { Duration } from "../task/duration.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonOnly, JsonValue } from "../task/json.ts";
import type { SavedState, SessionContext } from "../task/record.ts";
import type { RetryOptions } from "../task/retry.ts";

export interface Log {
  debug(this: void, message: string, data?: JsonValue): void;
  info(this: void, message: string, data?: JsonValue): void;
  warning(this: void, message: string, data?: JsonValue): void;
  error(this: void, message: string, data?: JsonValue): void;
}

export interface Context {
  readonly tool: string;
  /** The principal that called. */
  readonly owner: string;
  /** Where the caller's conversation lives, if it said so. */
  readonly session: SessionContext | undefined;
  /**
   * Aborted when the work is to end. `signal.reason` is a `PerdureError` whose `code` says why: `CANCELLED`, `TIMEOUT`,
   * `DEADLINE`, `STALE_ATTEMPT` (another process has taken over), `SHUTDOWN`.
   */
  readonly signal: AbortSignal;
  /** Never goes back: a report below the highest `done` so far is dropped. Cheap to call often: it is coalesced. */
  progress(this: void, done: number, total?: number, message?: string): void;
  readonly log: Log;
}

export interface TaskContext extends Context {
  readonly id: TaskId;
  /** Which run of the handler this is; the first is 1. */
  readonly attempt: number;
  /**
   * Does `run` once: its result is recorded under `name` and is what every later run of the handler gets. A step that
   * was interrupted runs again. One that failed for good is recorded too, and throws the same error again, until the
   * task itself is retried.
   * @param name unique within the task: in a loop or branch, put its key into it.
   * @throws PerdureError `STEP_NAME_REUSED`, `STEP_MISMATCH`, `STEP_TIMEOUT`, `INVALID_VALUE`
   */
  step<T>(
    this: void,
    name: string,
    run: ((step: StepContext) => T | Promise<T>) & JsonOnly<T>,
    options?: StepOptions,
  ): Promise<T>;
  /** Keeps the latest state of a loop, instead of the one before: JSON, or bytes. */
  save<T>(this: void, state: T & JsonOnly<T, Uint8Array>): Promise<void>;
  /** The state that was saved last, in this attempt or an earlier one. */
  saved<T = SavedState>(this: void): Promise<T | undefined>;
}

export interface StepContext {
  readonly name: string;
  readonly attempt: number;
  /** How often this step was tried, 1 the first time. */
  readonly tries: number;
  /** The same in every attempt: hand it to a service that can tell a repetition by it. */
  readonly idempotencyKey: string;
  /** As the task's, and aborted by the step's own time-out (`STEP_TIMEOUT`). */
  readonly signal: AbortSignal;
}

export interface StepOptions {
  /** Default: none. `TerminalError` is never retried. */
  readonly retry?: RetryOptions;
  /** Limits one try. Default: none beyond the task's. */
  readonly timeout?: Duration;
}
