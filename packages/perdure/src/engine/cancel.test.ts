import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import { PerdureError } from "../task/errors.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

describe("cancel", () => {
  it("is immediate, and tells the handler why by its signal", async () => {
    const app = testApp();
    const context = Promise.withResolvers<TaskContext>();
    app.task("hang", { description, input }, (_, task) => {
      context.resolve(task);
      return forever;
    });
    await app.start();
    const handle = await app.submit("hang", {});
    const { signal } = await context.promise;
    expect(await handle.cancel("no longer needed")).toBe(true);
    expect(await handle.status()).toMatchObject({ status: "cancelled", reason: "no longer needed" });
    await settle();
    expect(signal.reason).toBeInstanceOf(PerdureError);
    expect(signal.reason).toMatchObject({
      code: "CANCELLED",
      message: expect.stringContaining("no longer needed") as string,
    });
    await expect(handle.result()).rejects.toMatchObject({
      name: "TaskError",
      code: "TASK_CANCELLED",
      failure: undefined,
      message: expect.stringContaining("no longer needed") as string,
    });
  });

  it("leaves a clean-up, a step, a save, a report and a result nothing to write", async () => {
    const app = testApp();
    const begun = Promise.withResolvers<void>();
    const refused: unknown[] = [];
    const note = (error: unknown): void => void refused.push(error);
    let stepRan = false;
    const done = Promise.withResolvers<void>();
    app.task("tidy", { description, input }, async (_, task) => {
      begun.resolve();
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
      await task.step("clean up", () => void (stepRan = true)).catch(note);
      await task.save({ late: true }).catch(note);
      await task.saved().catch(note);
      task.progress(1, 1);
      task.log.info("late");
      done.resolve();
      return "late";
    });
    await app.start();
    const handle = await app.submit("tidy", {});
    await begun.promise;
    await handle.cancel();
    await done.promise;
    await settle();
    expect(stepRan).toBe(false);
    expect(refused).toMatchObject([{ code: "CANCELLED" }, { code: "CANCELLED" }, { code: "CANCELLED" }]);
    const task = await app.tasks.get(handle.id);
    expect(task).toMatchObject({ status: "cancelled", result: undefined });
    expect(task?.progress).toBeUndefined();
    const timeline = await app.tasks.timeline(handle.id);
    expect(timeline.map(({ type }) => type)).toEqual(["created", "begun", "cancelled"]);
  });

  it("refuses the result of a step that was running", async () => {
    const app = testApp();
    const begun = Promise.withResolvers<void>();
    const paid = Promise.withResolvers<string>();
    const outcome = Promise.withResolvers<unknown>();
    app.task("pay", { description, input }, (_, task) => {
      const step = task.step("charge", () => {
        begun.resolve();
        return paid.promise;
      });
      step.then(outcome.resolve, outcome.resolve);
      return step;
    });
    await app.start();
    const handle = await app.submit("pay", {});
    await begun.promise;
    await handle.cancel();
    paid.resolve("paid");
    expect(await outcome.promise).toMatchObject({ code: "CANCELLED" });
    expect((await app.tasks.timeline(handle.id)).map(({ type }) => type)).not.toContain("operation");
  });

  it("happens once: later ones change nothing, nor do those of ended tasks", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    app.task("quick", { description, input }, () => "done");
    await app.start();
    const handle = await app.submit("hang", {});
    const answers = await Promise.all([handle.cancel("a"), handle.cancel("b")]);
    expect(answers).toEqual([true, false]);
    expect(await handle.status()).toMatchObject({ reason: "a" });
    const quick = await app.submit("quick", {});
    expect(await quick.result()).toBe("done");
    expect(await quick.cancel()).toBe(false);
    expect(await quick.status()).toMatchObject({ status: "completed" });
  });

  it("ends a task that is queued or waits for a retry, without another attempt", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    let attempts = 0;
    app.task("fail", { description, input, retry: 3 }, () => {
      attempts++;
      throw new Error("down");
    });
    const queued = await app.submit("fail", {}, { startAt: clock.now() + 1_000 });
    const retried = await app.submit("fail", {});
    await app.start();
    await settle();
    expect(await retried.status()).toMatchObject({ phase: "queued", errors: 1 });
    expect(await queued.cancel()).toBe(true);
    expect(await retried.cancel()).toBe(true);
    await clock.advance("1m");
    expect(attempts).toBe(1);
  });

  it("by another process is noticed by the one that executes", async () => {
    const record = temporaryStore();
    const executing = testApp({ store: record });
    const reason = Promise.withResolvers<unknown>();
    executing.task("hang", { description, input }, (_, task) => {
      task.signal.addEventListener("abort", () => reason.resolve(task.signal.reason));
      return forever;
    });
    await executing.start();
    const { id } = await executing.submit("hang", {});
    const attached = testApp({ store: record });
    await attached.tasks.cancel(id, { reason: "from outside" });
    expect(await reason.promise).toMatchObject({ code: "CANCELLED" });
  });

  it("between the begin of an attempt and the first line of its handler frees the slot", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    const slowRead = Promise.withResolvers<void>();
    const operations = store.operations.bind(store);
    store.operations = async (key) => {
      await slowRead.promise;
      return operations(key);
    };
    const app = testApp({ clock, store, random: () => 0 });
    const attempts: number[] = [];
    app.task("one", { description, input, retry: 1, concurrency: 1 }, (_, task) => {
      attempts.push(task.attempt);
      if (task.attempt === 1) throw new Error("down");
      return forever;
    });
    const first = await app.submit("one", {});
    await app.start();
    await clock.advance("1s");
    expect(await first.status()).toMatchObject({ phase: "running", attempt: 2 });
    await first.cancel();
    slowRead.resolve();
    await settle();
    const next = await app.submit("one", {});
    await settle();
    expect(await next.status()).toMatchObject({ attempt: 1 });
    expect(attempts).toEqual([1, 1]);
  });
});

describe("a cancel in the turn in which the task begins", () => {
  it.each([0, 2, 4, 6, 8, 10])("ends its attempt and frees its slot, %i steps later", async (steps) => {
    const app = testApp({ concurrency: 1 });
    app.task("hang", { description, input }, () => forever);
    app.task("next", { description, input }, () => "done");
    await app.start();
    await app.pause("hang");
    const waiting = await app.submit("hang", {});
    await app.resume("hang");
    for (let n = 0; n < steps; n++) await Promise.resolve();
    expect(await waiting.cancel()).toBe(true);
    expect(await (await app.submit("next", {})).result()).toBe("done");
  });
});
