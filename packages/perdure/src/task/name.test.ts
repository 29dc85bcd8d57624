import * as fc from "fast-check";
import { expect, it } from "vitest";
import { PerdureError } from "./errors.ts";
import { checkName } from "./name.ts";

function isTaken(name: string): boolean {
  try {
    checkName(name, "owner");
    return true;
  } catch (error) {
    if (error instanceof PerdureError) return false;
    throw error;
  }
}

it("takes every text of at most 1,024 bytes that a database keeps as it is", () => {
  const texts = fc.string({ unit: "grapheme", minLength: 1, maxLength: 500 });
  fc.assert(
    fc.property(texts, (name) => {
      expect(isTaken(name)).toBe(Buffer.byteLength(name) <= 1_024);
    }),
  );
});

it.each(["a".repeat(1_024), "é".repeat(512), "漢".repeat(341), "😀".repeat(256)])(
  "takes %.3s… to the last byte",
  (name) => {
    expect(() => checkName(name, "owner")).not.toThrow();
    expect(() => checkName(`${name}${name.slice(0, 2)}`, "owner")).toThrow(/at most 1024 bytes/);
  },
);

it.each<[string, unknown]>([
  ["nothing", ""],
  ["NUL", "a\0b"],
  ["an unpaired surrogate", "a\ud83d"],
  ["a number", 7],
  ["undefined", undefined],
])("refuses %s, and says of what", (_, name) => {
  expect(() => checkName(name as string, "the name of a step")).toThrow(
    expect.objectContaining({
      code: "INVALID_VALUE",
      message: expect.stringMatching(/^the name of a step must be a non-empty string/) as string,
    }),
  );
});

it("quotes no more than a line of what came", () => {
  expect(() => checkName("n".repeat(1_000_000), "owner")).toThrow(/^.{0,300}$/s);
});
