/** A wait that may be longer than one timer of the platform (24.8 days): timers in a row. */
import type { Clock, Timer } from "../task/clock.ts";

/** What every clock takes, see `systemClock`. */
const longestTimerMs = 2 ** 31 - 1;

export function longTimer(clock: Clock, ms: number, run: () => void): Timer {
  if (ms <= longestTimerMs) return clock.after(ms, run);
  let timer = clock.after(longestTimerMs, () => {
    timer = longTimer(clock, ms - longestTimerMs, run);
  });
  return { cancel: () => timer.cancel() };
}
