/**
 * One run of a handler, from its begin to a recorded outcome.
 *
 * An attempt ends in one of three ways. The handler settles, and that is recorded. The attempt is *ended from
 * outside* (cancelled, timed out, overtaken, given back): then the record says so, whatever the handler still does; it
 * may ignore its signal for ever, but it can write nothing any more. Or the process dies, and the record shows an
 * attempt that never ended.
 */
import type { AttemptKey, TaskStore } from "../store/store.ts";
import type { Clock } from "../task/clock.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { type Failure, toFailure } from "../task/failure.ts";
import type { JsonValue } from "../task/json.ts";
import type { OpenOperation, Operation, TaskRecord } from "../task/record.ts";
import { retryDelayMs } from "../task/retry.ts";
import { createTaskContext } from "./attempt-context.ts";
import { writeDurably } from "./durable-write.ts";
import type { Logger } from "./logger.ts";
import { Operations } from "./operations.ts";
import { reasonToEnd } from "./reason-to-end.ts";
import { Reporter } from "./reporter.ts";
import type { TaskTool } from "./tool.ts";
import { WaitCalls, type WaitCallsParts } from "./wait-calls.ts";
import { Waits } from "./waits.ts";

export interface AttemptParts {
  readonly record: TaskRecord;
  readonly tool: TaskTool;
  readonly store: TaskStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** How long an attempt that only waits stays resident for an answer. */
  readonly lingerMs: number;
  /** Whether other tasks wait for a slot. */
  readonly slotWanted: () => boolean;
  /** A task for `call` to create. @throws PerdureError `UNKNOWN_TOOL`, `INVALID_INPUT` */
  readonly child: WaitCallsParts["child"];
}

/** Of recorded operations that a finished run never came to, in the timeline; its data are their names. */
export const unvisitedWarning =
  "recorded operations were not come to: the handler has changed, or decides by chance";

/** As it will be read back. */
export interface RecordedResult {
  readonly result: JsonValue | undefined;
}

type Settled = { readonly returned: unknown } | { readonly thrown: unknown };

