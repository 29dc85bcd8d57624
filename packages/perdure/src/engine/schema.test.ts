import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";

const description = "A tool of this test.";

describe.each([
  {
    library: "zod",
    input: z.object({ user: z.object({ age: z.number() }), times: z.number().default(2) }),
    output: z.object({ total: z.number().max(100) }),
  },
  {
    library: "valibot",
    input: v.object({ user: v.object({ age: v.number() }), times: v.optional(v.number(), 2) }),
    output: v.object({ total: v.pipe(v.number(), v.maxValue(100)) }),
  },
])("a schema of $library", ({ input, output }) => {
  function multiply() {
    const app = testApp();
    app.task("multiply", { description, input, output }, ({ user, times }) => ({ total: user.age * times }));
    return app;
  }

  it("gives the handler what it makes of the input", async () => {
    const app = multiply();
    await app.start();
    const handle = await app.submit("multiply", { user: { age: 21 } });
    expect(await handle.result()).toEqual({ total: 42 });
    expect((await app.tasks.get(handle.id))?.input).toEqual({ user: { age: 21 } });
  });

  it("refuses other input with the place, and creates nothing", async () => {
    const app = multiply();
    await expect(app.submit("multiply", { user: { age: "old" } })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("user.age: ") as string,
    });
    expect((await app.tasks.list()).tasks).toEqual([]);
  });

  it("refuses another result: the task fails, and is not tried again", async () => {
    const app = multiply();
    await app.start();
    const handle = await app.submit("multiply", { user: { age: 21 }, times: 5 });
    await expect(handle.result()).rejects.toMatchObject({
      code: "INVALID_OUTPUT",
      message: expect.stringContaining("total: ") as string,
    });
    expect(await handle.status()).toMatchObject({ attempt: 1 });
  });
});

describe("a schema that is asynchronous", () => {
  it("is waited for", async () => {
    const app = testApp();
    const known = z.string().refine(async (name) => Promise.resolve(name === "ann"), "nobody of that name");
    app.task("greet", { description, input: z.object({ name: known }) }, ({ name }) => `hello ${name}`);
    await app.start();
    expect(await (await app.submit("greet", { name: "ann" })).result()).toBe("hello ann");
    await expect(app.submit("greet", { name: "bob" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("name: nobody of that name") as string,
    });
  });
});
