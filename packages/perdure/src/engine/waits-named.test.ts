/** Waits are operations under names: used once, of one kind, and found again. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { silent, testApp } from "../app/app.fixture.ts";
import type { PerdureError } from "../task/errors.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import type { TaskSummary } from "../task/record.ts";
import type { TaskContext } from "./context.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "";
const input = z.object({});
const name = z.object({ name: z.string() });

const codeOf = (error: unknown) => (error as PerdureError).code;

/** Runs a handler until it waits for something else than time, or ends. */
async function submitted(run: (task: TaskContext) => Promise<unknown>, options = {}) {
  const clock = new ManualClock();
  const app = testApp({ clock, linger: 0, ...options });
  app.task("child", { description, input: z.looseObject({}) }, () => "child's");
  app.task(
    "named",
    { description, input, retry: { retries: 1, delay: "1ms" } },
    async (_, task) => (await run(task)) as string,
  );
  await app.start();
  const handle = await app.submit("named", {});
  await clock.advance("1s");
  return { app, clock, handle };
}

describe("a name is used once in a run", () => {
  it.each<[string, (task: TaskContext) => Promise<unknown>]>([
    ["the same message twice", async (task) => [await task.ask("Who?", name), await task.ask("Who?", name)]],
    ["the same duration twice", async (task) => [await task.sleep("5ms"), await task.sleep("5ms")]],
    ["the same child twice", async (task) => [await task.call("child", {}), await task.call("child", {})]],
    ["the same signal twice", async (task) => [task.waitUntil("x"), await task.waitUntil("x")]],
    ["a step's name", async (task) => [await task.step("x", () => 1), await task.sleep(5, { name: "x" })]],
    ["at once", async (task) => Promise.all([task.sleep("5ms"), task.sleep("5ms")])],
  ])("%s is refused", async (_, run) => {
    const { app, clock, handle } = await submitted(run);
    const [asked] = await app.tasks.questions(handle.id);
    if (asked !== undefined) {
      await app.tasks.answer(handle.id, asked.key, { action: "accept", content: { name: "Ada" } });
    }
    await clock.advance("1s");
    await expect(handle.result()).rejects.toMatchObject({ code: "STEP_NAME_REUSED" });
  });

  it("an expression for each name makes them several", async () => {
    const { handle } = await submitted(async (task) => {
      await task.sleep("5ms", { name: "a" });
      await task.sleep("5ms", { name: "b" });
      return Promise.all([1, 2].map((n) => task.call("child", { n })));
    });
    expect(await handle.result()).toEqual(["child's", "child's"]);
  });
});

describe("another kind under a recorded name", () => {
  const kinds: Record<string, (task: TaskContext) => Promise<unknown>> = {
    step: async (task) => task.step("x", () => 1),
    sleep: async (task) => task.sleep("1h", { name: "x" }),
    ask: async (task) => task.ask("Who?", name, { name: "x" }),
    call: async (task) => task.call("child", {}, { name: "x" }),
    signal: async (task) => task.waitUntil("x"),
  };
  const pairs = Object.keys(kinds).flatMap((was) =>
    Object.keys(kinds).flatMap((now) => (was === now ? [] : [[was, now] as const])),
  );

  it.each(pairs)("recorded as %s, now %s, is STEP_MISMATCH", async (was, now) => {
    const { handle, clock } = await submitted(async (task) => {
      const wait = kinds[task.attempt === 1 ? was : now]?.(task);
      if (task.attempt > 1) return wait;
      // Recorded, whatever it waits for; then the attempt fails.
      wait?.catch(() => undefined);
      await task.step("recorded", () => 1);
      throw new Error("again");
    });
    await clock.advance("1s");
    await expect(handle.result()).rejects.toMatchObject({ code: "STEP_MISMATCH" });
  });
});

