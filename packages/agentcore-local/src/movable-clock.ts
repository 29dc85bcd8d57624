/**
 * Real time that can run faster, and be moved ahead at once: "three days later" in a demo. What was to happen meanwhile
 * happens at the move, in its order.
 */
import type { Clock } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Longer than that, a timer of Node fires at once. */
const longestWaitMs = 2 ** 31 - 1;

export class MovableClock implements Clock {
  readonly #speed: number;
  readonly #start = performance.now();
  #base = Date.now();
  readonly #timers = new Set<Timer>();
  #wake: NodeJS.Timeout | undefined;

  /** @throws TypeError for a speed that is not above 0 */
  constructor({ speed = 1 }: { readonly speed?: number } = {}) {
    if (!(speed > 0) || !Number.isFinite(speed))
      throw new TypeError(`speed: a number above 0 was expected, ${speed} came.`);
    this.#speed = speed;
  }

  now(): number {
    return Math.round(this.#base + (performance.now() - this.#start) * this.#speed);
  }

  after(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.now() + Math.max(0, ms), run };
    this.#timers.add(timer);
    this.#sleep();
    return {
      cancel: () => {
        this.#timers.delete(timer);
        this.#sleep();
      },
    };
  }

  /** Returns when what had become due was begun. @throws TypeError: time goes ahead only */
  advance(ms: number): void {
    if (!(ms >= 0) || !Number.isFinite(ms))
      throw new TypeError(`advance: milliseconds from 0 on were expected, ${ms} came.`);
    this.#base += ms;
    this.#fire();
  }

  #fire(): void {
    for (let timer = this.#next(); timer !== undefined && timer.at <= this.now(); timer = this.#next()) {
      this.#timers.delete(timer);
      timer.run();
    }
    this.#sleep();
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }

  #sleep(): void {
    clearTimeout(this.#wake);
    const next = this.#next();
    if (next === undefined) return;
    const ms = Math.max(0, (next.at - this.now()) / this.#speed);
    this.#wake = setTimeout(() => this.#fire(), Math.min(Math.ceil(ms), longestWaitMs));
  }
}