export class Attempt {
  readonly key: AttemptKey;
  readonly #parts: AttemptParts;
  /** The handler's signal. */
  readonly #asked = new AbortController();
  /** From then on the handler can write nothing. */
  readonly #ended = new AbortController();
  /** The process goes: not even the outcome is waited for any more. */
  readonly #left = new AbortController();
  #settled = false;
  #waits: Waits | undefined;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.key = { taskId: parts.record.id, attempt: parts.record.attempt };
  }

  get tool(): string {
    return this.#parts.tool.name;
  }

  /** The outcome is known and being written: what the record shows now may be our own doing. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Something has happened to the task that it may wait for. */
  notice(): void {
    this.#waits?.notice();
  }

  /** Other tasks want its slot: if it only waits, it need not linger. */
  slotWanted(): void {
    this.#waits?.consider();
  }

  /** Asks the handler to end. It may still finish, and what it returns counts. */
  ask(reason: PerdureError): void {
    this.#asked.abort(reason);
  }

  /** Ends the attempt now, whatever the handler does. */
  end(reason: PerdureError): void {
    this.#ended.abort(reason);
    this.#asked.abort(reason);
    if (reason.code === "SHUTDOWN") this.#left.abort(reason);
  }

  /** Resolves when the outcome is recorded, or cannot be; with the result, if that is the outcome. Never rejects. */
  async run(): Promise<RecordedResult | undefined> {
    try {
      const settled = await this.#runHandler();
      this.#settled = true;
      return await this.#record(settled);
    } catch (error) {
      if (error instanceof PerdureError && error.code === "STALE_ATTEMPT") return undefined;
      this.#parts.logger.error(
        { err: error, ...this.#fields() },
        "the end of an attempt could not be recorded; the next start takes the task up again",
      );
      return undefined;
    }
  }

  async #runHandler(): Promise<Settled> {
    const { record, tool, store, clock } = this.#parts;
    const recorded = record.attempt === 1 ? [] : await this.#write(() => store.operations(this.key));
    if (this.#isEnded()) return { thrown: this.#ended.signal.reason };
    // What was reported before a wait is not said again after it.
    const waits = this.#createWaits(() => reporter.flush());
    this.#waits = waits;
    const operations = this.#createOperations(recorded, waits);
    const reporter = new Reporter({
      clock,
      progress: record.progress,
      muted: () => operations.replaying || this.#isEnded(),
      write: (report) => this.#fenced(() => store.report({ ...this.key, ...report })),
    });
    const calls = new WaitCalls({
      operations,
      waits,
      openWait: (wait) => this.#write(() => store.openWait({ ...this.key, ...wait })),
      openCall: (call) => this.#write(() => store.openCall({ ...this.key, ...call })),
      child: this.#parts.child,
    });
    const context = createTaskContext({
      record,
      operations,
      reporter,
      waits,
      calls,
      logger: this.#parts.logger,
      asked: this.#asked.signal,
      ended: this.#ended.signal,
      save: (state) => {
        operations.pass();
        return this.#write(() => store.saveState({ ...this.key, state }));
      },
      saved: async () => {
        const state = await store.savedState(this.key);
        if (state !== undefined) operations.resume();
        return state;
      },
    });
    const timeout = clock.after(tool.timeoutMs, () => this.end(timedOut(this.key, tool.timeoutMs)));
    const outside = endedFromOutside(this.#ended.signal);
    try {
      const settled = await Promise.race([settle(tool, record.input, context), outside.promise]);
      if (!this.#isEnded()) {
        this.#warnOfUnvisited(operations.finish(), reporter);
        reporter.flush();
      }
      return settled;
    } finally {
      timeout.cancel();
      outside.forget();
      reporter.end();
      waits.end();
    }
  }

  #createOperations(recorded: readonly Operation[], waits: Waits): Operations {
    const { store, clock, random } = this.#parts;
    return new Operations({
      ...this.key,
      recorded,
      clock,
      random,
      signal: this.#asked.signal,
      track: (run) => waits.track(run),
      record: (name, kind, outcome) =>
        this.#write(() => store.recordOperation({ ...this.key, name, kind, ...outcome })),
      backOff: async (operation) => {
        await waits.settled(operation);
        this.#asked.signal.throwIfAborted();
      },
    });
  }

  #createWaits(beforePark: () => void): Waits {
    const { store, clock, lingerMs, slotWanted } = this.#parts;
    return new Waits({
      clock,
      lingerMs,
      slotWanted,
      read: () => store.operations(this.key),
      expire: (operation) => this.#expire(operation),
      park: (waits) => {
        beforePark();
        return this.#write(() => store.park({ ...this.key, waits }));
      },
      parked: () =>
        this.end(new PerdureError("PARKED", { message: "the task waits, and runs again when it is over." })),
    });
  }

  /** Nobody answered in time; unless somebody did just now. */
  async #expire({ name, kind, wait }: OpenOperation): Promise<Operation> {
    const { store } = this.#parts;
    const samples = wait.kind === "ask" && wait.question.mode === "sample";
    const message = samples
      ? `no client answered the request for sampling ${quote(name)} in time; it needs one that declares sampling.`
      : `nobody answered ${quote(name)} in time.`;
    const failure = toFailure(new PerdureError("EXPIRED", { message }));
    try {
      return await this.#write(() =>
        store.recordOperation({ ...this.key, name, kind, state: "failed", failure }),
      );
    } catch (error) {
      const now = (await store.operations(this.key)).find((operation) => operation.name === name);
      if (now === undefined || now.state === "open") throw error;
      return now;
    }
  }

  /** What was recorded and never come to says that the handler has changed, or that its branches are not sure. */
  #warnOfUnvisited(names: readonly string[], reporter: Reporter): void {
    if (names.length === 0) return;
    reporter.log("warning", unvisitedWarning, [...names]);
  }

  async #record(settled: Settled): Promise<RecordedResult | undefined> {
    const ended = this.#ended.signal.aborted ? (this.#ended.signal.reason as PerdureError) : undefined;
    if (ended !== undefined && ended.code !== "TIMEOUT") {
      // Parked: the record said so before the attempt ended.
      if (ended.code === "SHUTDOWN") await this.#parts.store.release(this.key);
      return undefined;
    }
    if (ended !== undefined) return this.#recordFailure(ended);
    if ("returned" in settled) return this.#recordResult(settled.returned);
    const asked = this.#asked.signal.reason as PerdureError | undefined;
    // Asked to stop, it threw: that is obedience, not an error.
    if (asked?.code === "SHUTDOWN") await this.#parts.store.release(this.key);
    else await this.#recordFailure(settled.thrown);
    return undefined;
  }

  async #recordResult(returned: unknown): Promise<RecordedResult | undefined> {
    const { store, logger, clock } = this.#parts;
    try {
      const complete = () => store.complete({ ...this.key, result: returned as JsonValue | undefined });
      const result = await writeDurably(complete, { clock, logger, signal: this.#ended.signal });
      return { result };
    } catch (error) {
      if (error instanceof PerdureError && error.code !== "INVALID_VALUE") throw error;
      // Neither the store's nor fenced off: it is the result that cannot be written down.
      return this.#recordFailure(error);
    }
  }

  async #recordFailure(thrown: unknown): Promise<undefined> {
    const { store, tool, record, clock, logger, random } = this.#parts;
    const failure = describeFailure(thrown);
    const delayMs = failure.retryable ? retryDelayMs(tool.retry, record.errors + 1, random) : undefined;
    logger.warn(
      { err: thrown, ...this.#fields(), ...(delayMs !== undefined && { retryInMs: delayMs }) },
      delayMs === undefined ? "the task failed" : "an attempt failed and will be tried again",
    );
    const write = () =>
      delayMs === undefined
        ? store.fail({ ...this.key, failure })
        : store.retry({ ...this.key, failure, delayMs });
    await writeDurably(write, { clock, logger, signal: this.#left.signal });
  }

  /** A write that the handler waits for: kept up until accepted, refused, or the attempt has ended. */
  #write<T>(write: () => Promise<T>): Promise<T> {
    const { clock, logger } = this.#parts;
    return this.#fenced(() => writeDurably(write, { clock, logger, signal: this.#ended.signal }));
  }

  async #fenced<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof PerdureError) || error.code !== "STALE_ATTEMPT") throw error;
      throw await this.#endAsRecorded(error);
    }
  }

  #isEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Refused: another has decided about the task, and its record says what. */
  async #endAsRecorded(refusal: PerdureError): Promise<PerdureError> {
    const task = await this.#parts.store.summary(this.key).catch(() => undefined);
    const reason = reasonToEnd(task, this.key) ?? refusal;
    this.end(reason);
    return reason;
  }

  #fields(): object {
    return { task: this.key.taskId, tool: this.tool, attempt: this.key.attempt };
  }
}

async function settle(
  tool: TaskTool,
  input: JsonValue | undefined,
  context: ReturnType<typeof createTaskContext>,
): Promise<Settled> {
  try {
    const returned = await tool.handler(await tool.parseInput(input), context);
    return { returned: await tool.parseOutput(returned) };
  } catch (thrown) {
    return { thrown };
  }
}

/** What cannot be recorded of something thrown fails the task too, instead of leaving it without an end. */
function describeFailure(thrown: unknown): Failure {
  try {
    return toFailure(thrown);
  } catch (error) {
    return toFailure(error);
  }
}

function timedOut({ taskId, attempt }: AttemptKey, timeoutMs: number): PerdureError {
  return new PerdureError("TIMEOUT", {
    message: `attempt ${attempt} of task ${taskId} did not end within its time-out of ${timeoutMs} ms.`,
  });
}

function endedFromOutside(signal: AbortSignal): {
  readonly promise: Promise<Settled>;
  readonly forget: () => void;
} {
  let onAbort = (): void => undefined;
  const promise = new Promise<Settled>((resolve) => {
    onAbort = () => resolve({ thrown: signal.reason });
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return { promise, forget: () => signal.removeEventListener("abort", onAbort) };
}