describe("what is run over", () => {
  const logs = async ({ app, handle }: Awaited<ReturnType<typeof submitted>>) =>
    (await app.tasks.timeline(handle.id)).filter((event) => event.type === "log");

  it("says nothing twice, loses nothing that was said before a wait, and progress never goes back", async () => {
    const run = await submitted(async (task) => {
      task.log.info("before");
      task.progress(1, 3);
      await task.step("first", () => 1);
      task.log.info("between");
      task.progress(task.attempt === 1 ? 2 : 1, 3);
      await task.sleep("1h");
      task.log.info("after");
      task.progress(1, 3);
      await task.sleep("2h");
      return "done";
    });
    const { clock, handle } = run;
    expect((await handle.status()).progress).toEqual({ done: 2, total: 3 });
    await clock.skip("1h");
    await clock.advance("1s");
    expect((await handle.status()).progress).toEqual({ done: 2, total: 3 });
    await clock.skip("2h");
    await clock.advance("1s");
    expect(await handle.result()).toBe("done");
    expect((await logs(run)).map(({ message }) => message)).toEqual(["before", "between", "after"]);
  });

  it("may be left out by a run that goes on from a saved state, and then nothing is dropped or warned of", async () => {
    const run = await submitted(async (task) => {
      const saved = (await task.saved<number>()) ?? 0;
      for (let n = saved; n < 3; n++) {
        await task.step(`part:${n}`, () => n);
        await task.save(n + 1);
        task.progress(n + 1, 3);
        if (n === 1) throw new Error("once");
      }
      await task.sleep("1h");
      task.log.info("after");
      return "done";
    });
    await run.clock.skip("1h");
    await run.clock.advance("1s");
    expect(await run.handle.result()).toBe("done");
    expect((await run.handle.status()).progress).toEqual({ done: 3, total: 3 });
    expect((await logs(run)).map(({ message }) => message)).toEqual(["after"]);
  });

  it("warns in the timeline of what a finished run did not come to", async () => {
    const run = await submitted(async (task) => {
      if (task.attempt === 1) await task.step("only once", () => 1);
      await task.sleep("1h");
      return "done";
    });
    await run.clock.skip("1h");
    await run.clock.advance("1s");
    expect(await run.handle.result()).toBe("done");
    expect(await logs(run)).toMatchObject([
      {
        level: "warning",
        message: expect.stringContaining("were not come to") as string,
        data: ["only once"],
      },
    ]);
  });
});

describe("children", () => {
  it("with an idempotency key are one task, also of several parents, and a second call gets its result", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, linger: 0 });
    let ran = 0;
    app.task("child", { description, input }, () => ++ran);
    app.task("parent", { description, input }, async (_, task) => [
      await task.call<number>("child", {}, { name: "a", idempotencyKey: "one" }),
      await task.call<number>("child", {}, { name: "b", idempotencyKey: "one" }),
    ]);
    await app.start();
    const [first, second] = [await app.submit("parent", {}), await app.submit("parent", {})];
    await clock.advance("1s");
    expect(await first.result()).toEqual([1, 1]);
    expect(await second.result()).toEqual([1, 1]);
    expect(ran).toBe(1);
  });

  it("under a key of other input are a conflict, which the parent can catch", async () => {
    const { handle } = await submitted(async (task) => {
      await task.call("child", { n: 1 }, { idempotencyKey: "one" });
      return task.call("child", { n: 2 }, { idempotencyKey: "one" }).catch(String);
    });
    expect(await handle.result()).toMatch(/one/);
  });

  it("of an unknown tool, or with input that does not fit, are refused", async () => {
    const { handle } = await submitted(async (task) => [
      await task.call("nobody", {}).catch(codeOf),
      await task.call("named", 7).catch(codeOf),
    ]);
    expect(await handle.result()).toEqual(["UNKNOWN_TOOL", "INVALID_INPUT"]);
  });
});

