/**
 * One run of a handler, from its begin to a recorded outcome: the outside of an attempt (`run.ts`).
 *
 * An attempt ends in one of three ways. The handler settles, and that is recorded. The attempt is *ended from
 * outside* (cancelled, timed out, overtaken, given back): then the record says so, whatever the handler still does; it
 * may ignore its signal for ever, but it can write nothing any more. Or the process dies, and the record shows an
 * attempt that never ended.
 */
import type { AttemptKey, TaskStore } from "../store/store.ts";
import type { Clock } from "../task/clock.ts";
import { PerdureError } from "../task/errors.ts";
import { boundedFailure, type Failure, toFailure } from "../task/failure.ts";
import type { JsonValue } from "../task/json.ts";
import type { Operation, TaskRecord } from "../task/record.ts";
import { retryDelayMs } from "../task/retry.ts";
import { writeDurably } from "./durable-write.ts";
import type { RunCommand } from "./exec/exec.ts";
import { type CreateChild, FencedStore, type FencedStoreParts } from "./fenced-store.ts";
import { HandlerRun } from "./handler-run.ts";
import type { Logger } from "./logger.ts";
import type { Run, Settled } from "./run.ts";
import type { Threads } from "./threads/threads.ts";
import type { TaskTool } from "./tool.ts";
import { unanswerableWarning } from "./unanswerable.ts";

/** What all attempts of an engine share. */
export interface AttemptParts {
  readonly store: TaskStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** How long an attempt that only waits stays resident for an answer. */
  readonly lingerMs: number;
  /** Whether other tasks wait for a slot. */
  readonly slotWanted: () => boolean;
  /** Whether a client that can only call tools is offered one to answer by. Absent: nothing is known of clients. */
  readonly answerable?: (() => boolean) | undefined;
  readonly artifacts: FencedStoreParts["artifacts"];
  readonly child: CreateChild;
  readonly openCall: FencedStoreParts["openCall"];
  /** Where there are tools that run in threads. */
  readonly threads: Threads | undefined;
}

/** As it will be read back. */
export interface RecordedResult {
  readonly result: JsonValue | undefined;
}

export class Attempt {
  readonly key: AttemptKey;
  readonly #record: TaskRecord;
  readonly #tool: TaskTool;
  readonly #parts: AttemptParts;
  /** The handler's signal. */
  readonly #asked = new AbortController();
  /** From then on the handler can write nothing. */
  readonly #ended = new AbortController();
  /** The process goes: not even the outcome is waited for any more. */
  readonly #left = new AbortController();
  readonly #outside = Promise.withResolvers<Settled>();
  readonly #store: FencedStore;
  #settled = false;
  #run: Run | undefined;
  /** There from the first wait on. */
  #onWait: FencedStoreParts["onWait"] | undefined;

