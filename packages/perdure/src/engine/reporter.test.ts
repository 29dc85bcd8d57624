import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closeNow, forever, silent, testApp } from "../app/app.fixture.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

/** Runs `first` on a file until nothing moves, shuts down, and goes on with `second` in a new application. */
async function inTwoRuns(
  first: (task: TaskContext) => Promise<unknown>,
  second: (task: TaskContext) => Promise<unknown>,
) {
  const store = temporaryStore();
  const clock = new ManualClock();
  const before = testApp({ store, clock });
  before.task("tool", { description, input }, async (_, task) => void (await first(task)));
  await before.start();
  const { id } = await before.submit("tool", {});
  await clock.advance("1s");
  await closeNow(before, clock);
  const lines: string[] = [];
  const logger = { ...silent, info: (_: object, message: string) => void lines.push(message) };
  const after = testApp({ store, clock, logger });
  after.task("tool", { description, input }, async (_, task) => void (await second(task)));
  await after.start();
  await clock.advance("1s");
  const timeline = await after.tasks.timeline(id);
  const logged = timeline.flatMap((event) => (event.type === "log" ? [event.message] : []));
  return { task: await after.tasks.get(id), logged, lines };
}

describe("progress", () => {
  it("is in the status while the task runs, and after it", async () => {
    const app = testApp();
    const reported = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    app.task("train", { description, input }, async (_, task) => {
      task.progress(1, 4, "loss 0.5");
      reported.resolve();
      await go.promise;
      task.progress(2, 4);
    });
    await app.start();
    const handle = await app.submit("train", {});
    await reported.promise;
    await settle();
    expect(await handle.status()).toMatchObject({ progress: { done: 1, total: 4, message: "loss 0.5" } });
    go.resolve();
    await handle.result();
    expect((await handle.status()).progress).toEqual({ done: 2, total: 4 });
  });

  it("never goes back", async () => {
    const app = testApp();
    app.task("train", { description, input }, async (_, task) => {
      task.progress(3, 4, "three");
      task.progress(1, 4, "one");
      task.progress(3, 4, "three again");
    });
    await app.start();
    const handle = await app.submit("train", {});
    await handle.result();
    expect((await handle.status()).progress).toEqual({ done: 3, total: 4, message: "three again" });
  });

  it("never goes back in a later attempt either, nor in one that only has saved state", async () => {
    const { task } = await inTwoRuns(
      async ({ progress, save }) => {
        await save({ epoch: 3 });
        progress(3, 4, "first run");
        return forever;
      },
      async ({ progress }) => progress(2, 4, "second run"),
    );
    expect(task).toMatchObject({ status: "completed", progress: { done: 3, message: "first run" } });
  });

  it("takes finite numbers", async () => {
    const app = testApp();
    app.task("train", { description, input, retry: 3 }, (_, task) => task.progress(Number.NaN, 4));
    await app.start();
    const handle = await app.submit("train", {});
    await expect(handle.result()).rejects.toMatchObject({ code: "INVALID_VALUE" });
  });

  it("that comes often is written seldom, and its last counts are kept", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("train", { description, input }, async (_, task) => {
      for (let i = 1; i <= 1_000; i++) {
        task.progress(i, 1_000);
        if (i % 100 === 0) await new Promise<void>((resolve) => clock.after(50, resolve));
      }
    });
    await app.start();
    const handle = await app.submit("train", {});
    await clock.advance("10s");
    const { progress, revision } = await handle.status();
    expect(progress).toEqual({ done: 1_000, total: 1_000 });
    expect(revision).toBeLessThan(15);
  });
});

describe("until the recorded part is passed", () => {
  it("progress and log are dropped", async () => {
    const handler =
      (stop: boolean) =>
      async ({ step, log, progress, attempt }: TaskContext) => {
        log.info(`${attempt}: before`);
        progress(1, 3, `${attempt}`);
        await step("one", () => true);
        log.info(`${attempt}: between`);
        await step("two", () => true);
        log.info(`${attempt}: after`);
        if (stop) await forever;
        await step("three", () => true);
        progress(3, 3);
      };
    const { task, logged, lines } = await inTwoRuns(handler(true), handler(false));
    expect(logged).toEqual(["1: before", "1: between", "1: after", "2: after"]);
    expect(lines).toEqual(["2: after"]);
    expect(task?.progress).toEqual({ done: 3, total: 3 });
  });

  it("is over with the first operation that is not recorded, even where others are left out", async () => {
    const { logged } = await inTwoRuns(
      async ({ step }) => {
        await step("one", () => true);
        await step("two", () => true);
        return forever;
      },
      async ({ step, log }) => {
        log.info("still in it");
        await step("new", () => true);
        log.info("past it");
      },
    );
    expect(logged).toEqual(["past it", expect.stringContaining("were not come to")]);
  });
});

describe("log", () => {
  it("keeps every line in order, with level and data, in the timeline", async () => {
    const app = testApp();
    app.task("talk", { description, input }, (_, { log }) => {
      log.debug("a");
      log.info("b", { row: 7 });
      log.warning("c");
      log.error("d");
    });
    await app.start();
    const handle = await app.submit("talk", {});
    await handle.result();
    const lines = (await app.tasks.timeline(handle.id)).filter(({ type }) => type === "log");
    expect(lines).toMatchObject([
      { level: "debug", message: "a" },
      { level: "info", message: "b", data: { row: 7 } },
      { level: "warning", message: "c" },
      { level: "error", message: "d" },
    ]);
  });

  it("keeps as text what JSON does not keep: a line is not worth an error", async () => {
    const app = testApp();
    app.task("talk", { description, input }, (_, { log }) =>
      log.info("odd", { at: new Map([["a", 1]]) } as never),
    );
    await app.start();
    const handle = await app.submit("talk", {});
    await handle.result();
    const line = (await app.tasks.timeline(handle.id)).find(({ type }) => type === "log");
    expect(line).toMatchObject({ data: expect.stringContaining("Map(1)") as string });
  });

  it("goes to the application's logger, with the task", async () => {
    const lines: [object, string][] = [];
    const app = testApp({ logger: { ...silent, warn: (fields, message) => lines.push([fields, message]) } });
    app.task("talk", { description, input }, (_, { log }) => log.warning("careful", { row: 7 }));
    await app.start();
    const { id } = await app.submit("talk", {});
    await app.tasks.handle(id).result();
    expect(lines).toEqual([[{ task: id, tool: "talk", attempt: 1, data: { row: 7 } }, "careful"]]);
  });
});