describe("signals", () => {
  it("after the end are refused, and one that nobody waits for harms nothing", async () => {
    const { app, handle } = await submitted(async (task) => task.step("x", () => "done"));
    expect(await handle.result()).toBe("done");
    expect(await app.tasks.signal(handle.id, "late", 1)).toBe(false);
  });

  it("that come again are kept for the next wait, in their order; values are what was sent", async () => {
    const { app, clock, handle } = await submitted(async (task) => {
      const values = [await task.waitUntil("tick")];
      await task.sleep("1m");
      return values;
    });
    for (const value of [{ n: 1 }, { n: 2 }]) await app.tasks.signal(handle.id, "tick", value);
    await clock.advance("2m");
    expect(await handle.result()).toEqual([{ n: 1 }]);
  });

  it("that do not come in time throw EXPIRED, and the same again on replay", async () => {
    const { clock, handle } = await submitted(async (task) => {
      const code = await task.waitUntil<string>("go", { timeout: "1h" }).catch(codeOf);
      await task.sleep("1h");
      return code;
    });
    await clock.skip("1h");
    await clock.advance("1s");
    await clock.skip("1h");
    await clock.advance("1s");
    expect(await handle.result()).toBe("EXPIRED");
  });

  it("in time are not expired afterwards", async () => {
    const { app, clock, handle } = await submitted(async (task) => {
      const value = await task.waitUntil<string>("go", { timeout: "1h" });
      await task.sleep("3h");
      return value;
    });
    await app.tasks.signal(handle.id, "go", "went");
    await clock.advance("1s");
    await clock.skip("3h");
    await clock.advance("1s");
    expect(await handle.result()).toBe("went");
  });
});

describe("many", () => {
  it("1,000 parked tasks wake in one second, on a file", async () => {
    const clock = new ManualClock();
    const midnight = clock.now() + 86_400_000;
    const app = testApp({ clock, store: temporaryStore(), logger: silent });
    app.task("nap", { description, input }, async (_, task) => {
      await task.sleep(new Date(midnight), { name: "until midnight" });
      return task.attempt;
    });
    await app.start();
    const handles = await Promise.all(Array.from({ length: 1_000 }, () => app.submit("nap", {})));
    const all = async (is: (task: TaskSummary) => boolean) => {
      while (!(await app.tasks.list({ limit: 1_000 })).tasks.every(is)) await clock.advance(0);
    };
    await all(({ phase, attempt }) => phase === "queued" && attempt === 1);
    const began = performance.now();
    await clock.skip("1d");
    await all(({ status }) => status === "completed");
    const tookMs = performance.now() - began;
    expect(tookMs).toBeLessThan(5_000);
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(new Set(results)).toEqual(new Set([2]));
  });
});

describe("what is no wait", () => {
  it.each<[string, (task: TaskContext) => Promise<unknown>]>([
    ["an invalid date", async (task) => task.sleep(new Date(Number.NaN))],
    ["a negative duration", async (task) => task.sleep(-5)],
    ["a nested form", async (task) => task.ask("Who?", z.object({ who: name }))],
    ["a time-out that is none", async (task) => task.waitUntil("go", { timeout: "soon" as "1s" })],
  ])("%s is refused", async (_, run) => {
    const { handle } = await submitted(async (task) => run(task).catch(codeOf));
    expect(await handle.result()).toBe("INVALID_OPTION");
  });

  it("no time at all passes at once", async () => {
    const { handle } = await submitted(async (task) => {
      await task.sleep(0);
      await task.sleep(new Date(0));
      return task.waitUntil("go", { timeout: 0 }).catch(codeOf);
    });
    expect(await handle.result()).toBe("EXPIRED");
  });
});

describe("a race between waits", () => {
  it.each([
    ["a signal, then time", "1m", "signal"],
    ["time, then a signal", "2h", "time"],
  ] as const)("of %s has the same winner in every run", async (_, sentAfter, winner) => {
    for (const first of ["signal", "time"]) {
      const winners: string[] = [];
      const { app, clock, handle } = await submitted(async (task) => {
        const signal = () => task.waitUntil("go").then(() => "signal");
        const time = () => task.sleep("1h", { name: "patience" }).then(() => "time");
        const won = await Promise.race(first === "signal" ? [signal(), time()] : [time(), signal()]);
        winners.push(won);
        await task.sleep("5h");
        return won;
      });
      await clock.skip(sentAfter);
      await clock.advance("1s");
      await app.tasks.signal(handle.id, "go");
      await clock.advance("1s");
      for (let hour = 0; hour < 8; hour++) {
        await clock.skip("1h");
        await clock.advance("1s");
      }
      expect(await handle.result()).toBe(winner);
      expect(winners.length).toBeGreaterThan(1);
      expect(new Set(winners)).toEqual(new Set([winner]));
    }
  });
});
