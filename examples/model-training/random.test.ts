import { expect, test } from "vitest";

import { seeded, shuffledIndices } from "./random.ts";

const take = (count: number, random: () => number) => Array.from({ length: count }, random);

test("equal seeds give equal numbers, others others", () => {
  const numbers = take(100, seeded(7, 3));
  expect(take(100, seeded(7, 3))).toEqual(numbers);
  for (const other of [[7, 4], [8, 3], [3, 7], [7], [7, 3, 0]]) {
    expect(take(100, seeded(...other))).not.toEqual(numbers);
  }
});

test("numbers lie in [0, 1) and spread evenly", () => {
  const tenths = Array(10).fill(0) as number[];
  for (const number of take(10_000, seeded(1))) {
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
    (tenths[Math.floor(number * 10)] as number)++;
  }
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

test("neighbouring seeds begin differently", () => {
  const firsts = Array.from({ length: 1_000 }, (_, seed) => seeded(seed)());
  expect(new Set(firsts).size).toBe(1_000);
  const mean = firsts.reduce((sum, number) => sum + number, 0) / firsts.length;
  expect(mean).toBeCloseTo(0.5, 1);
});

test("a shuffle holds every index once, in another order", () => {
  const indices = shuffledIndices(500, seeded(1));
  const sorted = Array.from({ length: 500 }, (_, index) => index);
  expect([...indices].toSorted((a, b) => a - b)).toEqual(sorted);
  expect([...indices]).not.toEqual(sorted);
  expect(shuffledIndices(0, seeded(1))).toHaveLength(0);
});
