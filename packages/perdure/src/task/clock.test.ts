/** The system's clock: waits longer than the platform's longest timer neither end early nor hold on when cancelled. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

const day = 86_400_000;

describe("the system's clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("waits 30 days, which setTimeout cuts to nothing", async () => {
    const fired: string[] = [];
    systemClock.after(30 * day, () => fired.push("30 d"));
    systemClock.after(1_000, () => fired.push("1 s"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(fired).toEqual(["1 s"]);
    await vi.advanceTimersByTimeAsync(29.9 * day);
    expect(fired).toEqual(["1 s"]);
    await vi.advanceTimersByTimeAsync(day);
    expect(fired).toEqual(["1 s", "30 d"]);
  });

  it("never ends an endless wait, and cancels it", async () => {
    const timer = systemClock.after(Number.POSITIVE_INFINITY, () => expect.unreachable());
    await vi.advanceTimersByTimeAsync(100 * day);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });
});
