/**
 * The inside of an attempt that runs in a thread, as the outside sees it: carries what it asks to the store, and what it
 * is told to it.
 *
 * When the attempt has been ended, the handler has `graceMs` to settle; then its thread is ended. At once where the task
 * is parked, since nothing of it is to go on, and at shutdown, since the handler had its time before. The thread of a
 * handler that settled is given back, any other is not: whatever was left there must not meet the next task.
 */
import type { MessagePort } from "node:worker_threads";
import type { Clock, Timer } from "../../task/clock.ts";
import type { PerdureError } from "../../task/errors.ts";
import type { Command, OutputLine } from "../exec/exec.ts";
import type { Run, RunParts, RunTask, Settled } from "../run.ts";
import type { ThreadPool } from "./pool.ts";
import { type FromInside, receiveError, sendError, type StoreCall, type ToInside } from "./protocol.ts";
import type { Thread } from "./thread.ts";

export interface ThreadRunParts extends RunParts {
  readonly pool: ThreadPool;
  readonly clock: Clock;
  readonly graceMs: number;
  /** At shutdown: how long a thread that does not end is waited for. */
  readonly lastWaitMs: number;
}

interface Program {
  readonly stop: AbortController;
  /** Of the lines that were sent, in their order: both streams may have some on the way. */
  readonly unheard: (() => void)[];
}

export class ThreadRun implements Run {
  readonly settled: Promise<Settled>;
  readonly #parts: ThreadRunParts;
  readonly #thread: Thread;
  readonly #port: MessagePort;
  readonly #left = Promise.withResolvers<void>();
  readonly #settle: (settled: Settled) => void;
  readonly #programs = new Map<number, Program>();
  #running = true;
  #grace: Timer | undefined;

  constructor(parts: ThreadRunParts) {
    const { task, input, recorded, lingerMs, slotWanted, asked, ended, limits } = parts;
    this.#parts = parts;
    const settled = Promise.withResolvers<Settled>();
    this.settled = settled.promise;
    this.#settle = settled.resolve;
    this.#thread = parts.pool.take();
    try {
      this.#port = this.#thread.begin({
        task: headOf(task),
        input,
        recorded,
        lingerMs,
        slotWanted: slotWanted(),
        limits: { operations: limits.operations, artifactBytes: limits.artifactBytes },
      });
    } catch (error) {
      parts.pool.giveBack(this.#thread);
      throw error;
    }
    this.#port.on("message", (message: FromInside) => this.#receive(message));
    void this.#thread.gone.then((cause) => this.#leave({ thrown: cause }));
    onAbort(asked, () => this.#tell({ type: "asked", reason: sendError(asked.reason) }));
    onAbort(ended, () => this.#end());
  }

  get gone(): Promise<void> | undefined {
    return this.#running ? this.#left.promise : undefined;
  }

  notice(): void {
    this.#tell({ type: "notice" });
  }

  yieldSlot(): void {
    this.#tell({ type: "slotWanted" });
  }

  /** The process goes, and the attempt has been ended: now its thread is. */
  shutDown(): void {
    const { clock, ended, lastWaitMs } = this.#parts;
    const reason = ended.reason as PerdureError;
    this.#grace?.cancel();
    this.#grace = clock.after(lastWaitMs, () => this.#leave({ thrown: reason }));
    void this.#thread.end(reason);
  }

  #end(): void {
    const reason = this.#parts.ended.reason as PerdureError;
    this.#tell({ type: "ended", reason: sendError(reason) });
    const { clock, graceMs } = this.#parts;
    if (reason.code === "SHUTDOWN") this.shutDown();
    else if (reason.code === "PARKED") void this.#thread.end(reason);
    else this.#grace = clock.after(graceMs, () => void this.#thread.end(reason));
  }

  #receive(message: FromInside): void {
    switch (message.type) {
      case "call":
        return void this.#answer(message);
      case "exec":
        return void this.#exec(message.id, message.command);
      case "heard":
        return this.#programs.get(message.id)?.unheard.shift()?.();
      case "stop":
        return this.#programs.get(message.id)?.stop.abort(new Error("stopped"));
      case "log":
        return this.#parts.logger[message.level](message.fields, message.message);
      case "returned":
        return this.#finish({ returned: message.value });
      case "thrown":
        return this.#finish({ thrown: receiveError(message.error) });
    }
  }

  /** A program that a thread asked for is this process's child: it is read no faster than the thread listens. */
  async #exec(id: number, command: Command): Promise<void> {
    const program: Program = { stop: new AbortController(), unheard: [] };
    this.#programs.set(id, program);
    const onLines = (lines: readonly OutputLine[]): Promise<void> =>
      new Promise((resolve) => {
        program.unheard.push(resolve);
        this.#tell({ type: "lines", id, lines });
      });
    try {
      this.#tell({
        type: "answer",
        id,
        value: await this.#parts.exec(command, onLines, program.stop.signal),
      });
    } catch (error) {
      this.#tell({ type: "refusal", id, error: sendError(error) });
    } finally {
      this.#programs.delete(id);
    }
  }

  /** Of an attempt that has ended nothing is carried on, although it may not have heard of it yet. */
  async #answer({ id, method, args }: StoreCall): Promise<void> {
    const { store, ended } = this.#parts;
    try {
      ended.throwIfAborted();
      const call = store[method] as (...args: unknown[]) => Promise<unknown>;
      this.#tell({ type: "answer", id, value: await call.apply(store, [...args]) });
    } catch (error) {
      this.#tell({ type: "refusal", id, error: sendError(error) });
    }
  }

  #finish(settled: Settled): void {
    if (!this.#running) return;
    this.#leave(settled);
    if (this.#thread.alive) this.#parts.pool.giveBack(this.#thread);
  }

  #leave(settled: Settled): void {
    if (!this.#running) return;
    this.#running = false;
    for (const { stop, unheard } of this.#programs.values()) {
      stop.abort(new Error("the thread is gone"));
      for (const heard of unheard) heard();
    }
    this.#grace?.cancel();
    this.#port.close();
    this.#settle(settled);
    this.#left.resolve();
  }

  #tell(message: ToInside): void {
    if (this.#running) this.#port.postMessage(message);
  }
}

/** The whole record stays here: it has the input once more. */
function headOf({ id, tool, owner, session, attempt, progress }: RunTask): RunTask {
  return { id, tool, owner, attempt, ...(session && { session }), ...(progress && { progress }) };
}

function onAbort(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run();
  else signal.addEventListener("abort", run, { once: true });
}
