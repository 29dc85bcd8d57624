/** The inside of an attempt: the handler, and what stands behind its `task`. */
import type { Clock } from "../task/clock.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { toFailure } from "../task/failure.ts";
import type { OpenOperation, Operation } from "../task/record.ts";
import { ArtifactCalls } from "./artifact-calls.ts";
import { createTaskContext } from "./attempt-context.ts";
import type { StepContext, TaskContext } from "./context.ts";
import { type ExecOptions, type ExecResult, type OutputLine, toCommand } from "./exec/exec.ts";
import { Operations } from "./operations.ts";
import { Reporter } from "./reporter.ts";
import type { Run, RunParts, Settled } from "./run.ts";
import { WaitCalls } from "./wait-calls.ts";
import { Waits } from "./waits.ts";

export type Handler = (input: unknown, task: TaskContext) => unknown;

export interface HandlerRunParts extends RunParts {
  readonly clock: Clock;
  readonly random: () => number;
}

/** Of recorded operations that a finished run never came to, in the timeline; its data are their names. */
export const unvisitedWarning =
  "recorded operations were not come to: the handler has changed, or decides by chance";

export class HandlerRun implements Run {
  readonly settled: Promise<Settled>;
  /** A handler in this thread cannot be stopped, and its end is not waited for. */
  readonly gone = undefined;
  readonly #parts: HandlerRunParts;
  readonly #handler: Handler;
  readonly #waits: Waits;
  readonly #operations: Operations;
  readonly #reporter: Reporter;
  /** Of the programs that it runs: there from the first on. */
  #programs: AbortController | undefined;

  constructor(parts: HandlerRunParts, handler: Handler) {
    this.#parts = parts;
    this.#handler = handler;
    const { task, store, clock, ended } = parts;
    this.#waits = this.#createWaits();
    this.#operations = this.#createOperations();
    this.#reporter = new Reporter({
      clock,
      progress: task.progress,
      muted: () => this.#operations.replaying || ended.aborted,
      write: (report) => store.report(report),
    });
    if (ended.aborted) this.#end();
    else ended.addEventListener("abort", () => this.#end(), { once: true });
    this.settled = this.#run();
  }

  notice(): void {
    this.#waits.notice();
  }

  yieldSlot(): void {
    this.#waits.consider();
  }

  async #run(): Promise<Settled> {
    const settled = await this.#settle();
    if (!this.#parts.ended.aborted) {
      this.#warnOfUnvisited(this.#operations.finish());
      this.#reporter.flush();
    }
    this.#end();
    return settled;
  }

  async #settle(): Promise<Settled> {
    try {
      return { returned: await this.#handler(this.#parts.input, this.#createContext()) };
    } catch (thrown) {
      return { thrown };
    }
  }

  #createContext(): TaskContext {
    const { task, store, asked, ended, logger, limits } = this.#parts;
    const [operations, waits, reporter] = [this.#operations, this.#waits, this.#reporter];
    return createTaskContext({
      task,
      operations,
      reporter,
      waits,
      calls: new WaitCalls({
        operations,
        waits,
        openWait: (wait) => store.openWait(wait),
        openCall: (call) => store.openCall(call),
      }),
      artifacts: new ArtifactCalls({
        attempt: task.attempt,
        operations,
        maxBytes: limits.artifactBytes,
        ended,
        store,
      }),
      logger,
      asked,
      ended,
      exec: (...call) => this.#exec(...call),
      save: (state) => {
        operations.pass();
        return store.saveState(state);
      },
      saved: async () => {
        const state = await store.savedState();
        if (state !== undefined) operations.resume();
        return state;
      },
    });
  }

  /** What is not awaited ends with the handler. */
  async #exec(file: string, args: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const command = toCommand(file, args, options);
    const onLines = (lines: readonly OutputLine[]): void => {
      for (const [line, stream] of lines) options.onLine?.(line, stream);
    };
    const { signal: over } = (this.#programs ??= new AbortController());
    const run = ({ signal }: StepContext): Promise<ExecResult> =>
      this.#parts.exec(command, onLines, AbortSignal.any([signal, over]));
    const { retry } = options;
    const step = this.#operations.step(command.name, run, retry === undefined ? {} : { retry });
    return (await step) as ExecResult;
  }

  #createOperations(): Operations {
    const { task, store, recorded, limits, clock, random, asked } = this.#parts;
    const waits = this.#waits;
    return new Operations({
      taskId: task.id,
      attempt: task.attempt,
      recorded,
      maxOperations: limits.operations,
      clock,
      random,
      signal: asked,
      track: (run) => waits.track(run),
      record: (name, kind, outcome) => store.recordOperation({ name, kind, ...outcome }),
      backOff: async (operation) => {
        await waits.settled(operation);
        asked.throwIfAborted();
      },
    });
  }

  #createWaits(): Waits {
    const { store, clock, ended, lingerMs, slotWanted } = this.#parts;
    return new Waits({
      clock,
      ended,
      lingerMs,
      slotWanted,
      read: () => store.operations(),
      expire: (operation) => this.#expire(operation),
      park: (waits) => {
        // What was reported before a wait is not said again after it.
        this.#reporter.flush();
        return store.park(waits);
      },
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
      return await store.recordOperation({ name, kind, state: "failed", failure });
    } catch (error) {
      const now = (await store.operations()).find((operation) => operation.name === name);
      if (now === undefined || now.state === "open") throw error;
      return now;
    }
  }

  /** What was recorded and never come to says that the handler has changed, or that its branches are not sure. */
  #warnOfUnvisited(names: readonly string[]): void {
    if (names.length > 0) this.#reporter.log("warning", unvisitedWarning, [...names]);
  }

  #end(): void {
    this.#reporter.end();
    this.#waits.end();
    this.#programs?.abort(this.#parts.ended.reason ?? new Error("the handler has ended"));
  }
}
