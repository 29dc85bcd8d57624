/** A store that is closed under its application leaves the file as a killed process does: attempts without an end. */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import type { App } from "../app/app.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { inSqlite, openTestStore, temporaryFile, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

/** Starts an application on `file` and lets it die once nothing moves any more. */
async function crashWhileRunning(record: string, declare: (app: App) => void): Promise<void> {
  const clock = new ManualClock(Date.now());
  const store = openTestStore(clock, record);
  const app = testApp({ store, clock });
  declare(app);
  await app.start();
  await settle();
  await store.close();
}

describe("after a crash", () => {
  it("the handler runs again from its first line; recorded steps answer at once, the interrupted one runs again", async () => {
    const record = temporaryStore();
    const ran: string[] = [];
    const declare = (hang: boolean) => (app: App) => {
      app.task("order", { description, input }, async (_, task) => {
        ran.push("line 1");
        const paid = await task.step("charge", () => ran.push("charge"));
        const sent = await task.step("send", ({ tries, idempotencyKey }) => {
          ran.push(`send ${idempotencyKey === `${task.id}/send` ? tries : "?"}`);
          return hang ? forever : "sent";
        });
        return { paid, sent, attempt: task.attempt };
      });
    };
    const setUp = testApp({ store: record });
    declare(false)(setUp);
    const { id } = await setUp.submit("order", {});
    await setUp.close();
    await crashWhileRunning(record, declare(true));
    const app = testApp({ store: record });
    declare(false)(app);
    await app.start();
    expect(await app.tasks.handle(id).result()).toEqual({ paid: 2, sent: "sent", attempt: 2 });
    expect(ran).toEqual(["line 1", "charge", "send 1", "line 1", "send 1"]);
    expect((await app.tasks.timeline(id)).map(({ type }) => type)).toContain("crashed");
  });

  it("a step's count of tries goes on, after the rest of its wait", async () => {
    const record = temporaryStore();
    const tries: number[] = [];
    const declare = (app: App): void => {
      app.task("flaky", { description, input }, (_, task) =>
        task.step(
          "call",
          (step) => {
            tries.push(step.tries);
            throw new Error("down");
          },
          { retry: { retries: 1, delay: "1s" } },
        ),
      );
    };
    const setUp = testApp({ store: record });
    declare(setUp);
    const { id } = await setUp.submit("flaky", {});
    await setUp.close();
    await crashWhileRunning(record, declare);
    const app = testApp({ store: record });
    declare(app);
    await app.start();
    await expect(app.tasks.handle(id).result()).rejects.toMatchObject({ message: "down" });
    expect(tries).toEqual([1, 2]);
  });

  it("no error is counted, and maxCrashes in a row without anything new end the task as CRASH_LOOP", async () => {
    const record = temporaryStore();
    let attempts = 0;
    const declare = (app: App): void => {
      app.task("deadly", { description, input, maxCrashes: 2 }, () => {
        attempts++;
        return forever;
      });
    };
    const setUp = testApp({ store: record });
    declare(setUp);
    const { id } = await setUp.submit("deadly", {});
    await setUp.close();
    for (let death = 1; death <= 3; death++) await crashWhileRunning(record, declare);
    const app = testApp({ store: record });
    declare(app);
    expect(await app.tasks.get(id)).toMatchObject({ status: "working", errors: 0, crashes: 2 });
    await app.start();
    await expect(app.tasks.handle(id).result()).rejects.toMatchObject({ code: "CRASH_LOOP" });
    expect(attempts).toBe(3);
  });

  it("the count of crashes begins anew with every newly recorded operation or saved state", async () => {
    const record = temporaryStore();
    const declare = (app: App): void => {
      app.task("slow", { description, input, maxCrashes: 1 }, async (_, task) => {
        if (task.attempt % 2 === 0) await task.step(`part ${task.attempt}`, () => true);
        else await task.save({ part: task.attempt });
        return task.attempt === 6 ? "through" : forever;
      });
    };
    const setUp = testApp({ store: record });
    declare(setUp);
    const { id } = await setUp.submit("slow", {});
    await setUp.close();
    for (let death = 1; death <= 5; death++) await crashWhileRunning(record, declare);
    const app = testApp({ store: record });
    declare(app);
    await app.start();
    expect(await app.tasks.handle(id).result()).toBe("through");
  });
});

describe("an older attempt", () => {
  // On Postgres nobody is taken over while it is alive and reaches the database.
  it.runIf(inSqlite)("is refused every write once another process has taken over, and told so", async () => {
    const file = temporaryFile();
    const record = `sqlite:${file}`;
    const clock = new ManualClock();
    const frozen = testApp({ store: record, clock });
    const context = Promise.withResolvers<TaskContext>();
    const late = Promise.withResolvers<string>();
    frozen.task("hang", { description, input }, (_, task) => {
      context.resolve(task);
      return late.promise;
    });
    await frozen.start();
    const { id } = await frozen.submit("hang", {});
    const old = await context.promise;
    // The one way to lose a lock while alive. Its clock stands still: it cannot notice by itself.
    rmSync(`${file}.lock`);
    const other = testApp({ store: record });
    other.task("hang", { description, input }, (_, task) =>
      task.step("mine", () => `attempt ${task.attempt}`),
    );
    await other.start();
    expect(await other.tasks.handle(id).result()).toBe("attempt 2");
    await expect(old.step("mine", () => "attempt 1")).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
    expect(old.signal.reason).toMatchObject({ code: "STALE_ATTEMPT" });
    await expect(old.save({})).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
    late.resolve("attempt 1");
    await settle();
    expect(await other.tasks.get(id)).toMatchObject({ result: "attempt 2", attempt: 2 });
  });
});
