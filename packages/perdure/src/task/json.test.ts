import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PerdureError } from "./errors.ts";
import { canonicalJson, decodeJson, encodeJson, type JsonValue } from "./json.ts";

const there = (value: unknown): unknown => decodeJson(encodeJson(value, "result"));
/** Minus zero is equal to zero, and comes back as it. */
const withoutMinusZero = (value: JsonValue): boolean => !Object.is(value, -0);
const numbers = fc.double({ noNaN: true, noDefaultInfinity: true }).filter(withoutMinusZero);
const texts = fc.string({ unit: "binary" });
const values = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    numbers,
    texts,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.oneof(texts, fc.constantFrom("__proto__", "constructor", "toJSON", "")), tie("value"), {
      maxKeys: 5,
    }),
  ),
})).value;

/** The message of the refusal. */
function refusalOf(value: unknown): string {
  try {
    encodeJson(value, "result");
  } catch (error) {
    if (error instanceof PerdureError && error.code === "INVALID_VALUE") return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a value", () => {
  it("comes back equal, whatever JSON it is", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(there(value)).toEqual(value);
      }),
    );
  });

  it.each([
    ["minus zero, as the zero that it is equal to", -0, 0],
    ["a property that is undefined, as one that is absent", { a: 1, b: undefined }, { a: 1 }],
    ["an object without a prototype, as a plain one", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["nothing at all, as nothing at all", undefined, undefined],
    ["unpaired surrogates, in keys too", { "\ud83d": "\udc00" }, { "\ud83d": "\udc00" }],
    ["the same object in two places, as two", [[1]].flatMap((part) => [part, part]), [[1], [1]]],
  ])("keeps %s", (_, value, expected) => {
    expect(there(value)).toEqual(expected);
  });

  it("may be nested 500 deep and no deeper, so that no stack overflows", () => {
    const nested = (depth: number): unknown =>
      Array.from({ length: depth }).reduce((inner) => [inner], 1 as unknown);
    expect(there(nested(500))).toEqual(nested(500));
    expect(refusalOf(nested(501))).toContain("nesting deeper than 500 levels, or a cycle");
  });

  it("with a cycle is refused", () => {
    const node: { self?: unknown } = {};
    node.self = node;
    const refusal = refusalOf(node);
    expect(refusal).toContain("or a cycle");
    expect(refusal.length).toBeLessThan(600);
  });
});

describe("what would come back as something else", () => {
  class Model {
    loss = 1;
  }
  class Rows extends Array<number> {}
  const strange: readonly (readonly [string, () => unknown])[] = [
    ["a Date", () => new Date()],
    ["a Map", () => new Map()],
    ["a Set", () => new Set()],
    ["a RegExp", () => /a/],
    ["a Uint8Array", () => new Uint8Array(1)],
    ["an Error", () => new Error("x")],
    ["a Promise", () => Promise.resolve(1)],
    ["an instance of a class", () => new Model()],
    ["an array of a class", () => Rows.of(1)],
    ["an array with a property", () => /a/.exec("a")],
    ["an object with a symbol", () => ({ [Symbol("hidden")]: 1 })],
    ["a boxed string", () => Object("text") as unknown],
    ["an object with toJSON", () => ({ toJSON: () => 1 })],
    ["an array with toJSON", () => Object.assign([1], { toJSON: () => 1 })],
    ["a function", () => () => 1],
    ["a symbol", () => Symbol("s")],
    ["a bigint", () => 1n],
    ["NaN", () => Number.NaN],
    ["Infinity", () => Number.POSITIVE_INFINITY],
    ["a hole in an array", () => Array.from<number>({ length: 2 }).concat(Array<number>(1))],
    ["undefined in an array", () => [undefined]],
  ];

  it.each(strange)("is refused: %s", (_, make) => {
    expect(refusalOf(make())).toMatch(/^result\b.* would come back as something else/s);
  });

  it("is refused with its path, wherever it is", () => {
    const steps = fc.array(fc.oneof(fc.nat({ max: 3 }), fc.constantFrom("data", "rows", "a b")), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(...strange), (path, [, make]) => {
        const wrapped = path.reduceRight<unknown>(
          (inner, step) =>
            typeof step === "number"
              ? [...Array<number>(step).fill(0), inner]
              : { first: 1, [step]: inner, last: 1 },
          make(),
        );
        const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
        expect(refusalOf(wrapped)).toContain(`result${text}`);
      }),
    );
  });

  it("is refused with a message that stays short, however long its path", () => {
    expect(refusalOf({ ["k".repeat(100_000)]: 1n }).length).toBeLessThan(1_000);
  });
});

describe("canonical JSON", () => {
  const shuffled = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map(shuffled);
    if (value === null || typeof value !== "object") return value;
    const entries = Object.entries(value as { readonly [key: string]: JsonValue }).toReversed();
    return Object.fromEntries(entries.map(([key, part]) => [key, shuffled(part)]));
  };

  it("is the same text for equal values, in whatever order their keys are", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it("is the JSON of an equal value", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  it("is another text for another value", () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        const equal = isDeepStrictEqual(there(one), there(other));
        expect(canonicalJson(one) === canonicalJson(other)).toBe(equal);
      }),
    );
  });

  it("leaves out what is undefined, and tells nothing from null", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonicalJson(undefined)).not.toBe(canonicalJson(null));
    expect(canonicalJson(undefined)).not.toBe(canonicalJson("undefined"));
  });
});
