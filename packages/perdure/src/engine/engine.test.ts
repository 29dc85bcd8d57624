import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import { openTestStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ n: z.number() });

describe("which task runs next", () => {
  it("is the one of the highest priority, then the one that waits longest", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, concurrency: 1 });
    const order: number[] = [];
    app.task("note", { description, input }, ({ n }) => void order.push(n));
    for (const [n, priority] of [
      [1, 0],
      [2, 0],
      [3, 10],
      [4, -5],
      [5, 10],
    ] as const) {
      await app.submit("note", { n }, { priority });
      await clock.advance(1);
    }
    await app.start();
    await clock.advance("1s");
    expect(order).toEqual([3, 5, 1, 2, 4]);
  });

  it("is not one that overtakes by being submitted later", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, concurrency: 1 });
    const order: number[] = [];
    app.task("note", { description, input }, async ({ n }) => {
      order.push(n);
      await settle();
    });
    await app.start();
    const handles = await Promise.all([1, 2, 3, 4].map((n) => app.submit("note", { n })));
    for (const handle of handles) await handle.result();
    expect(order).toEqual([1, 2, 3, 4]);
  });
});

describe("startAt", () => {
  it("is a time before which the task does not run", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const begun: number[] = [];
    app.task("note", { description, input }, ({ n }) => void begun.push(n));
    await app.start();
    await app.submit("note", { n: 1 }, { startAt: new Date(clock.now() + 60_000) });
    await app.submit("note", { n: 2 }, { startAt: clock.now() + 30_000 });
    await app.submit("note", { n: 3 }, { startAt: clock.now() - 1 });
    await clock.advance(29_999);
    expect(begun).toEqual([3]);
    await clock.advance(1);
    expect(begun).toEqual([3, 2]);
    await clock.advance("30s");
    expect(begun).toEqual([3, 2, 1]);
  });

  it("is kept also while every slot of the tool was taken when it was submitted", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const first = Promise.withResolvers<void>();
    app.task("one", { description, input, concurrency: 1 }, ({ n }) => (n === 1 ? first.promise : undefined));
    await app.start();
    await app.submit("one", { n: 1 });
    const later = await app.submit("one", { n: 2 }, { startAt: clock.now() + 10_000 });
    await clock.advance("5s");
    first.resolve();
    await clock.advance("5s");
    expect(await later.status()).toMatchObject({ status: "completed" });
  });
});

describe("concurrency", () => {
  it("bounds the attempts of a tool, and of the application", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, concurrency: 5 });
    const running = { narrow: 0, wide: 0 };
    const most = { narrow: 0, wide: 0, inAll: 0 };
    const run = (tool: "narrow" | "wide") => async () => {
      running[tool]++;
      most[tool] = Math.max(most[tool], running[tool]);
      most.inAll = Math.max(most.inAll, running.narrow + running.wide);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      running[tool]--;
    };
    app.task("narrow", { description, input, concurrency: 2 }, run("narrow"));
    app.task("wide", { description, input }, run("wide"));
    await app.start();
    const handles = await Promise.all(
      Array.from({ length: 20 }, (_, n) => app.submit(n % 2 === 0 ? "narrow" : "wide", { n })),
    );
    await clock.advance("2s");
    for (const handle of handles) expect(await handle.status()).toMatchObject({ status: "completed" });
    expect(most).toEqual({ narrow: 2, wide: expect.any(Number) as number, inAll: 5 });
  });

  it("of one tool does not hold up another", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("stuck", { description, input, concurrency: 1 }, () => forever);
    app.task("free", { description, input }, () => "done");
    await app.start();
    const stuck = [await app.submit("stuck", { n: 1 }), await app.submit("stuck", { n: 2 })];
    const free = await app.submit("free", { n: 3 });
    await clock.advance(10);
    expect(await free.result()).toBe("done");
    expect(await stuck[1]?.status()).toMatchObject({ phase: "queued" });
    await stuck[0]?.cancel();
    await clock.advance(10);
    expect(await stuck[1]?.status()).toMatchObject({ phase: "running" });
  });

  it("frees the slot of a failed attempt for another task during the back-off, and returns to the failed one", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, random: () => 1 });
    const second = Promise.withResolvers<string>();
    app.task("one", { description, input, concurrency: 1, retry: 1 }, ({ n }, task) => {
      if (n === 2) return second.promise;
      if (task.attempt === 1) throw new Error("down");
      return "first";
    });
    const [first, other] = [await app.submit("one", { n: 1 }), await app.submit("one", { n: 2 })];
    await app.start();
    await clock.advance("500ms");
    expect(await other.status()).toMatchObject({ phase: "running" });
    second.resolve("second");
    await clock.advance("500ms");
    expect(await first.result()).toBe("first");
  });

  it("may be endless", async () => {
    const app = testApp({ concurrency: Number.POSITIVE_INFINITY });
    app.task("note", { description, input }, ({ n }) => n);
    const handle = await app.submit("note", { n: 1 });
    await app.start();
    expect(await handle.result()).toBe(1);
  });
});

