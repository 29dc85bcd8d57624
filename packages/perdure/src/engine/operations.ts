/**
 * The recorded operations of one attempt: what the handler did under a name, so that it is never done again.
 *
 * The handler runs from its first line in every attempt. A name that is recorded answers at once; the first one that
 * is not ends the replay. The name is the identity: used once per attempt, and checked already in the first run, so
 * that a loop without keys fails on the author's desk and not after a crash.
 */
import { createHash } from "node:crypto";
import type { RecordedOutcome } from "../store/store.ts";
import type { Clock } from "../task/clock.ts";
import { toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { fromFailure, toFailure } from "../task/failure.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import { limitExceeded, spoken } from "../task/limits.ts";
import { checkName } from "../task/name.ts";
import type { AttemptedOperation, Operation, OperationKind } from "../task/record.ts";
import { retryDelayMs, toRetryPolicy } from "../task/retry.ts";
import type { StepContext, StepOptions } from "./context.ts";

export interface OperationsParts {
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly recorded: readonly Operation[];
  /** How many a task may have. */
  readonly maxOperations: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** The attempt's. */
  readonly signal: AbortSignal;
  /** Counts what the handler asked for as under way: the attempt is not parked meanwhile. */
  readonly track: <T>(run: () => Promise<T>) => Promise<T>;
  readonly record: (name: string, kind: OperationKind, outcome: RecordedOutcome) => Promise<Operation>;
  /** Waits until a step may be tried again. @throws the reason of the signal */
  readonly backOff: (operation: AttemptedOperation) => Promise<void>;
}

export class Operations {
  readonly #parts: OperationsParts;
  readonly #recorded: ReadonlyMap<string, Operation>;
  readonly #used = new Set<string>();
  /** Those that are recorded, and those that this run has begun beside them. */
  #count: number;
  /** Recorded operations that this attempt has not come to yet. */
  #ahead: number;
  #resumed = false;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    this.#recorded = new Map(parts.recorded.map((operation) => [operation.name, operation]));
    this.#count = parts.recorded.length;
    this.#ahead = parts.recorded.length;
  }

  /** Whether the handler still runs over what is recorded. */
  get replaying(): boolean {
    return this.#ahead > 0;
  }

  async step(
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions,
  ): Promise<JsonValue | undefined> {
    const recorded = this.use(name, "step");
    if (recorded?.state === "done") return recorded.value;
    if (recorded?.state === "failed") throw fromFailure(recorded.failure);
    const attempted = recorded?.state === "attempted" ? recorded : undefined;
    const done = await this.#runUntilFinal(name, run, options, attempted);
    return done.state === "done" ? done.value : undefined;
  }

  /** Records a text, once. */
  async remember(text: string, name: string | undefined): Promise<void> {
    if (typeof text !== "string" || text === "" || text.length > maxRememberedLength) {
      throw new PerdureError("INVALID_VALUE", {
        message:
          `remember takes a text of 1 to ${maxRememberedLength} characters; ` +
          `${typeof text === "string" ? `one of ${text.length}` : typeof text} came. Keep what is larger as an artifact.`,
      });
    }
    const operation = name ?? rememberedName(text);
    if (this.use(operation, "remember") !== undefined) return;
    await this.#parts.record(operation, "remember", { state: "done", value: text });
  }

  /** A new state is saved: the handler is beyond what is recorded, whether or not it came to all of it. */
  pass(): void {
    this.#ahead = 0;
  }

  /**
   * The handler was given a saved state: it may leave out what was recorded before that. Where it stands shows when it
   * comes to the last of what is recorded, or saves anew.
   */
  resume(): void {
    this.#resumed = true;
  }

  /** The run is over. Returns the recorded names that it should have come to, and has not. */
  finish(): readonly string[] {
    this.#ahead = 0;
    if (this.#resumed) return [];
    return [...this.#recorded.values()]
      .filter((operation) => isFinal(operation) && !this.#used.has(operation.name))
      .map(({ name }) => name);
  }

  /**
   * Takes a name for this run, and returns what is recorded under it. One too many is refused here, before it is begun.
   * @throws PerdureError `STEP_…`, `LIMIT_EXCEEDED`
   */
  use(name: string, kind: OperationKind): Operation | undefined {
    checkName(name, `the name of a ${kind}`);
    if (this.#used.has(name)) {
      throw new PerdureError("STEP_NAME_REUSED", {
        message:
          `the name ${quote(name)} was used twice in one run of the handler. A name identifies what was recorded: ` +
          `in a loop or a parallel branch, put its key into the name, as in \`${name}:\${id}\`.`,
      });
    }
    const recorded = this.#recorded.get(name);
    if (recorded === undefined) this.#takeRoom(name);
    this.#used.add(name);
    if (recorded === undefined) {
      this.#ahead = 0;
    } else if (recorded.kind !== kind) {
      throw new PerdureError("STEP_MISMATCH", {
        message:
          `${quote(name)} was recorded as a ${recorded.kind} and is now a ${kind}: the handler has changed since. ` +
          `Give the new operation another name.`,
      });
    } else if (this.#resumed && recorded === this.#parts.recorded.at(-1)) {
      this.#ahead = 0;
    } else if (this.#ahead > 0) {
      this.#ahead--;
    }
    return recorded;
  }

  #takeRoom(name: string): void {
    const max = this.#parts.maxOperations;
    if (this.#count >= max) {
      const came = `${quote(name)} would be operation ${spoken(this.#count + 1)} of the task`;
      throw limitExceeded("operations", came, max, "Keep the state of a loop by save instead of steps");
    }
    this.#count++;
  }

  async #runUntilFinal(
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions,
    attempted: AttemptedOperation | undefined,
  ): Promise<Operation> {
    const policy = toRetryPolicy(options.retry, `step ${quote(name)}: retry`);
    if (attempted !== undefined) await this.#parts.backOff(attempted);
    for (let tries = (attempted?.tries ?? 0) + 1; ; tries++) {
      const outcome = await this.#parts.track(() => this.#try(name, run, options, tries));
      if (!("thrown" in outcome)) {
        return this.#record(name, { state: "done", value: outcome.value as JsonValue | undefined });
      }
      // Whoever is asked to stop may throw: that says nothing about the step, which runs again in the next attempt.
      if (this.#parts.signal.aborted) throw outcome.thrown;
      const failure = toFailure(outcome.thrown);
      const delayMs = failure.retryable ? retryDelayMs(policy, tries, this.#parts.random) : undefined;
      if (delayMs === undefined) {
        const failed = await this.#record(name, { state: "failed", failure });
        throw withCause(fromFailure(failed.state === "failed" ? failed.failure : failure), outcome.thrown);
      }
      const again = await this.#record(name, { state: "attempted", tries, delayMs });
      if (again.state === "attempted") await this.#parts.backOff(again);
    }
  }

  #record(name: string, outcome: RecordedOutcome): Promise<Operation> {
    return this.#parts.track(() => this.#parts.record(name, "step", outcome));
  }

  async #try(
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions,
    tries: number,
  ): Promise<{ readonly value: unknown } | { readonly thrown: unknown }> {
    const { taskId, attempt, clock } = this.#parts;
    const step = { name, attempt, tries, idempotencyKey: `${taskId}/${name}`, signal: this.#parts.signal };
    if (options.timeout === undefined) return caught(() => run(step));
    const timeoutMs = toMs(options.timeout, `step ${quote(name)}: timeout`);
    const expiry = new AbortController();
    const signal = AbortSignal.any([step.signal, expiry.signal]);
    // Of the time-out alone: asked to stop, a step may still end, and what it returns counts.
    const expired = new Promise<never>((_, reject) => {
      expiry.signal.addEventListener("abort", () => reject(expiry.signal.reason as Error), { once: true });
    });
    // `run` may throw at once, and nobody is left to hear of the abort that comes later.
    expired.catch(() => undefined);
    const timer = clock.after(timeoutMs, () =>
      expiry.abort(
        new PerdureError("STEP_TIMEOUT", {
          message: `step ${quote(name)} did not end within ${timeoutMs} ms.`,
        }),
      ),
    );
    try {
      return await caught(() => Promise.race([run({ ...step, signal }), expired]));
    } finally {
      timer.cancel();
    }
  }
}

const maxRememberedLength = 32_768;

/** Never that of another operation, and short, however long the text is. */
function rememberedName(text: string): string {
  if (text.length <= 80 && text.isWellFormed() && !text.includes("\0")) return `remember:${text}`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return `remember:${text.slice(0, 60).toWellFormed().replaceAll("\0", " ")}…:${hash}`;
}

async function caught(
  run: () => unknown,
): Promise<{ readonly value: unknown } | { readonly thrown: unknown }> {
  try {
    return { value: await run() };
  } catch (thrown) {
    return { thrown };
  }
}

/** The error of the first run is the same as on replay, and leads to what was really thrown, with its stack. */
function withCause(error: Error, cause: unknown): Error {
  error.cause = cause;
  return error;
}

function isFinal({ state }: Operation): boolean {
  return state === "done" || state === "failed";
}
