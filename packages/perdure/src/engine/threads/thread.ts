/**
 * One thread, which runs one attempt at a time. It may die at any moment (out of memory, `process.exit`, an uncaught
 * error), and only it: whoever uses it hears why.
 *
 * It is `node:worker_threads` as it is. A pool library (piscina 5) was tried and left: its queue would stand empty behind
 * the engine's slots; it forgets a thread at the moment of the abort, while native code still runs there, so that more
 * run than were allowed; a thread that dies while it starts leaves what was queued waiting for ever; and it does not say
 * which thread runs a task, whose memory is to be watched.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../task/clock.ts";
import { PerdureError } from "../../task/errors.ts";
import { moduleFile } from "./module-file.ts";
import type { ThreadLimits } from "./limits.ts";
import { watchMemory } from "./memory-watch.ts";
import type { Begin, LoadReport, ThreadOrder } from "./protocol.ts";

/** A module that takes longer than this to load will not be ready when a task comes either. */
const loadMs = 60_000;

export interface ThreadParts extends ThreadLimits {
  readonly tool: string;
  readonly module: URL;
  readonly clock: Clock;
}

export class Thread {
  /** Resolves when the thread is gone, with the reason, as an attempt that ran in it would fail. */
  readonly gone: Promise<PerdureError>;
  readonly #parts: ThreadParts;
  readonly #worker: Worker;
  #cause: PerdureError | undefined;
  #alive = true;
  #unwatch: (() => void) | undefined;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    this.#worker = new Worker(moduleFile(new URL("./worker.js", import.meta.url), "perdure's own worker"), {
      name: parts.tool,
      workerData: { module: parts.module.href },
      resourceLimits: parts.resourceLimits,
    });
    this.#worker.on("error", (error) => {
      this.#cause ??= toCause(error);
    });
    this.gone = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#alive = false;
        this.#unwatch?.();
        resolve(this.#cause ?? exited(code));
      });
    });
    this.rest();
  }

  get alive(): boolean {
    return this.#alive && this.#cause === undefined;
  }

  /** Loads the module. @throws PerdureError `INVALID_OPTION` when it has no handler, or cannot be loaded. */
  async load(): Promise<void> {
    const { clock, tool, module } = this.#parts;
    const late = new Promise<LoadReport>((resolve) => {
      const timer = clock.after(loadMs, () => resolve({ problem: `it was not loaded within ${loadMs} ms` }));
      void this.gone.then(() => timer.cancel());
      this.#worker.once("message", () => timer.cancel());
    });
    const report = new Promise<LoadReport>((resolve) => this.#worker.once("message", resolve));
    const died = this.gone.then(({ message }): LoadReport => ({ problem: message }));
    this.#order({ type: "load" });
    const { problem } = await Promise.race([report, late, died]);
    if (problem === undefined) return;
    throw new PerdureError("INVALID_OPTION", {
      message: `task ${tool}: run: ${fileURLToPath(module)} cannot be run in a thread: ${problem}`,
    });
  }

  /** Begins an attempt, and returns its port. @throws PerdureError `INVALID_VALUE` for an input that cannot be sent. */
  begin(begin: Omit<Begin, "port">): MessagePort {
    const { port1, port2 } = new MessageChannel();
    try {
      this.#order({ type: "begin", begin: { ...begin, port: port2 } }, port2);
    } catch (error) {
      port1.close();
      throw new PerdureError("INVALID_VALUE", {
        message: `the input, as its schema makes it, cannot be sent to a thread: ${(error as Error).message}`,
        cause: error,
      });
    }
    this.#worker.ref();
    this.#unwatch = watchMemory({
      ...this.#parts,
      worker: this.#worker,
      exceeded: (problem) => void this.end(outOfMemory(`the thread has come to ${problem}`)),
    });
    return port1;
  }

  /** Nothing runs in it: it does not keep the process alive, and nobody watches. */
  rest(): void {
    this.#unwatch?.();
    this.#worker.unref();
  }

  /** Ends it, whatever it does; resolves when it is gone. Native code is not interrupted. */
  async end(cause?: PerdureError): Promise<void> {
    this.#cause ??= cause;
    await this.#worker.terminate();
  }

  #order(order: ThreadOrder, port?: MessagePort): void {
    this.#worker.postMessage(order, port === undefined ? [] : [port]);
  }
}

function toCause(error: unknown): PerdureError {
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    return outOfMemory("the thread has come to V8's limit of its heap (resourceLimits)");
  }
  const thrown = error instanceof Error ? `${name}: ${message}` : String(error);
  return new PerdureError("UNCAUGHT_ERROR", {
    message: `something threw where nobody could catch it, or a rejected promise was not awaited: ${thrown}`,
    cause: error,
  });
}

function outOfMemory(what: string): PerdureError {
  return new PerdureError("OUT_OF_MEMORY", { message: `${what}. It was ended; the process goes on.` });
}

function exited(code: number): PerdureError {
  return new PerdureError("THREAD_EXITED", {
    message: `the thread has ended before its handler: process.exit(${code}) was called in it, or it was ended from outside.`,
  });
}
