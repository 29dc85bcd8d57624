/**
 * The threads of one tool. There are as many as attempts run: the engine's slots bound them. One whose handler has
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

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#idle.splice(0)) timer.cancel();
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #start(): Thread {
    const thread = new Thread(this.#parts);
    this.#threads.add(thread);
    void thread.gone.then(() => this.#threads.delete(thread));
    return thread;
  }
}
