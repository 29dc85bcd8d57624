/**
 * What a handler is given: one base for every tool, and what durable tasks have beyond it. Nothing of it needs its
 * `this`: `({ id }, { step, save }) => …` is as good.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Artifact } from "../task/artifact.ts";
import type { Duration } from "../task/duration.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonObject, JsonOnly, JsonValue } from "../task/json.ts";
import type { SavedState, SessionContext } from "../task/record.ts";
import type { RetryOptions } from "../task/retry.ts";
import type { ExecOptions, ExecResult } from "./exec/exec.ts";
import type { ArtifactOptions } from "./artifact-calls.ts";
import type { ArtifactData } from "./artifact-data.ts";
import type { Schema } from "./schema.ts";

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
   * `DEADLINE`, `STALE_ATTEMPT` (another process has taken over), `SHUTDOWN`, `PARKED` (it waits, and will run again).
   * Of an ordinary tool it says only that nobody waits for the answer any more.
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
  /**
   * Waits, for seconds or for months, and holds nothing meanwhile. The time is fixed when it is first come to.
   * @param options `name`: default the duration as it was given.
   */
  sleep(this: void, duration: Duration | Date, options?: { readonly name?: string }): Promise<void>;
  /**
   * Asks a person, through whatever the client can do, and returns the content of the answer.
   * @throws DeclinedError when the person declines or dismisses it.
   * @throws PerdureError `EXPIRED` after `timeout`.
   */
  ask<S extends Schema>(
    this: void,
    message: string,
    schema: S,
    options?: AskOptions,
  ): Promise<StandardSchemaV1.InferOutput<S>>;
  /** Asks a person to do something at a URL; resolves when the client says that they did. As `ask`. */
  askUrl(this: void, message: string, url: string, options?: AskOptions): Promise<void>;
  /**
   * Asks the client's own model, where the client declared sampling. Waited for like a question.
   * @param request `sampling/createMessage` of MCP: `{ messages: […], maxTokens: … }`
   * @param options `name`: default a hash of the request; `timeout`: default 5 min
   * @returns MCP's result: `{ role, content, model, … }`
   * @throws DeclinedError when the person does not let the client do it.
   * @throws PerdureError `EXPIRED` when no client that can has answered.
   */
  sample(this: void, request: JsonObject, options?: AskOptions): Promise<JsonValue | undefined>;
  /** Asks several questions at once, each by its key as its name. */
  askAll<Q extends Readonly<Record<string, Question>>>(
    this: void,
    questions: Q,
    options?: WaitOptions,
  ): Promise<{ readonly [K in keyof Q]: AnswerTo<Q[K]> }>;
  /**
   * Runs another task and returns its result. It is cancelled with this one.
   * @throws TaskError when it failed or was cancelled.
   */
  call<Input, Result>(
    this: void,
    tool: { readonly name: string; readonly types?: { readonly input: Input; readonly result: Result } },
    input: Input,
    options?: CallOptions,
  ): Promise<Result>;
  call<Result = JsonValue | undefined>(
    this: void,
    tool: string,
    input: unknown,
    options?: CallOptions,
  ): Promise<Result>;
  /**
   * Waits for `app.tasks.signal(id, name, value)` and returns the value; one that was sent before is kept.
   * @throws PerdureError `EXPIRED` after `timeout`.
   */
  waitUntil<T = JsonValue | undefined>(this: void, name: string, options?: WaitOptions): Promise<T>;
  /**
   * An interim result for the memory of the agent that called: brought there once, however often the handler runs, and
   * joined with others that wait. Where nothing is delivered it is only recorded.
   * @param text at most 32,768 characters
   * @param options `name`: default the text; unique within the task.
   * @throws PerdureError `STEP_NAME_REUSED`, `STEP_MISMATCH`, `INVALID_VALUE`
   */
  remember(this: void, text: string, options?: { readonly name?: string }): Promise<void>;
  /**
   * Runs a program, as a step: its exit and the end of its output are recorded, and it never runs again once it ended.
   * Killed, with all that it started, when the attempt ends, and with this process, however that dies.
   * @throws ExecError when it exits with another code than 0, by a signal, or cannot be started.
   * @throws PerdureError `STEP_TIMEOUT`, and as `step`
   */
  exec(this: void, command: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Keeps the latest state of a loop, instead of the one before: JSON, or bytes. */
  save<T>(this: void, state: T & JsonOnly<T, Uint8Array>): Promise<void>;
  /**
   * Leaves a file beside the result: streamed to where artifacts are kept, linked from the result, kept as long as the
   * task. Written once: when it is recorded, later runs of the handler get the same answer, and `data` is not read.
   * @param name unique within the task, like that of a step. Any text: it is no path.
   * @param data text, bytes, or a stream of either: an async generator is not even begun where it is not needed.
   * @throws PerdureError `STEP_NAME_REUSED`, `STEP_MISMATCH`, `LIMIT_EXCEEDED` (`limits.artifactBytes`), `STORE_FULL`,
   * `ARTIFACT_STORE`, `INVALID_OPTION`, `INVALID_VALUE`: then nothing of it is kept.
   */
  artifact(this: void, name: string, data: ArtifactData, options?: ArtifactOptions): Promise<Artifact>;
  /** The state that was saved last, in this attempt or an earlier one. */
  saved<T = SavedState>(this: void): Promise<T | undefined>;
}

export interface WaitOptions {
  /** How long it is waited for. Default: for ever, within the task's deadline. */
  readonly timeout?: Duration;
}

export interface AskOptions extends WaitOptions {
  /** Default: the message. */
  readonly name?: string;
}

export interface CallOptions {
  /** Default: the tool and a hash of the input. */
  readonly name?: string;
  /** The same key names the same child task while it is kept. */
  readonly idempotencyKey?: string;
}

/** What a person is asked: made by {@link question}. */
export interface Question<S extends Schema = Schema> {
  readonly message: string;
  readonly schema?: S;
  readonly url?: string;
}

export type AnswerTo<Q> = Q extends Question<infer S> ? StandardSchemaV1.InferOutput<S> : never;

/** A question for `askAll`. */
export function question<S extends Schema>(message: string, schema: S): Question<S> {
  return { message, schema };
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
