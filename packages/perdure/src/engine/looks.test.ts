/** When the engine looks for due tasks, and that it misses nothing where it does not. */
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import type { ClaimTasks, Executor, TaskStore } from "../store/store.ts";
import { newTaskId } from "../task/id.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import { openTestStore, temporaryStore, temporaryStoreInMemory } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

/** A store that counts the claims that are made on it. */
function countingStore(store: TaskStore): { readonly store: TaskStore; readonly claims: () => number } {
  let claims = 0;
  const executor = new Proxy(store.executor, {
    get: (target, key: keyof Executor) => {
      if (key === "claim") {
        return (request: ClaimTasks) => {
          claims++;
          return target.claim(request);
        };
      }
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const counting = new Proxy(store, {
    get: (target, key: keyof TaskStore) => {
      if (key === "executor") return executor;
      const value = target[key];
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
  return { store: counting, claims: () => claims };
}

/** One slot, which a task has taken until `free` is called, and another task that is known to wait for it. */
async function withFullSlots(record = temporaryStoreInMemory()) {
  const clock = new ManualClock();
  const opened = openTestStore(clock, record);
  const { store, claims } = countingStore(opened);
  const app = testApp({ clock, store, concurrency: 1 });
  onTestFinished(() => opened.close());
  const first = Promise.withResolvers<void>();
  app.task("first", { description, input }, () => first.promise);
  app.task("soon", { description, input }, () => "done");
  app.task("limited", { description, input, deadline: "10s" }, () => "done");
  await app.start();
  await app.submit("first", {});
  const queued = await app.submit("soon", {});
  await settle();
  return { app, clock, claims, queued, free: () => first.resolve() };
}

describe("with all slots taken and more known to be due, a start", () => {
  it("sets off no look", async () => {
    const { app, claims } = await withFullSlots();
    const before = claims();
    for (let i = 0; i < 5; i++) {
      await app.submit("soon", {});
      await settle();
    }
    expect(claims()).toBe(before);
  });

  it("is a place in the queue: the slot that falls free takes one after the other", async () => {
    const { app, clock, queued, free } = await withFullSlots();
    const later = await app.submit("soon", {});
    free();
    await clock.advance(0);
    expect(await queued.status()).toMatchObject({ status: "completed" });
    expect(await later.status()).toMatchObject({ status: "completed" });
  });

  it("that has a deadline fails at it, while the slots are still taken", async () => {
    const { app, clock } = await withFullSlots();
    const limited = await app.submit("limited", {});
    await clock.advance(9_999);
    expect(await limited.status()).toMatchObject({ phase: "queued" });
    await clock.advance(1);
    expect(await limited.status()).toMatchObject({ status: "failed", failure: { code: "DEADLINE" } });
  });

  it("that is for later runs at its time, whether a slot falls free before or after it", async () => {
    for (const freedAt of [1_000, 4_999]) {
      const { app, clock, free } = await withFullSlots();
      const later = await app.submit("soon", {}, { startAt: clock.now() + 5_000 });
      await clock.advance(freedAt);
      free();
      await clock.advance(4_999 - freedAt);
      expect(await later.status()).toMatchObject({ phase: "queued" });
      await clock.advance(1);
      expect(await later.status()).toMatchObject({ status: "completed" });
    }
    const { app, clock, free } = await withFullSlots();
    const later = await app.submit("soon", {}, { startAt: clock.now() + 5_000 });
    await clock.advance("8s");
    expect(await later.status()).toMatchObject({ phase: "queued" });
    free();
    await clock.advance(0);
    expect(await later.status()).toMatchObject({ status: "completed" });
  });

  it("by another process that has a deadline fails at it too", async () => {
    const record = temporaryStore();
    const { clock } = await withFullSlots(record);
    const other = openTestStore(clock, record);
    onTestFinished(() => other.close());
    const { task } = await other.create({
      id: newTaskId(clock.now()),
      tool: "soon",
      owner: "local",
      input: {},
      deadlineMs: 10_000,
    });
    await clock.advance(9_999);
    expect(await other.summary({ taskId: task.id })).toMatchObject({ phase: "queued" });
    await clock.advance(1);
    expect(await other.summary({ taskId: task.id })).toMatchObject({ status: "failed" });
  });
});

describe("a child", () => {
  it("begins in the commit of its call where a slot is free, and is not looked for", async () => {
    const clock = new ManualClock();
    const { store, claims } = countingStore(openTestStore(clock));
    const app = testApp({ clock, store, concurrency: 4 });
    app.task("child", { description, input }, () => 1);
    app.task("parent", { description, input }, async (_, task) => {
      const counts = ["a", "b", "c"].map((name) => task.call<number>("child", {}, { name }));
      return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0);
    });
    await app.start();
    const before = claims();
    const parent = await app.submit("parent", {});
    await clock.advance(0);
    expect(await parent.status()).toMatchObject({ status: "completed", attempt: 1 });
    expect(await parent.result()).toBe(3);
    expect(claims()).toBe(before);
  });

  it("that waits for a slot fails at its deadline, while its parent does something else", async () => {
    const clock = new ManualClock();
    const { store, claims } = countingStore(openTestStore(clock));
    const app = testApp({ clock, store, concurrency: 1 });
    app.task("child", { description, input, deadline: "10s" }, () => "done");
    const mayCall = Promise.withResolvers<void>();
    app.task("parent", { description, input }, async (_, task) => {
      await mayCall.promise;
      task.call("child", {}).catch(() => undefined);
      await task.step("busy", () => forever);
    });
    await app.start();
    await app.submit("parent", {});
    await app.submit("parent", {});
    await settle();
    const before = claims();
    mayCall.resolve();
    await clock.advance(9_999);
    expect(claims()).toBe(before);
    const [child] = (await app.tasks.list({ tool: "child" })).tasks;
    expect(child).toMatchObject({ phase: "queued" });
    await clock.advance(1);
    expect((await app.tasks.list({ tool: "child" })).tasks).toMatchObject([{ status: "failed" }]);
  });
});

it("a slot that was taken for a start and then not needed is given to the one that queued meanwhile", async () => {
  const clock = new ManualClock();
  const app = testApp({ clock, concurrency: 1 });
  app.task("soon", { description, input }, () => "done");
  await app.start();
  await (await app.submit("soon", {}, { idempotencyKey: "once" })).result();
  await settle();
  const [, queued] = await Promise.all([
    app.submit("soon", {}, { idempotencyKey: "once" }),
    app.submit("soon", {}),
  ]);
  await settle();
  expect(await queued.status()).toMatchObject({ status: "completed" });
});
