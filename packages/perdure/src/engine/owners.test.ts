/** Who may run how much at once, and whose turn it is. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { PerdureOptions } from "../app/app.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { openTestStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ n: z.number() });

/** Two tools that work 100 ms, and who began in which order. */
function workshop(options: Partial<PerdureOptions>, perOwner?: number) {
  const clock = (options.clock as ManualClock | undefined) ?? new ManualClock();
  const app = testApp({ clock, ...options });
  const begun: string[] = [];
  for (const tool of ["saw", "drill"]) {
    const own = perOwner === undefined ? {} : { concurrencyPerOwner: perOwner };
    app.task(tool, { description, input, ...own }, async (_, { owner }) => {
      begun.push(owner);
      await new Promise<void>((resolve) => clock.after(100, resolve));
    });
  }
  const submit = (owner: string, tool = "saw") => app.submit(tool, { n: 1 }, { owner });
  return { clock, app, begun, submit };
}

describe("priority and startAt", () => {
  it("decide who is next: the higher first, and none before its time", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, concurrency: 1 });
    const begun: number[] = [];
    app.task("work", { description, input }, async ({ n }) => {
      begun.push(n);
      await new Promise<void>((resolve) => clock.after(100, resolve));
    });
    await app.start();
    await app.submit("work", { n: 0 });
    await app.submit("work", { n: 1 });
    await app.submit("work", { n: 2 }, { priority: 5 });
    await app.submit("work", { n: 3 }, { priority: -1 });
    await app.submit("work", { n: 4 }, { priority: 9, startAt: clock.now() + 10_000 });
    await app.submit("work", { n: 5 }, { priority: 5, startAt: new Date(clock.now() + 250) });
    await clock.advance(9_999);
    expect(begun).toEqual([0, 2, 1, 5, 3]);
    await clock.advance(1);
    expect(begun).toEqual([0, 2, 1, 5, 3, 4]);
  });
});

describe("what a task that is due waits for", () => {
  const waiting = async (options: Partial<PerdureOptions>, perOwner?: number, who = "ada") => {
    const { clock, app, submit } = workshop(options, perOwner);
    await app.start();
    await submit("ada");
    const second = await submit(who);
    await clock.advance(1);
    const { waiting: said } = await second.status();
    await clock.advance(1_000);
    expect(await second.status()).not.toHaveProperty("waiting");
    return said;
  };

  it("is named: its owner's slots, of the tool or in all, the tool's, or all", async () => {
    expect(await waiting({}, 1)).toBe(
      'its owner has 1 of "saw" running; concurrencyPerOwner of "saw" allows 1.',
    );
    expect(await waiting({ concurrencyPerOwner: 1 })).toBe(
      "its owner has 1 running in all; concurrencyPerOwner allows 1.",
    );
    expect(await waiting({ concurrency: 1 }, undefined, "bob")).toBe(
      "all slots are taken; concurrency is 1.",
    );
    expect(await waiting({}, 1, "bob")).toBeUndefined();
  });

  it("is named where the slots of its tool are taken", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("work", { description, input, concurrency: 1 }, () => new Promise<void>(() => undefined));
    await app.start();
    await app.submit("work", { n: 1 });
    const second = await app.submit("work", { n: 2 });
    expect((await second.status()).waiting).toBe(
      'all slots of "work" are taken; concurrency of "work" is 1.',
    );
  });
});

describe("concurrencyPerOwner", () => {
  it("bounds what one owner has running, of all tools; others use the other slots", async () => {
    const { clock, app, begun, submit } = workshop({ concurrency: 10, concurrencyPerOwner: 2 });
    await app.start();
    for (let n = 0; n < 6; n++) await submit("ada", n % 2 === 0 ? "saw" : "drill");
    await clock.advance(50);
    expect(begun).toEqual(["ada", "ada"]);
    await submit("bob");
    await clock.advance(1);
    expect(begun).toEqual(["ada", "ada", "bob"]);
    await clock.advance(50);
    expect(begun).toHaveLength(5);
    await clock.advance(200);
    expect(begun).toHaveLength(7);
    expect((await app.tasks.list({ status: "completed" })).tasks).toHaveLength(7);
  });

  it("bounds it of one tool", async () => {
    const { clock, app, begun, submit } = workshop({ concurrency: 10 }, 1);
    await app.start();
    for (let n = 0; n < 4; n++) await submit("ada", n % 2 === 0 ? "saw" : "drill");
    await clock.advance(50);
    expect(begun).toHaveLength(2);
    await clock.advance(200);
    expect(begun).toHaveLength(4);
  });

  it("does not keep the process busy while it waits", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    const claim = store.executor.claim.bind(store.executor);
    let claims = 0;
    store.executor.claim = (request) => {
      claims++;
      return claim(request);
    };
    const { app, submit } = workshop({ clock, store, concurrency: 10, concurrencyPerOwner: 1 });
    await app.start();
    await submit("ada");
    await submit("ada");
    await clock.advance(10);
    claims = 0;
    await clock.advance(80);
    expect(claims).toBe(0);
  });

  it("is a whole number", () => {
    expect(() => testApp({ concurrencyPerOwner: 0 })).toThrow("concurrencyPerOwner must be a whole number");
  });
});

describe("owners", () => {
  it("take turns: one with 10,000 queued tasks does not keep another with one waiting", async () => {
    const { clock, app, begun, submit } = workshop({ concurrency: 2 });
    await app.start();
    await Promise.all(Array.from({ length: 10_000 }, () => submit("ada")));
    await submit("bob", "drill");
    await submit("cyd");
    await clock.advance(250);
    expect(begun.slice(0, 5)).toEqual(expect.arrayContaining(["bob", "cyd"]));
    await clock.advance(1_000);
    expect(begun.length).toBeGreaterThan(20);
  });
});
