import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { ManualClock } from "../testing/manual-clock.ts";
import { closeNow, silent, testApp } from "./app.fixture.ts";
import { perdure } from "./app.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ n: z.number() });

describe("pause", () => {
  it("begins nothing new of the tool, and says why", async () => {
    const app = testApp();
    const work = app.task("work", { description, input }, ({ n }) => n);
    await app.start();
    expect(await app.pause(work)).toBe(true);
    expect(await app.pause("work")).toBe(false);
    const handle = await app.submit(work, { n: 1 });
    expect(await app.tick()).toBe(0);
    expect(await handle.status()).toMatchObject({
      phase: "queued",
      waiting: expect.stringMatching(
        /^"work" is paused since \d{4}-.*; it runs when the tool is resumed\.$/,
      ) as string,
    });
    expect(await app.tasks.paused()).toMatchObject([{ tool: "work" }]);
    expect(await app.resume(work)).toBe(true);
    expect(await handle.result()).toBe(1);
    expect(await app.resume(work)).toBe(false);
  });

  it("lets what runs go on, also over a step; what wakes from a wait has to wait", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, linger: 0 });
    const reached: string[] = [];
    app.task("work", { description, input }, async (_, task) => {
      await task.step("first", () => new Promise<void>((resolve) => clock.after(100, resolve)));
      reached.push("stepped");
      await task.sleep("1h");
      reached.push("slept");
    });
    await app.start();
    const handle = await app.submit("work", { n: 1 });
    await clock.advance(10);
    await app.pause("work");
    await clock.advance(1_000);
    expect(reached).toEqual(["stepped"]);
    expect(await handle.status()).toMatchObject({ phase: "queued" });
    await clock.advance("2h");
    expect(await handle.status()).toHaveProperty("waiting");
    await app.resume("work");
    await clock.advance(10);
    expect(reached).toEqual(["stepped", "stepped", "slept"]);
  });

  it("is of the store: it holds for other processes, and over a restart", async () => {
    const store = temporaryStore();
    const open = () => {
      const app = perdure({ name: "test", version: "1", store, logger: silent });
      app.task("work", { description, input }, ({ n }) => n);
      onTestFinished(() => closeNow(app));
      return app;
    };
    const operator = perdure({ name: "operator", version: "1", store, logger: silent });
    onTestFinished(() => closeNow(operator));
    const first = open();
    await first.start();
    await operator.pause("work");
    const { id } = await first.submit("work", { n: 7 });
    await closeNow(first);
    const second = open();
    await second.start();
    expect(await second.tick()).toBe(0);
    expect(await second.tasks.handle(id).status()).toHaveProperty("waiting");
    await operator.resume("work");
    expect(await second.tasks.handle(id).result()).toBe(7);
  });
});
