/** Time comes in by a parameter, so that a test can move it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once, `ms` from now. A timer keeps the process alive. */
  after(ms: number, run: () => void): Timer;
  /** Of work that takes real time, as a statement of a database does: a clock that a test moves stands still meanwhile. */
  waitFor?(work: Promise<unknown>): void;
}

export interface Timer {
  cancel(): void;
}

/** `setTimeout` takes no more (24.8 days): a longer wait is several in a row. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      timer =
        restMs > longestTimerMs
          ? setTimeout(() => wait(restMs - longestTimerMs), longestTimerMs)
          : setTimeout(run, restMs);
    };
    wait(Math.max(0, ms)); // Node warns of a time that has passed meanwhile
    return { cancel: () => clearTimeout(timer) };
  },
};
