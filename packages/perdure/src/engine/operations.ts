/**
 * The recorded operations of one attempt: what the handler did under a name, so that it is never done again.
 *
 * The handler runs from its first line in every attempt. A name that is recorded answers at once; the first one that
 * is not ends the replay. The name is the identity: used once per attempt, and checked already in the first run, so
 * that a loop without keys fails on the author's desk and not after a crash.
 */
import type { Clock } from "../task/clock.ts";
import { toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { fromFailure, toFailure } from "../task/failure.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import { checkName } from "../task/name.ts";
import type { Operation, OperationKind, OperationOutcome } from "../task/record.ts";
import { retryDelayMs, toRetryPolicy } from "../task/retry.ts";
import type { StepContext, StepOptions } from "./context.ts";
import { pause } from "./durable-write.ts";

export interface OperationsParts {
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly recorded: readonly Operation[];
  readonly clock: Clock;
  readonly random: () => number;
  /** The attempt's. */
  readonly signal: AbortSignal;
  readonly record: (name: string, kind: OperationKind, outcome: OperationOutcome) => Promise<Operation>;
}

export class Operations {
  readonly #parts: OperationsParts;
  readonly #recorded: ReadonlyMap<string, Operation>;
  readonly #used = new Set<string>();
  /** Recorded operations that this attempt has not come to yet. */
  #ahead: number;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    this.#recorded = new Map(parts.recorded.map((operation) => [operation.name, operation]));
    this.#ahead = parts.recorded.filter(({ state }) => state !== "attempted").length;
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
    const recorded = this.#use(name, "step");
    if (recorded?.state === "done") return recorded.value;
    if (recorded?.state === "failed") throw fromFailure(recorded.failure);
    const done = await this.#runUntilFinal(name, run, options, recorded?.tries ?? 0);
    return done.state === "done" ? done.value : undefined;
  }

  #use(name: string, kind: OperationKind): Operation | undefined {
    checkName(name, `the name of a ${kind}`);
    if (this.#used.has(name)) {
      throw new PerdureError("STEP_NAME_REUSED", {
        message:
          `the name ${quote(name)} was used twice in one run of the handler. A name identifies what was recorded: ` +
          `in a loop or a parallel branch, put its key into the name, as in \`${name}:\${id}\`.`,
      });
    }
    this.#used.add(name);
    const recorded = this.#recorded.get(name);
    if (recorded === undefined) {
      this.#ahead = 0;
    } else if (recorded.kind !== kind) {
      throw new PerdureError("STEP_MISMATCH", {
        message:
          `${quote(name)} was recorded as a ${recorded.kind} and is now a ${kind}: the handler has changed since. ` +
          `Give the new operation another name.`,
      });
    } else if (recorded.state === "attempted") {
      this.#ahead = 0;
    } else if (this.#ahead > 0) {
      this.#ahead--;
    }
    return recorded;
  }

  async #runUntilFinal(
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions,
    triesBefore: number,
  ): Promise<Operation> {
    const policy = toRetryPolicy(options.retry, `step ${quote(name)}: retry`);
    for (let tries = triesBefore + 1; ; tries++) {
      const outcome = await this.#try(name, run, options, tries);
      if (!("thrown" in outcome)) {
        return this.#parts.record(name, "step", {
          state: "done",
          value: outcome.value as JsonValue | undefined,
        });
      }
      // Whoever is asked to stop may throw: that says nothing about the step, which runs again in the next attempt.
      if (this.#parts.signal.aborted) throw outcome.thrown;
      const failure = toFailure(outcome.thrown);
      const delayMs = failure.retryable ? retryDelayMs(policy, tries, this.#parts.random) : undefined;
      if (delayMs === undefined) {
        await this.#parts.record(name, "step", { state: "failed", failure });
        throw withCause(fromFailure(failure), outcome.thrown);
      }
      await this.#parts.record(name, "step", { state: "attempted", tries });
      await pause(this.#parts.clock, delayMs, this.#parts.signal);
      this.#parts.signal.throwIfAborted();
    }
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
    const expired = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
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
