import { expect, test } from "vitest";
import { bar } from "./bar.ts";

test("shows how far it is, and what it says", () => {
  expect(bar({ done: 3, total: 6, message: "loss 0.2" })).toBe("████████████░░░░░░░░░░░░ 3/6  loss 0.2");
  expect(bar({ done: 7 })).toBe("7");
});

test("a heartbeat's fraction never looks like the next unit of work", () => {
  expect(bar({ done: 2.9999, total: 3 })).toMatch(/ 2\.99\/3$/);
});

test("numbers beyond the end stay inside the bar", () => {
  expect(bar({ done: 9, total: 3 })).toBe(`${"█".repeat(24)} 9/3`);
  expect(bar({ done: -1, total: 3 })).toBe(`${"░".repeat(24)} -1/3`);
  expect(bar({ done: 1, total: 0 })).toBe("1");
});
