import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { TaskContext } from "./context.ts";

const description = "A tool of this test.";
const input = z.unknown();

/** The record of a task that has run to its end. What the types refuse comes in as `unknown`. */
async function ended(handler: (task: TaskContext) => unknown, retry = 3) {
  const app = testApp();
  app.task("tool", { description, input, retry }, (_, task) => handler(task) as string);
  await app.start();
  const handle = await app.submit("tool", {});
  await handle.result().catch(() => undefined);
  return app.tasks.get(handle.id);
}

/** As a library without types would give it. */
const untyped = (value: unknown): never => value as never;
const invalid = (path: string) => ({
  status: "failed",
  attempt: 1,
  failure: { code: "INVALID_VALUE", message: expect.stringContaining(path) as string, retryable: false },
});

describe("a value that would not come back equal is refused, with its path,", () => {
  it.each([
    ["a Date", { at: [new Date(0)] }, "result.at[0] is a Date"],
    ["a Map", { seen: new Map() }, "result.seen is a Map"],
    ["NaN", { loss: Number.NaN }, "result.loss is NaN"],
    ["a function", { next: () => 1 }, "result.next is a function"],
    ["a bigint", [1n], "result[0] is a bigint"],
    ["a class instance", { url: new URL("http://localhost") }, "result.url is a URL"],
    ["bytes", { image: new Uint8Array(2) }, "result.image is a Uint8Array"],
    ["a hole", [1, undefined], "result[1] is undefined"],
  ])("as a result: %s", async (_, value, path) => {
    expect(await ended(() => value)).toMatchObject(invalid(path));
  });

  it("as a result that cannot even be read", async () => {
    const trap = {
      get value(): number {
        throw new RangeError("boom");
      },
    };
    expect(await ended(() => trap, 0)).toMatchObject({ status: "failed", failure: { message: "boom" } });
  });

  it("as the result of a step, which is then not recorded", async () => {
    const task = await ended(({ step }) => step("load", () => untyped({ at: new Date(0) })));
    expect(task).toMatchObject(invalid('the result of step "load".at is a Date'));
  });

  it("as saved state", async () => {
    expect(await ended(({ save }) => save(untyped({ seen: new Set() })))).toMatchObject(
      invalid("saved state.seen is a Set"),
    );
    expect(await ended(({ save }) => save(untyped(undefined)))).toMatchObject(
      invalid("saved state is undefined"),
    );
  });

  it("as input, before anything is created", async () => {
    const app = testApp();
    app.task("tool", { description, input }, () => undefined);
    await expect(app.submit("tool", { at: new Date(0) })).rejects.toMatchObject({
      code: "INVALID_VALUE",
      message: expect.stringContaining("input.at is a Date") as string,
    });
    expect((await app.tasks.list()).tasks).toEqual([]);
  });
});

describe("the handler sees the decoded value", () => {
  it("of a step already in the first run", async () => {
    const made = { list: [1], gone: undefined };
    const task = await ended(async ({ step }) => {
      const got = await step("make", () => made);
      return { same: got === made, keys: Object.keys(got) };
    });
    expect(task?.result).toEqual({ same: false, keys: ["list"] });
  });

  it("of its input, and the caller the decoded result", async () => {
    const app = testApp();
    const given = { n: 1 };
    let received: unknown;
    const result = { ok: true };
    app.task("tool", { description, input }, (got) => {
      received = got;
      return result;
    });
    await app.start();
    const handle = await app.submit("tool", given);
    const answer = await handle.result();
    expect(received).toEqual(given);
    expect(received).not.toBe(given);
    expect(answer).toEqual(result);
    expect(answer).not.toBe(result);
  });

  it("of the state it has just saved", async () => {
    const task = await ended(async ({ save, saved }) => {
      const none = await saved();
      const model = { epoch: 1 };
      await save(model);
      model.epoch = 2;
      return { none: none === undefined, saved: await saved() };
    });
    expect(task?.result).toEqual({ none: true, saved: { epoch: 1 } });
  });
});

describe("a whole value", () => {
  it("may be undefined, and comes back so", async () => {
    const task = await ended(async ({ step }) => {
      const nothing = await step("nothing", () => undefined);
      return nothing;
    });
    expect(task).toMatchObject({ status: "completed", result: undefined });
    expect(await ended(() => undefined)).toMatchObject({ status: "completed", result: undefined });
  });

  it("may be null, an empty text or 0", async () => {
    for (const value of [null, "", 0, false, []]) {
      expect((await ended(({ step }) => step("it", () => untyped(value))))?.result).toEqual(value);
    }
  });
});

describe("bytes", () => {
  it("are saved as they are", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const task = await ended(async ({ save, saved }) => {
      await save(bytes);
      const back = await saved<Uint8Array>();
      return { type: back?.constructor.name, equal: Buffer.compare(back ?? new Uint8Array(), bytes) === 0 };
    });
    expect(task?.result).toEqual({ type: "Uint8Array", equal: true });
  });

  it("replace JSON and are replaced by it", async () => {
    const task = await ended(async ({ save, saved }) => {
      await save({ epoch: 1 });
      await save(new Uint8Array([1]));
      const bytes = (await saved()) instanceof Uint8Array;
      await save({ epoch: 2 });
      return { bytes, saved: untyped(await saved()) };
    });
    expect(task?.result).toEqual({ bytes: true, saved: { epoch: 2 } });
  });
});
