import { describe, expect, it } from "vitest";
import type { Clock } from "../task/clock.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { longTimer } from "./long-timer.ts";

/** Cuts every wait, as the platform's timers do. */
function platformClock(manual: ManualClock): Clock {
  return { now: () => manual.now(), after: (ms, run) => manual.after(Math.min(ms, 2 ** 31 - 1), run) };
}

describe("a long timer", () => {
  it("waits as long as it was told, also where one timer cannot", async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    longTimer(platformClock(clock), 30 * 86_400_000, () => fired.push("30 d"));
    longTimer(platformClock(clock), 1_000, () => fired.push("1 s"));
    longTimer(platformClock(clock), Number.POSITIVE_INFINITY, () => fired.push("never"));
    await clock.advance("29d");
    expect(fired).toEqual(["1 s"]);
    await clock.advance("1d");
    expect(fired).toEqual(["1 s", "30 d"]);
    await clock.advance("1000d");
    expect(fired).toEqual(["1 s", "30 d"]);
  });

  it("is cancelled in whichever part it is", async () => {
    const clock = new ManualClock();
    const timers = [0, 1].map(() =>
      longTimer(platformClock(clock), 30 * 86_400_000, () => expect.unreachable()),
    );
    timers[0]?.cancel();
    await clock.advance("29d");
    timers[1]?.cancel();
    await clock.advance("10d");
  });
});
