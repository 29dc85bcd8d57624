import * as fc from "fast-check";
import { expect, it } from "vitest";
import { newTaskId } from "./id.ts";

const time = fc.date({ min: new Date(0), max: new Date("2999-12-31"), noInvalidDate: true });

it("is 30 letters and digits", () => {
  fc.assert(
    fc.property(time, (at) => {
      expect(newTaskId(at.getTime())).toMatch(/^[0-9A-Za-z]{30}$/);
    }),
  );
});

it("sorts by its time, as text and as bytes", () => {
  fc.assert(
    fc.property(time, time, (one, other) => {
      fc.pre(one.getTime() < other.getTime());
      const [first, second] = [newTaskId(one.getTime()), newTaskId(other.getTime())];
      expect(first < second).toBe(true);
      expect(Buffer.compare(Buffer.from(first), Buffer.from(second))).toBe(-1);
    }),
  );
});

it("takes a time with fractions", () => {
  expect(newTaskId(1_700_000_000_000.9).slice(0, 8)).toBe(newTaskId(1_700_000_000_000).slice(0, 8));
});

it("never comes twice, not within one millisecond either", () => {
  const ids = Array.from({ length: 50_000 }, () => newTaskId(1_700_000_000_000));
  expect(new Set(ids).size).toBe(ids.length);
});

it("has 22 random characters out of 62, each as likely as the others: 131 bits", () => {
  expect(22 * Math.log2(62)).toBeGreaterThan(128);
  const counts = new Map<string, number>();
  const samples = 5_000;
  for (let n = 0; n < samples; n++) {
    for (const [at, character] of Array.from(newTaskId(0).slice(8)).entries()) {
      const key = `${at}${character}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  expect(counts.size, "every character at every place").toBe(22 * 62);
  // The expected count is 81, its standard deviation 9: eight of them leave no room for luck, nor for a bias of two.
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
  expect(least).toBeGreaterThan(81 - 72);
  expect(most).toBeLessThan(81 + 72);
});
