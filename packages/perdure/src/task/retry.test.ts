import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RetryOptions, retryDelayMs, toRetryPolicy } from "./retry.ts";

const always = { retries: Number.POSITIVE_INFINITY };
const shortest = (): number => 0;
const longest = (): number => 1 - Number.EPSILON;

describe("a policy", () => {
  it("is no retry unless asked", () => {
    expect(retryDelayMs(toRetryPolicy(), 1, shortest)).toBeUndefined();
  });

  it("is a number of retries, a second apart at first", () => {
    expect(toRetryPolicy(3)).toEqual({ retries: 3, delayMs: 1_000, maxDelayMs: 300_000, factor: 2 });
  });

  it.each<[string, unknown]>([
    ["fewer than none", -1],
    ["no number", Number.NaN],
    ["nothing", {}],
    ["a factor below 1", { retries: 1, factor: 0.5 }],
    ["no factor", { retries: 1, factor: Number.NaN }],
    ["a negative delay", { retries: 1, delay: -1 }],
    ["a delay that is none", { retries: 1, maxDelay: "soon" }],
  ])("is refused: %s", (_, options) => {
    expect(() => toRetryPolicy(options as RetryOptions, "tool train: retry")).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTION",
        message: expect.stringMatching(/^tool train: retry/) as string,
      }),
    );
  });
});

describe("the wait before a retry", () => {
  it("doubles, up to the longest", () => {
    const policy = toRetryPolicy({ retries: 6, delay: "1s", maxDelay: "10s" });
    const waits = [1, 2, 3, 4, 5, 6, 7].map((retry) => retryDelayMs(policy, retry, longest));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000, undefined]);
  });

  it("lies between half and the whole of that", () => {
    const policies = fc.record({
      delay: fc.nat({ max: 10_000_000 }),
      maxDelay: fc.nat({ max: 100_000_000 }),
      factor: fc.double({ min: 1, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(
        policies,
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (given, retry, chance) => {
          const policy = toRetryPolicy({ ...always, ...given });
          const [low, wait, high] = [shortest, () => chance, longest].map(
            (r) => retryDelayMs(policy, retry, r) ?? -1,
          );
          expect(wait).toBeGreaterThanOrEqual(low ?? Number.NaN);
          expect(wait).toBeLessThanOrEqual(high ?? Number.NaN);
          expect(high).toBeLessThanOrEqual(given.maxDelay);
          expect(low).toBeGreaterThanOrEqual(Math.floor((high ?? 0) / 2));
          expect(Number.isSafeInteger(wait)).toBe(true);
        },
      ),
    );
  });

  it("is none, for ever, where none was asked", () => {
    const policy = toRetryPolicy({ ...always, delay: 0 });
    for (const retry of [1, 1_024, 1_025, 5_000, 1e9]) expect(retryDelayMs(policy, retry, shortest)).toBe(0);
  });

  it("spreads tasks that failed together", () => {
    const policy = toRetryPolicy({ retries: 1, delay: "10s" });
    const waits = Array.from({ length: 200 }, () => retryDelayMs(policy, 1, Math.random));
    expect(new Set(waits).size).toBeGreaterThan(150);
  });
});
