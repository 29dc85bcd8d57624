import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closeNow, forever, silent, testApp } from "../app/app.fixture.ts";
import { perdure } from "../app/app.ts";
import { PerdureError } from "../task/errors.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

describe("a graceful close", () => {
  it("asks handlers by their signal, and what they return in time counts", async () => {
    const record = temporaryStore();
    const app = testApp({ store: record });
    const begun = Promise.withResolvers<void>();
    let reason: unknown;
    app.task("tidy", { description, input }, async (_, task) => {
      begun.resolve();
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
      reason = task.signal.reason;
      return task.step("last", () => "written while draining");
    });
    await app.start();
    const { id } = await app.submit("tidy", {});
    await begun.promise;
    await app.close();
    expect(reason).toMatchObject({ code: "SHUTDOWN" });
    const next = testApp({ store: record });
    expect(await next.tasks.handle(id).result()).toBe("written while draining");
  });

  it("leaves a step with a time-out the time to end, as any other", async () => {
    const record = temporaryStore();
    const app = testApp({ store: record });
    const [begun, paid] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
    app.task("pay", { description, input }, (_, task) =>
      task.step(
        "charge",
        () => {
          begun.resolve();
          return paid.promise;
        },
        { timeout: "1m" },
      ),
    );
    await app.start();
    const { id } = await app.submit("pay", {});
    await begun.promise;
    const closed = app.close();
    await settle();
    paid.resolve("charged once");
    await closed;
    const next = testApp({ store: record });
    expect(await next.tasks.get(id)).toMatchObject({ status: "completed", result: "charged once" });
  });

  it("begins no new work", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, concurrency: 1 });
    const ran: number[] = [];
    const first = Promise.withResolvers<void>();
    app.task("note", { description, input: z.object({ n: z.number() }) }, async ({ n }) => {
      ran.push(n);
      await first.promise;
    });
    await app.start();
    await Promise.all([1, 2].map((n) => app.submit("note", { n })));
    await settle();
    const closed = app.close();
    first.resolve();
    await closed;
    expect(ran).toEqual([1]);
  });

  it("gives back what is left after drainMs; the next start goes on, counting neither error nor crash", async () => {
    const record = temporaryStore();
    const clock = new ManualClock();
    const first = testApp({ clock, store: record });
    first.task("train", { description, input }, async (_, task) => {
      await task.step("load", () => "data");
      await task.save({ epoch: 3 });
      return forever;
    });
    await first.start();
    const { id } = await first.submit("train", {});
    await settle();
    let closed = false;
    const closing = first.close({ drainMs: "5s" }).then(() => (closed = true));
    await clock.advance(4_999);
    expect(closed).toBe(false);
    await clock.advance(1);
    await closing;

    const second = testApp({ clock, store: record });
    second.task("train", { description, input }, async (_, task) => {
      const loaded = await task.step("load", () => "loaded again");
      return { attempt: task.attempt, loaded, saved: await task.saved<{ epoch: number }>() };
    });
    expect(await second.tasks.get(id)).toMatchObject({ phase: "queued", attempt: 1 });
    await second.start();
    expect(await second.tasks.handle(id).result()).toEqual({
      attempt: 2,
      loaded: "data",
      saved: { epoch: 3 },
    });
    expect(await second.tasks.get(id)).toMatchObject({ errors: 0, crashes: 0, attempt: 2 });
    const types = (await second.tasks.timeline(id)).map(({ type }) => type);
    expect(types).toEqual(["created", "begun", "operation", "released", "begun", "completed"]);
  });

  it("takes what a handler throws because of its signal for obedience, not for an error", async () => {
    const store = temporaryStore();
    const closing = testApp({ store });
    const begun = Promise.withResolvers<void>();
    closing.task("obey", { description, input }, async (_, task) => {
      await task.step("work", async (step) => {
        begun.resolve();
        await new Promise((resolve) => step.signal.addEventListener("abort", resolve));
        step.signal.throwIfAborted();
      });
    });
    await closing.start();
    const { id } = await closing.submit("obey", {});
    await begun.promise;
    await closing.close();
    const next = testApp({ store });
    expect(await next.tasks.get(id)).toMatchObject({ phase: "queued", errors: 0, crashes: 0 });
    expect((await next.tasks.timeline(id)).map(({ type }) => type)).toEqual(["created", "begun", "released"]);
  });

  it("leaves a handler that runs on nothing to write", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const context = Promise.withResolvers<TaskContext>();
    app.task("hang", { description, input }, (_, task) => {
      context.resolve(task);
      return forever;
    });
    await app.start();
    await app.submit("hang", {});
    const task = await context.promise;
    await closeNow(app, clock);
    await expect(task.step("late", () => 1)).rejects.toMatchObject({ code: "SHUTDOWN" });
    await expect(task.save({})).rejects.toMatchObject({ code: "SHUTDOWN" });
    task.progress(1);
    task.log.info("late");
  });

  it("gives back a task that is just being created", async () => {
    const record = temporaryStore();
    const app = testApp({ store: record });
    let ran = 0;
    const count = (): void => void ran++;
    app.task("count", { description, input }, count);
    await app.start();
    const submitted = app.submit("count", {});
    // The input is parsed by then, and the create waits for the commit of this turn.
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    await app.close();
    const { id } = await submitted;
    const next = testApp({ store: record });
    next.task("count", { description, input }, count);
    await next.start();
    await next.tasks.handle(id).result();
    expect(await next.tasks.get(id)).toMatchObject({ status: "completed", crashes: 0 });
    expect(ran).toBe(1);
  });

  it("does not wait for a store that stays full", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    const app = testApp({ clock, store });
    app.task("fail", { description, input }, () => {
      throw new Error("down");
    });
    await app.start();
    const full = new PerdureError("STORE_FULL", { message: "no room", retryable: true });
    store.fail = () => Promise.reject(full);
    await app.submit("fail", {});
    await settle();
    const closed = app.close({ drainMs: "1s" });
    await clock.advance("2s");
    await expect(closed).resolves.toBeUndefined();
  });
});

describe("start and close", () => {
  it("may overlap", async () => {
    const app = perdure({ name: "test", version: "1", store: temporaryStore(), logger: silent });
    app.task("note", { description, input }, () => undefined);
    const started = app.start().catch((error: unknown) => error);
    await app.close();
    expect([undefined, expect.any(PerdureError)]).toContainEqual(await started);
  });

  it("may be called twice", async () => {
    const app = testApp();
    app.task("note", { description, input }, () => "done");
    await Promise.all([app.start(), app.start()]);
    await app.start();
    expect(await (await app.submit("note", {})).result()).toBe("done");
  });

  it("may be tried again after a start that failed", async () => {
    const store = openTestStore();
    const start = store.executor.start.bind(store.executor);
    store.executor.start = () => Promise.reject(new Error("the disk is away"));
    const app = testApp({ store });
    app.task("note", { description, input }, () => "done");
    await expect(app.start()).rejects.toThrow("the disk is away");
    store.executor.start = start;
    await app.start();
    expect(await (await app.submit("note", {})).result()).toBe("done");
  });
});
