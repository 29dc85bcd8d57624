import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { toObjectSchema } from "./json-schema.ts";

describe("the JSON Schema of what an author declares", () => {
  it("says what may be sent, and what comes out", () => {
    const schema = z.object({ epochs: z.coerce.number().default(3), name: z.string().optional() });
    expect(toObjectSchema(schema, "train")).toEqual({
      type: "object",
      properties: { epochs: { type: "number", default: 3 }, name: { type: "string" } },
    });
    expect(toObjectSchema(schema, "train", "output")).toMatchObject({ required: ["epochs"] });
  });

  it("is taken of whatever brings one", () => {
    const json = () => ({ $schema: "https://json-schema.org/draft/2020-12/schema", type: "object" });
    const schema = { "~standard": { jsonSchema: { input: json, output: json } } };
    expect(toObjectSchema(schema, "train")).toEqual({ type: "object" });
  });

  it.each([
    [
      "a schema that brings none",
      v.object({ a: v.string() }),
      /the input schema of "train" has no JSON Schema/,
    ],
    ["no schema", {}, /has no JSON Schema/],
    ["text", z.string(), /the input schema of "train" must be an object/],
    ["a list", z.array(z.string()), /must be an object/],
    [
      "what JSON does not have",
      z.object({ at: z.date() }),
      /"train" cannot be written as a JSON Schema[^]*Date/,
    ],
    ["a large number", z.object({ size: z.bigint() }), /cannot be written as a JSON Schema/],
  ])("%s is refused, in the author's words", (_, schema, message) => {
    const make = () => toObjectSchema(schema, "train");
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }) as Error);
  });
});
