import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Duration, toMs } from "./duration.ts";
import { PerdureError } from "./errors.ts";

describe("a duration", () => {
  it.each<[Duration, number]>([
    [0, 0],
    [1_500, 1_500],
    ["250ms", 250],
    ["90s", 90_000],
    ["15m", 900_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    ["1.5h", 5_400_000],
    ["0s", 0],
  ])("%j is %d ms", (duration, ms) => {
    expect(toMs(duration, "timeout")).toBe(ms);
  });

  it("is the number before its unit times the unit", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    fc.assert(
      fc.property(fc.nat(), unit, (n, u) => {
        expect(toMs(`${n}${u}`, "timeout")).toBe(n * units[u]);
      }),
    );
  });

  it.each([-1, Number.NaN, "-5s", "5", "5 s", "s", "", "5y", "5S", "1e3s", "1.s", "5s ", null, true, {}, []])(
    "%j is none",
    (given) => {
      let error: unknown;
      try {
        toMs(given as Duration, "tool train: timeout");
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(PerdureError);
      expect(error).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("tool train: timeout must be a duration") as string,
      });
    },
  );
});
