import { expect, it } from "vitest";
import { AnswerSchemas } from "./answer-schema.ts";

const schemaOf = (name: string) => ({
  type: "object",
  properties: { [name]: { type: "boolean" } },
  required: [name],
});

it("checks an answer as the question's schema says", async () => {
  const schema = new AnswerSchemas().of(schemaOf("yes"));
  expect(await schema["~standard"].validate({ yes: true })).not.toHaveProperty("issues");
  expect(await schema["~standard"].validate({ yes: "maybe" })).toHaveProperty("issues");
  expect(await schema["~standard"].validate({})).toHaveProperty("issues");
});

it("makes one of equal schemas, and does not keep those of all questions that ever were", () => {
  const schemas = new AnswerSchemas();
  const first = schemas.of(schemaOf("yes"));
  expect(schemas.of(schemaOf("yes"))).toBe(first);
  for (let n = 0; n < 200; n++) schemas.of(schemaOf(`field${n}`));
  expect(schemas.of(schemaOf("yes"))).not.toBe(first);
});
