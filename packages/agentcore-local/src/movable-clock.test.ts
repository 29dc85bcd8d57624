import { expect, test } from "vitest";
import { MovableClock } from "./movable-clock.ts";

const dayMs = 24 * 60 * 60 * 1000;

test("what was to happen meanwhile happens at the move, in its order, also what is begun then", () => {
  const clock = new MovableClock();
  const happened: string[] = [];
  clock.after(2 * dayMs, () => happened.push("second"));
  clock.after(dayMs, () => {
    happened.push("first");
    clock.after(0, () => happened.push("begun by the first"));
  });
  clock.after(dayMs, () => happened.push("given up")).cancel();
  clock.after(4 * dayMs, () => happened.push("later")).cancel();
  const before = clock.now();
  clock.advance(3 * dayMs);
  expect(happened.toSorted()).toEqual(["begun by the first", "first", "second"]);
  expect(happened[0]).toBe("first");
  expect(clock.now() - before).toBeGreaterThanOrEqual(3 * dayMs);
});

test("time passes by itself, and faster where it is to", async () => {
  const clock = new MovableClock({ speed: 1000 });
  const before = clock.now();
  await new Promise<void>((resolve) => void clock.after(30_000, resolve));
  expect(clock.now() - before).toBeGreaterThanOrEqual(30_000);
});

test.each([0, -1, Number.NaN, Infinity])("a speed of %s is refused", (speed) => {
  expect(() => new MovableClock({ speed })).toThrow("speed: a number above 0 was expected");
});

test("it is not moved back", () => {
  expect(() => new MovableClock().advance(-1)).toThrow("milliseconds from 0 on were expected");
});