  constructor(record: TaskRecord, tool: TaskTool, parts: AttemptParts) {
    this.#record = record;
    this.#tool = tool;
    this.#parts = parts;
    this.key = { taskId: record.id, attempt: record.attempt };
    // Each field is named, as everywhere that is made once for each attempt: V8 grows a copy of twenty fields and two
    // more in steps, 1 kB of garbage each time.
    this.#store = new FencedStore({
      key: this.key,
      store: parts.store,
      artifacts: parts.artifacts,
      clock: parts.clock,
      logger: parts.logger,
      ended: this.#ended.signal,
      onWait: (wait) => this.#warnOfUnanswerable(wait),
      limits: tool.limits,
      end: (reason) => this.end(reason),
      child: parts.child,
      openCall: parts.openCall,
    });
  }

  get tool(): string {
    return this.#tool.name;
  }

  /** The outcome is known and being written: what the record shows now may be our own doing. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Resolves when nothing of it computes any more; `undefined` when that is so, or nobody can tell. */
  get gone(): Promise<void> | undefined {
    return this.#run?.gone;
  }

  /** Something has happened to the task that it may wait for. */
  notice(): void {
    this.#run?.notice();
  }

  /** Other tasks want its slot: if it only waits, it need not linger. */
  slotWanted(): void {
    this.#run?.yieldSlot();
  }

  /** Asks the handler to end. It may still finish, and what it returns counts. */
  ask(reason: PerdureError): void {
    this.#asked.abort(reason);
  }

  /** Ends the attempt now, whatever the handler does. */
  end(reason: PerdureError): void {
    this.#ended.abort(reason);
    this.#asked.abort(reason);
    this.#outside.resolve({ thrown: this.#ended.signal.reason });
    void this.#store.close();
    if (reason.code === "SHUTDOWN") this.#left.abort(reason);
  }

  /** Resolves when the outcome is recorded, or cannot be; with the result, if that is the outcome. Never rejects. */
  async run(): Promise<RecordedResult | undefined> {
    try {
      const settled = await this.#runHandler();
      this.#settled = true;
      void this.#store.close();
      return await this.#recordOutcome(settled);
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
    const { clock } = this.#parts;
    const { timeoutMs } = this.#tool;
    const recorded = this.key.attempt === 1 ? [] : await this.#store.operations();
    if (this.#isEnded()) return { thrown: this.#ended.signal.reason };
    const timeout = clock.after(timeoutMs, () => this.end(timedOut(this.key, timeoutMs)));
    try {
      return await Promise.race([this.#settle(recorded), this.#outside.promise]);
    } finally {
      timeout.cancel();
    }
  }

  async #settle(recorded: readonly Operation[]): Promise<Settled> {
    const tool = this.#tool;
    try {
      const input = await tool.parseInput(this.#record.input);
      if (this.#isEnded()) return { thrown: this.#ended.signal.reason };
      this.#run = this.#start(input, recorded);
      const settled = await this.#run.settled;
      return "thrown" in settled ? settled : { returned: await tool.parseOutput(settled.returned) };
    } catch (thrown) {
      return { thrown };
    }
  }

  #warnOfUnanswerable(wait: Parameters<FencedStoreParts["onWait"]>[0]): void {
    const { store, answerable, logger } = this.#parts;
    this.#onWait ??= unanswerableWarning({
      tool: this.#tool,
      answerable,
      logger,
      timeline: (after) => store.timeline({ taskId: this.key.taskId, after }),
      log: (message) => this.#store.report({ logs: [{ level: "warning", message }] }),
    });
    this.#onWait(wait);
  }

  #start(input: unknown, recorded: readonly Operation[]): Run {
    const { clock, random, logger, lingerMs, slotWanted, threads } = this.#parts;
    const { handler, limits } = this.#tool;
    const parts = {
      task: this.#record,
      input,
      recorded,
      store: this.#store,
      asked: this.#asked.signal,
      ended: this.#ended.signal,
      lingerMs,
      slotWanted,
      logger,
      exec: runCommand,
      limits,
      clock,
      random,
    };
    if (typeof handler === "function") return new HandlerRun(parts, handler);
    if (threads === undefined) throw new Error("the threads are there from the start on");
    return threads.start(parts, handler);
  }

  async #recordOutcome(settled: Settled): Promise<RecordedResult | undefined> {
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
      const complete = () =>
        store.complete({
          ...this.key,
          result: returned as JsonValue | undefined,
          maxBytes: this.#tool.limits.resultBytes,
        });
      const result = await writeDurably(complete, { clock, logger, signal: this.#ended.signal });
      return { result };
    } catch (error) {
      if (error instanceof PerdureError && !["INVALID_VALUE", "LIMIT_EXCEEDED"].includes(error.code))
        throw error;
      // Neither the store's nor fenced off: it is the result that cannot be written down.
      return this.#recordFailure(error);
    }
  }

  async #recordFailure(thrown: unknown): Promise<undefined> {
    const { store, clock, logger, random } = this.#parts;
    const { limits, retry } = this.#tool;
    const failure = boundedFailure(describeFailure(thrown), limits.failureBytes);
    const delayMs = failure.retryable ? retryDelayMs(retry, this.#record.errors + 1, random) : undefined;
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

  #isEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  #fields(): object {
    return { task: this.key.taskId, tool: this.tool, attempt: this.key.attempt };
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

/** Loaded where it is used. */
const runCommand: RunCommand = async (...call) => {
  const loaded = await import("./exec/run-command.ts");
  return loaded.runCommand(...call);
};

function timedOut({ taskId, attempt }: AttemptKey, timeoutMs: number): PerdureError {
  return new PerdureError("TIMEOUT", {
    message: `attempt ${attempt} of task ${taskId} did not end within its time-out of ${timeoutMs} ms.`,
  });
}
