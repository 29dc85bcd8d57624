import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";
import { PerdureError } from "../task/errors.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";

const description = "A tool of this test.";
const input = z.object({});

it("an attempt of thirty hours runs once, beside another process that could take it over", async () => {
  const [clock, record] = [new ManualClock(), temporaryStore()];
  const work = Promise.withResolvers<string>();
  let runs = 0;
  const [app, other] = [testApp({ clock, store: record }), testApp({ clock, store: record })];
  for (const process of [app, other]) {
    process.task("train", { description, input, timeout: "40h" }, () => {
      runs++;
      return work.promise;
    });
    await process.start();
  }
  const handle = await app.submit("train", {});
  for (let hour = 0; hour < 30; hour++) await clock.skip("1h");
  expect(await handle.status()).toMatchObject({ phase: "running", attempt: 1, crashes: 0 });
  work.resolve("done");
  await clock.advance(1_000);
  expect(await handle.result()).toBe("done");
  expect(runs).toBe(1);
});

describe("timeout", () => {
  it("ends an attempt that ignores its signal, as an error of the handler", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const contexts: TaskContext[] = [];
    app.task("hang", { description, input, timeout: "10s" }, (_, task) => {
      contexts.push(task);
      return forever;
    });
    await app.start();
    const handle = await app.submit("hang", {});
    await clock.advance(9_999);
    expect(await handle.status()).toMatchObject({ status: "working", phase: "running" });
    expect(contexts[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    await expect(handle.result()).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(contexts[0]?.signal.reason).toBeInstanceOf(PerdureError);
    expect(contexts[0]?.signal.reason).toMatchObject({ code: "TIMEOUT" });
  });

  it("is 1 h where nothing is said", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("hang", { description, input }, () => forever);
    await app.start();
    const handle = await app.submit("hang", {});
    await clock.advance("59m");
    expect(await handle.status()).toMatchObject({ phase: "running" });
    await clock.advance("1m");
    await expect(handle.result()).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("counts as an error: the next attempt has the whole time again", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, random: () => 0 });
    app.task("hang", { description, input, timeout: "10s", retry: 1 }, (_, task) =>
      task.attempt === 1 ? forever : new Promise((resolve) => clock.after(9_000, () => resolve("done"))),
    );
    await app.start();
    const handle = await app.submit("hang", {});
    await clock.advance("10s");
    expect(await handle.status()).toMatchObject({ phase: "queued", errors: 1 });
    await clock.advance("500ms");
    expect(await handle.status()).toMatchObject({ phase: "running", attempt: 2 });
    await clock.advance("9s");
    expect(await handle.result()).toBe("done");
  });

  it("leaves the attempt that was given up nothing to write", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const late = Promise.withResolvers<void>();
    const refused: unknown[] = [];
    let ranLate = false;
    app.task("late", { description, input, timeout: "1s" }, async (_, task) => {
      await late.promise;
      const run = (): void => void (ranLate = true);
      refused.push(await task.step("late", run).catch((error: unknown) => error));
      refused.push(await task.save({ late: true }).catch((error: unknown) => error));
      return "too late";
    });
    await app.start();
    const handle = await app.submit("late", {});
    await clock.advance("1s");
    late.resolve();
    await settle();
    expect(refused).toMatchObject([{ code: "TIMEOUT" }, { code: "TIMEOUT" }]);
    expect(ranLate).toBe(false);
    await expect(handle.result()).rejects.toMatchObject({ code: "TIMEOUT" });
  });
});

describe("deadline", () => {
  const deadline = "1m";

  it("fails a task that is queued", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("late", { description, input, deadline, concurrency: 1 }, () => forever);
    await app.start();
    const startAt = clock.now() + 3_600_000;
    const handle = await app.submit("late", {}, { startAt });
    await clock.advance(59_999);
    expect(await handle.status()).toMatchObject({ phase: "queued" });
    await clock.advance(1);
    await expect(handle.result()).rejects.toMatchObject({ code: "DEADLINE" });
    expect(await handle.status()).toMatchObject({ attempt: 0 });
  });

  it("fails a task that is running, whatever its handler does", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    let signal: AbortSignal | undefined;
    app.task("hang", { description, input, deadline, retry: 5 }, (_, task) => {
      signal = task.signal;
      return forever;
    });
    await app.start();
    const handle = await app.submit("hang", {});
    await clock.advance("1m");
    await expect(handle.result()).rejects.toMatchObject({ code: "DEADLINE" });
    expect(signal?.reason).toMatchObject({ code: "DEADLINE" });
  });

  it("fails a task that waits for its retry", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task(
      "fail",
      { description, input, deadline, retry: { retries: 3, delay: "1h", maxDelay: "1h" } },
      () => {
        throw new Error("down");
      },
    );
    await app.start();
    const handle = await app.submit("fail", {});
    await clock.advance("59s");
    expect(await handle.status()).toMatchObject({ phase: "queued", errors: 1 });
    await clock.advance("1s");
    await expect(handle.result()).rejects.toMatchObject({ code: "DEADLINE" });
  });

  it("is counted from the submit, also over a time without a process", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("late", { description, input, deadline }, () => "ran");
    const handle = await app.submit("late", {});
    await clock.advance("2m");
    await app.start();
    await settle();
    await expect(handle.result()).rejects.toMatchObject({ code: "DEADLINE" });
  });

  it("leaves a task alone that ended in time", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("quick", { description, input, deadline }, () => "done");
    await app.start();
    const handle = await app.submit("quick", {});
    await clock.advance("2m");
    expect(await handle.result()).toBe("done");
  });
});