describe("the engine asks the record", () => {
  it("a bounded number of times while it is full", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    let claims = 0;
    const claim = store.executor.claim.bind(store.executor);
    store.executor.claim = (request) => {
      claims++;
      return claim(request);
    };
    const app = testApp({ clock, store, concurrency: 1 });
    app.task("hang", { description, input }, () => forever);
    await app.start();
    await Promise.all([1, 2, 3].map((n) => app.submit("hang", { n })));
    await settle();
    const before = claims;
    for (let i = 0; i < 50; i++) await clock.advance(1);
    expect(claims - before).toBeLessThanOrEqual(2);
  });

  it("once more for each tick, also one that comes just as the last look ends", async () => {
    for (let turn = 0; turn < 30; turn++) {
      const clock = new ManualClock();
      const now = clock.now.bind(clock);
      let later = 0;
      clock.now = () => now() + later; // time that passes, and no timer fires
      const store = openTestStore(clock);
      const app = testApp({ clock, store });
      app.task("note", { description, input }, ({ n }) => n);
      await app.start();
      await app.submit("note", { n: 1 }, { startAt: clock.now() + 1_000 });
      await settle();
      const ticked = Promise.withResolvers<number>();
      const nextDueMs = store.executor.nextDueMs.bind(store.executor);
      store.executor.nextDueMs = (request) => {
        store.executor.nextDueMs = nextDueMs;
        const due = nextDueMs(request);
        void (async () => {
          for (let i = 0; i < turn; i++) await Promise.resolve();
          later = 2_000;
          ticked.resolve(app.tick());
        })();
        return due;
      };
      await app.tick();
      await ticked.promise;
      await settle();
      expect((await app.tasks.list()).tasks, `after ${turn} turns`).toMatchObject([{ status: "completed" }]);
    }
  });

  it("again after a claim that failed, and runs what was begun beside a refused sweep", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    let failing = true;
    const failOverdue = store.failOverdue.bind(store);
    store.failOverdue = async (batch) => {
      if (failing) throw new Error("this write only");
      return failOverdue(batch);
    };
    const app = testApp({ clock, store });
    app.task("note", { description, input }, ({ n }) => n);
    const handle = await app.submit("note", { n: 1 });
    await app.start();
    await clock.advance(1);
    expect(await handle.status()).toMatchObject({ status: "completed" });
    const claim = store.executor.claim.bind(store.executor);
    store.executor.claim = () => Promise.reject(new Error("the disk is away"));
    const next = await app.submit("note", { n: 2 }, { startAt: clock.now() + 10 });
    await clock.advance(100);
    store.executor.claim = claim;
    failing = false;
    await clock.advance("1s");
    expect(await next.status()).toMatchObject({ status: "completed" });
  });
});
