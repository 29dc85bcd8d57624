/** What the compiler holds an author to: the handler's result fits the output schema, and submit knows both types. */
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { perdure } from "./app.ts";

const app = perdure({ name: "types", version: "1", store: "sqlite::memory:" });
const input = z.object({ n: z.number() });

describe("the types of a declaration", () => {
  it("without an output, the result is what the handler returns", () => {
    const add = app.task("add", { description: "", input }, async ({ n }) => ({ sum: n + 1 }));
    expectTypeOf(add.types).toEqualTypeOf<
      { readonly input: { n: number }; readonly result: { sum: number } } | undefined
    >();
  });

  it("with an output, it is what the schema makes of that", () => {
    const output = z.object({ sum: z.string().transform(Number) });
    const add = app.task("parsed", { description: "", input, output }, async ({ n }) => ({ sum: String(n) }));
    expectTypeOf(add.types).toEqualTypeOf<
      { readonly input: { n: number }; readonly result: { sum: number } } | undefined
    >();
  });

  it("a handler that does not fit its output is refused, and so is an input that does not fit", () => {
    const output = z.object({ sum: z.number() });
    // @ts-expect-error the sum is a string
    const add = app.task("wrong", { description: "", input, output }, async () => ({ sum: "1" }));
    // @ts-expect-error n is missing
    const submit = () => app.submit(add, {});
    expectTypeOf(submit).toBeFunction();
  });
});
