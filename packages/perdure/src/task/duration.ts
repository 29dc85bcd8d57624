/** Durations are written as an author says them, `"90s"`, and kept in whole milliseconds. */
import { PerdureError, quote } from "./errors.ts";

export type DurationUnit = "ms" | "s" | "m" | "h" | "d";
/** `"250ms"`, `"90s"`, `"15m"`, `"2h"`, `"7d"`, or a number of milliseconds. */
export type Duration = number | `${number}${DurationUnit}`;

const unitMs: Record<DurationUnit, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * @param setting names the setting in the error.
 * @throws PerdureError `INVALID_OPTION` for anything that is no duration, or a negative one.
 */
export function toMs(duration: Duration, setting: string): number {
  if (typeof duration === "number" && duration >= 0) return Math.round(duration);
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration));
  if (match === null || typeof duration === "number") {
    throw new PerdureError("INVALID_OPTION", {
      message: `${setting} must be a duration such as "90s", "2h", "7d" or milliseconds; ${quote(duration)} came.`,
    });
  }
  return Math.round(Number(match[1]) * unitMs[match[2] as DurationUnit]);
}
