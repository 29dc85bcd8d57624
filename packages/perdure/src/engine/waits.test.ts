/** Waiting for time, people, other tasks and signals: parked, woken, run again from the first line. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { perdure } from "../app/app.ts";
import { silent } from "../app/app.fixture.ts";
import { DeclinedError, type PerdureError, TaskError } from "../task/errors.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { question, type TaskContext } from "./context.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "";
const input = z.object({});

function manualApp(options: { readonly concurrency?: number; readonly store?: string } = {}) {
  const clock = new ManualClock();
  const app = perdure({
    name: "waits",
    version: "1",
    store: openTestStore(clock), // nothing polls: time can be moved by hours
    logger: silent,
    clock,
    ...options,
  });
  return { app, clock };
}

describe("sleep", () => {
  it("parks, holds nothing, and the handler runs again from its first line", async () => {
    const { app, clock } = manualApp();
    const seen: string[] = [];
    app.task("nap", { description, input }, async (_, task) => {
      seen.push(`begin ${task.attempt}`);
      const before = await task.step("before", () => "once");
      await task.sleep("1h");
      seen.push("after");
      return before;
    });
    await app.start();
    const handle = await app.submit("nap", {});
    await clock.advance("1s");
    expect(await handle.status()).toMatchObject({ status: "working", phase: "queued", attempt: 1 });
    await clock.advance("1h");
    expect(await handle.result()).toBe("once");
    expect(seen).toEqual(["begin 1", "begin 2", "after"]);
    expect(await handle.status()).toMatchObject({ crashes: 0, errors: 0 });
    await app.close();
  });

  it("under linger stays resident", async () => {
    const { app, clock } = manualApp();
    app.task("nap", { description, input }, async (_, task) => {
      await task.sleep("1s");
      return task.attempt;
    });
    await app.start();
    const handle = await app.submit("nap", {});
    await clock.advance("2s");
    expect(await handle.result()).toBe(1);
    await app.close();
  });

  it("runs no catch and no finally of the run that was parked, and its signal says so", async () => {
    const { app, clock } = manualApp();
    const ran: string[] = [];
    app.task("nap", { description, input }, async (_, task) => {
      task.signal.addEventListener("abort", () => ran.push((task.signal.reason as PerdureError).code));
      try {
        await task.sleep("1h", { name: "pause" });
        ran.push("after");
      } finally {
        ran.push("finally");
      }
    });
    await app.start();
    const handle = await app.submit("nap", {});
    await clock.advance("1s");
    expect(ran).toEqual(["PARKED"]);
    await clock.advance("1h");
    await handle.result();
    expect(ran).toEqual(["PARKED", "after", "finally"]);
    await app.close();
  });

  it("is fixed when it is first come to, also across a restart", async () => {
    const store = temporaryStore();
    const clock = new ManualClock();
    const open = () => {
      const app = perdure({ name: "waits", version: "1", store, logger: silent, clock });
      app.task("nap", { description, input }, async (_, task) => {
        await task.sleep("1h");
        return task.attempt;
      });
      return app;
    };
    const first = open();
    await first.start();
    const { id } = await first.submit("nap", {});
    await clock.advance("30m");
    await first.close();
    const second = open();
    await second.start();
    await clock.advance("29m");
    expect(await second.tasks.get(id)).toMatchObject({ phase: "queued" });
    await clock.advance("1m");
    expect(await second.tasks.handle(id).result()).toBe(2);
    await second.close();
  });

  it("is cancelled, timed out by its deadline, and not by the time-out of an attempt", async () => {
    const { app, clock } = manualApp();
    const nap = async (_: object, task: { sleep(ms: number): Promise<void> }) => {
      await task.sleep(7_200_000);
      return "slept";
    };
    app.task("long", { description, input, timeout: "1h" }, nap);
    app.task("late", { description, input, deadline: "1h" }, nap);
    await app.start();
    const [slept, cancelled, late] = [
      await app.submit("long", {}),
      await app.submit("long", {}),
      await app.submit("late", {}),
    ];
    await clock.advance("1s");
    expect(await cancelled.cancel("enough")).toBe(true);
    await clock.advance("2h");
    expect(await slept.result()).toBe("slept");
    await expect(late.result()).rejects.toMatchObject({ code: "DEADLINE" });
    await expect(cancelled.result()).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    await app.close();
  });
});

describe("ask", () => {
  const name = z.object({ name: z.string() });

  async function asking(run: Parameters<typeof declare>[1]) {
    const { app, clock } = manualApp();
    declare(app, run);
    await app.start();
    const handle = await app.submit("ask", {});
    await clock.advance("10s");
    const [asked] = await app.tasks.questions(handle.id);
    return { app, clock, handle, key: asked?.key ?? "", message: asked?.message };
  }

  function declare(app: ReturnType<typeof perdure>, run: (task: TaskContext) => Promise<unknown>) {
    app.task("ask", { description, input }, async (_, task) => (await run(task)) as string);
  }

  it("is input_required while the question is open, parked, and goes on with the answer", async () => {
    const { app, clock, handle, key } = await asking(async (task) => (await task.ask("Who?", name)).name);
    expect(await handle.status()).toMatchObject({ status: "input_required", phase: "parked" });
    expect(await app.tasks.answer(handle.id, key, { action: "accept", content: { name: "Ada" } })).toBe(true);
    await clock.advance("1s");
    expect(await handle.result()).toBe("Ada");
    expect(await app.tasks.answer(handle.id, key, { action: "accept" })).toBe(false);
    await app.close();
  });

  it("throws DeclinedError when the person declines, and the same again on replay", async () => {
    const { app, clock, handle, key } = await asking(async (task) => {
      try {
        return (await task.ask("Who?", name)).name;
      } catch (error) {
        await task.sleep("1h");
        return error instanceof DeclinedError ? error.action : "?";
      }
    });
    await app.tasks.answer(handle.id, key, { action: "decline" });
    await clock.advance("1h");
    await clock.advance("1s");
    expect(await handle.result()).toBe("decline");
    await app.close();
  });

  it("asks again under a new key, saying what was wrong, when the answer does not fit", async () => {
    const { app, clock, handle, key } = await asking(async (task) => (await task.ask("Who?", name)).name);
    await app.tasks.answer(handle.id, key, { action: "accept", content: { name: 7 } });
    await clock.advance("10s");
    const [again] = await app.tasks.questions(handle.id);
    expect(again?.key).not.toBe(key);
    expect(again?.message).toMatch(/^Who\?\n\nThe last answer did not fit: .*name/);
    await app.tasks.answer(handle.id, again?.key ?? "", { action: "accept", content: { name: "Ada" } });
    await clock.advance("1s");
    expect(await handle.result()).toBe("Ada");
    await app.close();
  });

  it("expires", async () => {
    const { app, clock, handle, key } = await asking(async (task) =>
      task.ask("Who?", name, { timeout: "1h" }),
    );
    await clock.advance("1h");
    await expect(handle.result()).rejects.toMatchObject({ code: "EXPIRED" });
    expect(await app.tasks.answer(handle.id, key, { action: "accept", content: { name: "late" } })).toBe(
      false,
    );
    await app.close();
  });

  it("askAll asks several at once and parks once", async () => {
    const { app, clock, handle } = await asking(async (task) => {
      const answers = await task.askAll({ a: question("A?", name), b: question("B?", name) });
      return `${answers.a.name} ${answers.b.name} ${task.attempt}`;
    });
    const questions = await app.tasks.questions(handle.id);
    expect(questions.map(({ message }) => message)).toEqual(["A?", "B?"]);
    for (const { key, message } of questions) {
      await app.tasks.answer(handle.id, key, { action: "accept", content: { name: message } });
    }
    await clock.advance("10s");
    expect(await handle.result()).toBe("A? B? 2");
    await app.close();
  });
});

describe("call", () => {
  it("returns the result of a child, which list hides unless asked, with a concurrency of 1", async () => {
    const { app, clock } = manualApp({ concurrency: 1 });
    const double = app.task(
      "double",
      { description, input: z.object({ n: z.number() }) },
      async ({ n }) => n * 2,
    );
    app.task("sum", { description, input }, async (_, task) => {
      const parts = await Promise.all([1, 2, 3].map((n) => task.call(double, { n })));
      return parts.reduce((a, b) => a + b, 0);
    });
    await app.start();
    const handle = await app.submit("sum", {});
    await clock.advance("5s");
    expect(await handle.result()).toBe(12);
    expect((await app.tasks.list({ children: false })).tasks).toHaveLength(1);
    expect((await app.tasks.list()).tasks).toHaveLength(4);
    await app.close();
  });

  it("throws the child's failure, typed", async () => {
    const { app, clock } = manualApp();
    app.task("bad", { description, input }, async () => {
      throw new Error("broken");
    });
    const caught: unknown[] = [];
    app.task("parent", { description, input }, async (_, task) => {
      await task.call("bad", {}).catch((error: unknown) => caught.push(error));
      return "went on";
    });
    await app.start();
    const handle = await app.submit("parent", {});
    await clock.advance("5s");
    expect(await handle.result()).toBe("went on");
    expect(caught[0]).toBeInstanceOf(TaskError);
    expect(caught[0]).toMatchObject({ tool: "bad", code: "HANDLER_ERROR", message: "broken" });
    await app.close();
  });

  it("cancels the children with the parent", async () => {
    const { app, clock } = manualApp();
    app.task("child", { description, input }, async (_, task) => task.sleep("1d"));
    app.task("parent", { description, input }, async (_, task) => task.call("child", {}));
    await app.start();
    const handle = await app.submit("parent", {});
    await clock.advance("10s");
    await handle.cancel();
    const { tasks } = await app.tasks.list({ tool: "child" });
    expect(tasks).toMatchObject([{ status: "cancelled", parentId: handle.id }]);
    await app.close();
  });
});

describe("waitUntil", () => {
  it("returns a value sent while it waits, and one that was sent before", async () => {
    const { app, clock } = manualApp();
    app.task("wait", { description, input }, async (_, task) => [
      await task.waitUntil<number>("first"),
      await task.waitUntil<number>("second"),
    ]);
    await app.start();
    const handle = await app.submit("wait", {});
    await clock.advance("10s");
    expect(await app.tasks.signal(handle.id, "second", 2)).toBe(true);
    expect(await app.tasks.signal(handle.id, "first", 1)).toBe(true);
    await clock.advance("10s");
    expect(await handle.result()).toEqual([1, 2]);
    await expect(app.tasks.signal("nobody", "x")).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
    await app.close();
  });
});

describe("parallel branches", () => {
  it("after parking give each its own data", async () => {
    const { app, clock } = manualApp();
    app.task("pipelines", { description, input }, async (_, task) =>
      Promise.all(
        [1, 2, 3].map(async (n) => {
          const loaded = await task.step(`load:${n}`, () => n * 10);
          await task.sleep(`${n}h`, { name: `pause:${n}` });
          return task.step(`store:${n}`, () => loaded + n);
        }),
      ),
    );
    await app.start();
    const handle = await app.submit("pipelines", {});
    await clock.advance("1s");
    expect(await handle.status()).toMatchObject({ phase: "queued" });
    await clock.advance("4h");
    expect(await handle.result()).toEqual([11, 22, 33]);
    await app.close();
  });

  it("begin no step once the attempt is parked, also one asked for while that was written", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    const app = perdure({ name: "waits", version: "1", store, logger: silent, clock });
    const ran: string[] = [];
    const parking = Promise.withResolvers<void>();
    const park = store.park.bind(store);
    store.park = (attempt) => {
      parking.resolve();
      return park(attempt);
    };
    app.task("aside", { description, input }, async (_, task) => {
      const { attempt } = task;
      // Beside the rules: it waits for something that is not the task's.
      const aside = parking.promise.then(() => task.step("charge", () => ran.push(`charge ${attempt}`)));
      await task.sleep("1h");
      await aside;
    });
    await app.start();
    const handle = await app.submit("aside", {});
    await clock.advance("1m");
    expect(await handle.status()).toMatchObject({ phase: "queued", attempt: 1 });
    expect(ran).toEqual([]);
    await clock.advance("1h");
    await handle.result();
    expect(ran).toEqual(["charge 2"]);
    await app.close();
  });

  it("do not park while a step runs", async () => {
    const { app, clock } = manualApp();
    const { promise, resolve } = Promise.withResolvers<string>();
    app.task("mixed", { description, input }, async (_, task) => {
      const [, slow] = await Promise.all([
        task.sleep("10s", { name: "nap" }),
        task.step("slow", () => promise),
      ]);
      return `${slow} ${task.attempt}`;
    });
    await app.start();
    const handle = await app.submit("mixed", {});
    await clock.advance("5s");
    expect(await handle.status()).toMatchObject({ phase: "running" });
    resolve("done");
    await clock.advance("1m");
    expect(await handle.result()).toMatch(/^done /);
    await app.close();
  });
});
