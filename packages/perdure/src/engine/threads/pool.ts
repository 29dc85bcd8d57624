/**
 * The threads of one handler. There are as many as attempts run: the engine's slots bound them. One whose handler has
 * settled is kept warm for the next, and ends when it was idle for a while.
 */
import type { Clock, Timer } from "../../task/clock.ts";
import { Thread, type ThreadParts } from "./thread.ts";

const idleMs = 10_000;

export class ThreadPool {
  readonly #parts: ThreadParts;
  readonly #clock: Clock;
  readonly #threads = new Set<Thread>();
  /** The one that was used last is used first, so that the others grow old. */
  readonly #idle: { readonly thread: Thread; readonly timer: Timer }[] = [];
  #closed = false;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
  }

  get tool(): string {
    return this.#parts.tool;
  }

  /** How many there are, busy or idle. */
  get size(): number {
    return this.#threads.size;
  }

  /** Starts a thread and loads the module in it. @throws PerdureError `INVALID_OPTION` */
  async load(): Promise<void> {
    const thread = this.#start();
    try {
      await thread.load();
    } catch (error) {
      await thread.end();
      throw error;
    }
    this.giveBack(thread);
  }

  take(): Thread {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      last.timer.cancel();
      if (last.thread.alive) return last.thread;
    }
    return this.#start();
  }

  /** Nothing runs in it any more. */
  giveBack(thread: Thread): void {
    thread.rest();
    if (this.#closed) return void thread.end();
    const timer = this.#clock.after(idleMs, () => {
      this.#idle.splice(
        this.#idle.findIndex((idle) => idle.thread === thread),
        1,
      );
      void thread.end();
    });
    this.#idle.push({ thread, timer });
  }

  /** Ends all. @returns how many are still there after `waitMs`: native code is not interrupted. */
  async close(waitMs: number): Promise<number> {
    this.#closed = true;
    for (const { timer } of this.#idle.splice(0)) timer.cancel();
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.after(waitMs, late.resolve);
    await Promise.race([late.promise, Promise.all([...this.#threads].map((thread) => thread.end()))]);
    timer.cancel();
    for (const thread of this.#threads) thread.rest();
    return this.#threads.size;
  }

  #start(): Thread {
    const thread = new Thread(this.#parts);
    this.#threads.add(thread);
    void thread.gone.then(() => this.#threads.delete(thread));
    return thread;
  }
}
