/** What the compiler holds an author to who runs a task in a thread: the module's handler fits the declaration. */
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { perdure } from "./app.ts";
import { thread } from "./thread-handler.ts";
import { taskVersion } from "./tool-version.ts";

const app = perdure({ name: "types", version: "1", store: "sqlite::memory:" });
const input = z.object({ do: z.string() });
const url = new URL("../engine/threads/fixtures/work.fixture.ts", import.meta.url);

describe("the types of a task in a thread", () => {
  it("the result is the module's, or what the output makes of it", () => {
    const run = thread<(given: { do: string }) => Promise<{ sum: string }>>(url);
    const plain = app.task("plain", { description: "", input, run });
    expectTypeOf(plain.types).toEqualTypeOf<
      { readonly input: { do: string }; readonly result: { sum: string } } | undefined
    >();
    const output = z.object({ sum: z.string().transform(Number) });
    const parsed = app.task("parsed", { description: "", input, output, run });
    expectTypeOf(parsed.types).toEqualTypeOf<
      { readonly input: { do: string }; readonly result: { sum: number } } | undefined
    >();
  });

  it("a URL alone knows nothing of the result, unless the output does", () => {
    const bare = app.task("bare", { description: "", input, run: url });
    expectTypeOf(bare.types).toEqualTypeOf<
      { readonly input: { do: string }; readonly result: unknown } | undefined
    >();
    const said = app.task("said", { description: "", input, output: z.object({ n: z.number() }), run: url });
    expectTypeOf(said.types).toEqualTypeOf<
      { readonly input: { do: string }; readonly result: { n: number } } | undefined
    >();
  });

  it("a handler of another input or output is refused", () => {
    const other = thread<(given: { n: number }) => number>(url);
    // @ts-expect-error the handler wants n
    const declare = () => app.task("other", { description: "", input, run: other });
    expectTypeOf(declare).toBeFunction();
    // @ts-expect-error the handler wants n
    const version = () => taskVersion({ input, run: other });
    expectTypeOf(version).toBeFunction();
  });
});
