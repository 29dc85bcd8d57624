/**
 * Time that stands still until a test moves it. `advance` fires the timers that fall due on the way, in their order and
 * each at its own time, and between two of them lets pending work go on: promises settle, and a store that gathers the
 * writes of an event-loop turn commits them; what a store waits for in real time, as an answer of its database, it has
 * waited for (`waitFor`). What that work does sees the time at which it happened.
 */
import type { Clock, Timer } from "../task/clock.ts";
import { type Duration, toMs } from "../task/duration.ts";

/** Event-loop turns given to pending work between two timers: each lets a chain of writes go one commit further. */
const turnsBetween = 8;

/** 2026-01-01T00:00:00Z: any time would do, a round one is easy to read in a failed assertion. */
const defaultStart = Date.UTC(2026, 0, 1);

/** What takes real time and has not settled, for all clocks: a test may hold several. */
const underWay = new Set<Promise<unknown>>();

interface PendingTimer {
  readonly at: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  /** In the order in which they were set, which decides between timers of the same time. */
  readonly #timers = new Set<PendingTimer>();

  /** @param start milliseconds since 1970. */
  constructor(start: number = defaultStart) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const timer: PendingTimer = { at: this.#now + Math.max(0, ms), run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  waitFor(work: Promise<unknown>): void {
    noteWork(work);
  }

  /** Resolves once the time has passed and every timer due by then has fired, also those set on the way. */
  async advance(duration: Duration): Promise<void> {
    const end = this.#now + toMs(duration, "advance");
    await settle();
    for (;;) {
      const timer = this.#nextUntil(end);
      if (timer !== undefined) {
        this.#timers.delete(timer);
        this.#moveTo(timer.at);
        timer.run();
      } else if (this.#now < end) {
        this.#moveTo(end);
      } else {
        return;
      }
      await settle();
    }
  }

  /** As on a machine that slept: all that falls due meanwhile fires at the end, once. For months in one go. */
  async skip(duration: Duration): Promise<void> {
    await settle();
    this.#moveTo(this.#now + toMs(duration, "skip"));
    await this.advance(0);
  }

  /** Never backwards: two calls of `advance` may overlap. */
  #moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  #nextUntil(end: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}

/** Has `settle` wait for it. */
export function noteWork(work: Promise<unknown>): void {
  underWay.add(work);
  const settled = (): void => void underWay.delete(work);
  work.then(settled, settled);
}

/** Lets pending work go on: promises, whatever waits for the next turns of the event loop, and answers of a database. */
export async function settle(): Promise<void> {
  do {
    await Promise.allSettled(underWay);
    for (let turn = 0; turn < turnsBetween; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  } while (underWay.size > 0);
}
