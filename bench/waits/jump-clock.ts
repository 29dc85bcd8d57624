/** The system's time, but a benchmark may let an hour pass at once. */
import { type Clock, systemClock, type Timer } from "perdure";

export class JumpClock implements Clock {
  #offsetMs = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void; timer: Timer }>();

  now(): number {
    return systemClock.now() + this.#offsetMs;
  }

  after(ms: number, run: () => void): Timer {
    const pending = { at: this.now() + ms, run, timer: this.#set(ms, () => fire()) };
    const fire = (): void => {
      this.#timers.delete(pending);
      run();
    };
    this.#timers.add(pending);
    return {
      cancel: () => {
        this.#timers.delete(pending);
        pending.timer.cancel();
      },
    };
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
    for (const pending of this.#timers) {
      pending.timer.cancel();
      pending.timer = this.#set(pending.at - this.now(), () => {
        this.#timers.delete(pending);
        pending.run();
      });
    }
  }

  #set(ms: number, run: () => void): Timer {
    return systemClock.after(Math.max(0, ms), run);
  }
}
