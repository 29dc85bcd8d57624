/** Time comes in by a parameter, so that a test can move it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once, `ms` from now. A timer keeps the process alive. */
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** `setTimeout` takes no more; a longer wait is cut here, and whoever waits looks again. */
const maxTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, maxTimerMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
