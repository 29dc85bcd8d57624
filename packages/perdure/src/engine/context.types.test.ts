/** What the compiler accepts as a value, and what it refuses. Nothing here runs but the last line. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { perdure } from "../app/app.ts";
import type { JsonValue } from "../task/json.ts";
import type { SavedState } from "../task/record.ts";
import type { TaskContext } from "./context.ts";

interface Model {
  readonly epoch: number;
  readonly layers: readonly Layer[];
  note?: string;
}
interface Layer {
  weights: number[];
}
class Account {
  readonly owner = "me";
  open(): boolean {
    return true;
  }
}
declare const model: Model;
declare const json: JsonValue;

export async function steps({ step }: TaskContext): Promise<void> {
  (await step("number", () => 1)) satisfies number;
  (await step("promise", async () => ({ a: ["b"] }))) satisfies { a: string[] };
  (await step("interface", () => model)) satisfies Model;
  (await step("union", (): "a" | null | undefined => null)) satisfies "a" | null | undefined;
  (await step("json", () => ({ data: json }))) satisfies { data: JsonValue };
  await step("nothing", () => undefined);
  await step("nothing either", async () => {});
  await step("tuple", () => [1, "a"] as const);
  await step("its context", ({ signal, tries, idempotencyKey }) => ({
    ok: !signal.aborted,
    tries,
    idempotencyKey,
  }));
  // @ts-expect-error a Date comes back as a string
  await step("date", () => new Date());
  // @ts-expect-error also where it is deep inside
  await step("dates", () => ({ events: [{ at: new Date() }] }));
  // @ts-expect-error it would not come back equal
  await step("map", () => new Map([["a", 1]]));
  // @ts-expect-error it would not come back equal
  await step("set", async () => ({ seen: new Set<string>() }));
  // @ts-expect-error it would not come back equal
  await step("function", () => ({ next: () => 1 }));
  // @ts-expect-error it would not come back equal
  await step("bigint", () => 1n);
  // @ts-expect-error it would not come back equal
  await step("class", () => new Account());
  // @ts-expect-error bytes only in `save`
  await step("bytes", () => new Uint8Array());
}

export async function states({ save, saved }: TaskContext): Promise<void> {
  await save(model);
  await save({ epoch: 1, layers: [] });
  await save(new Uint8Array(4));
  await save(Buffer.from("bytes"));
  await save(null);
  await save(json);
  (await saved<Model>()) satisfies Model | undefined;
  (await saved()) satisfies SavedState | undefined;
  // @ts-expect-error it would not come back equal
  await save(new Date());
  // @ts-expect-error it would not come back equal
  await save({ at: new Date() });
  // @ts-expect-error it would not come back equal
  await save(new Map());
  // @ts-expect-error it would not come back equal
  await save(() => 1);
  // @ts-expect-error bytes are the whole state, or encoded
  await save({ weights: new Float32Array(4) });
}

export async function results(): Promise<void> {
  const app = perdure({ name: "types", version: "1.0.0" });
  const input = z.object({ n: z.number(), twice: z.boolean().default(false) });
  const description = "A tool of this test.";
  const double = app.task("double", { description, input }, ({ n, twice }) => ({ n: twice ? n * 4 : n * 2 }));
  const handle = await app.submit(double, { n: 1 });
  (await handle.result()) satisfies { n: number };
  // @ts-expect-error the input is typed
  await app.submit(double, { n: "1" });
  (await (await app.submit("double", { n: 1 })).result()) satisfies unknown;
  app.task("nothing", { description, input }, async () => {});
  app.task("interface", { description, input }, () => model);
  app.task("state", { description, input }, async (_, task) => ({
    saved: (await task.saved()) as JsonValue,
  }));
  // @ts-expect-error a result is JSON, too
  app.task("date", { description, input }, () => ({ at: new Date() }));
  // @ts-expect-error it would not come back equal
  app.task("map", { description, input }, async () => new Map<string, number>());
  app.task("narrow", { description, input: z.object({}) }, (_, task) => task.id);
}

describe("the types of values", () => {
  it("are checked by the compiler", () => {
    expect(steps).toBeTypeOf("function");
  });
});
