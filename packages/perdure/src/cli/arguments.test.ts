import { expect, test } from "vitest";
import { parseArguments } from "./arguments.ts";

const schema = {
  type: "object",
  properties: {
    epochs: { type: "integer" },
    rate: { type: "number" },
    name: { type: "string" },
    dry: { type: "boolean" },
    layers: { type: "array", items: { type: "integer" } },
    options: { type: "object" },
    limit: { type: ["integer", "null"] },
    id: { type: ["string", "integer"] },
    either: { anyOf: [{ type: "integer" }, { type: "string" }] },
  },
};

test.each([
  ["epochs=3", { epochs: 3 }],
  ["epochs=3.0", { epochs: 3 }],
  ["rate=0.5", { rate: 0.5 }],
  ["rate=-1e-3", { rate: -0.001 }],
  ["name=42", { name: "42" }],
  ["name=", { name: "" }],
  ["name=a=b c", { name: "a=b c" }],
  ["dry=true", { dry: true }],
  ["layers=[1,2]", { layers: [1, 2] }],
  ['options={"a":1}', { options: { a: 1 } }],
  ["limit=null", { limit: null }],
  ["limit=7", { limit: 7 }],
  ["id=x7", { id: "x7" }],
  ["id=7", { id: 7 }],
  ["either=7", { either: 7 }],
  ["either=seven", { either: "seven" }],
])("%s becomes what the schema says", (pair, expected) => {
  expect(parseArguments(schema, [pair], undefined)).toEqual(expected);
});

test.each([
  ["epochs=three", 'epochs must be integer; "three" came.'],
  ["epochs=1.5", 'epochs must be integer; "1.5" came.'],
  ["dry=yes", 'dry must be boolean; "yes" came.'],
  ["layers=1,2", 'layers must be array; "1,2" came.'],
  ["options=[1]", 'options must be object; "[1]" came.'],
  ["epoch=3", 'the tool has no argument "epoch"; it has epochs, rate,'],
  ["=3", '--arg takes name=value; "=3" came.'],
  ["epochs", '--arg takes name=value; "epochs" came.'],
])("%s is refused in words", (pair, message) => {
  expect(() => parseArguments(schema, [pair], undefined)).toThrow(message);
});

test("one argument beats the same in --json-args", () => {
  expect(parseArguments(schema, ["epochs=3"], '{"epochs":1,"rate":1}')).toEqual({ epochs: 3, rate: 1 });
});

test("--json-args is one object", () => {
  expect(() => parseArguments(schema, [], "[1]")).toThrow('--json-args takes one JSON object; "[1]" came.');
  expect(() => parseArguments(schema, [], "{")).toThrow("--json-args takes one JSON object");
});

test("a tool that does not say what it takes is given JSON, or else text", () => {
  expect(parseArguments({ type: "object" }, ["a=1", "b=x"], undefined)).toEqual({ a: 1, b: "x" });
});

test("a name that objects are born with is an argument like any other", () => {
  const parsed = parseArguments({ type: "object" }, ["__proto__=1"], undefined);
  expect(Object.keys(parsed)).toEqual(["__proto__"]);
});
