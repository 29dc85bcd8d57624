/** What may happen to a task while it waits: shutdown, a new start, cancel, time-out, deadline, retry. */
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { type App, perdure } from "../app/app.ts";
import { closeNow, silent, testApp } from "../app/app.fixture.ts";
import type { TaskId } from "../task/id.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "";
const input = z.object({});
const name = z.object({ name: z.string() });

/** Each way to wait, and what ends the wait. */
const waits = {
  sleep: {
    wait: async (task: TaskContext) => task.sleep("1h").then(() => "slept"),
    resolve: async (_: App, __: TaskId, clock: ManualClock) => clock.skip("1h"),
    result: "slept",
  },
  ask: {
    wait: async (task: TaskContext) => (await task.ask("Who?", name)).name,
    resolve: async (app: App, id: TaskId) => {
      const [asked] = await app.tasks.questions(id);
      await app.tasks.answer(id, asked?.key ?? "", { action: "accept", content: { name: "Ada" } });
    },
    result: "Ada",
  },
  call: {
    wait: async (task: TaskContext) => task.call<string>("child", {}),
    resolve: async (app: App) => {
      const [child] = (await app.tasks.list({ tool: "child" })).tasks;
      await app.tasks.signal(child?.id ?? "", "child");
    },
    result: "child's",
  },
  signal: {
    wait: async (task: TaskContext) => task.waitUntil<string>("go"),
    resolve: async (app: App, id: TaskId) => void (await app.tasks.signal(id, "go", "went")),
    result: "went",
  },
  "back-off": {
    wait: async (task: TaskContext) =>
      task.step(
        "flaky",
        ({ tries }) => (tries === 1 ? Promise.reject(new Error("once")) : `tried ${tries}`),
        { retry: { retries: 1, delay: "1h", maxDelay: "1h" } },
      ),
    resolve: async (_: App, __: TaskId, clock: ManualClock) => clock.skip("1h"),
    result: "tried 2",
  },
} as const;
type Way = keyof typeof waits;
const ways = Object.keys(waits) as Way[];

function declare(app: App, way: Way): App {
  app.task("child", { description, input }, async (_, task) => {
    await task.waitUntil("child");
    return "child's";
  });
  const wait: (task: TaskContext) => Promise<string> = waits[way].wait;
  app.task("parent", { description, input, timeout: "1d" }, async (_, task) => wait(task));
  app.task("brief", { description, input, timeout: "10m" }, async (_, task) => wait(task));
  app.task("late", { description, input, deadline: "30m" }, async (_, task) => wait(task));
  return app;
}

/** A task that waits: resident or parked. */
async function waiting(way: Way, { parked, tool = "parent" }: { parked: boolean; tool?: string }) {
  const clock = new ManualClock();
  const linger = parked ? "0s" : "10h";
  const store = temporaryStore();
  const options = { name: "waits", version: "1", store, logger: silent, clock, random: () => 0.99 };
  const unstarted = (): App => {
    const app = declare(perdure({ ...options, linger }), way);
    onTestFinished(() => closeNow(app, clock));
    return app;
  };
  const open = async (): Promise<App> => {
    const app = unstarted();
    await app.start();
    return app;
  };
  const app = await open();
  const { id } = await app.submit(tool, {});
  await clock.advance(50);
  return { app, clock, id, open, unstarted };
}

const close = async (app: App, clock: ManualClock): Promise<void> => {
  const closed = app.close({ drainMs: 0 });
  await clock.advance(0);
  await closed;
};

describe.each(ways)("%s", (way) => {
  it.each([true, false])("goes on after a shutdown and a new start (parked: %s)", async (parked) => {
    const { app, clock, id, open } = await waiting(way, { parked });
    const phase = (await app.tasks.get(id))?.phase;
    expect(phase === "running").toBe(!parked);
    await close(app, clock);
    const next = await open();
    await clock.advance(50);
    await waits[way].resolve(next, id, clock);
    await clock.advance("1s");
    expect(await next.tasks.handle(id).result()).toBe(waits[way].result);
    expect(await next.tasks.get(id)).toMatchObject({ crashes: 0, errors: 0 });
  });

  it.each([true, false])("is resolved while no process executes (parked: %s)", async (parked) => {
    const { app, clock, id, open, unstarted } = await waiting(way, { parked });
    await close(app, clock);
    const idle = unstarted();
    await waits[way].resolve(idle, id, clock);
    const next = await open();
    await clock.advance("1s");
    expect(await next.tasks.handle(id).result()).toBe(waits[way].result);
  });

  it.each([true, false])(
    "is cancelled (parked: %s), and what resolves it later is too late",
    async (parked) => {
      const { app, clock, id } = await waiting(way, { parked });
      const { attempt } = (await app.tasks.get(id)) ?? {};
      expect(await app.tasks.cancel(id, { reason: "enough" })).toBe(true);
      await waits[way].resolve(app, id, clock);
      await clock.skip("2h");
      expect(await app.tasks.get(id)).toMatchObject({ status: "cancelled", attempt });
      expect(await app.tasks.questions(id)).toEqual([]);
    },
  );

  it.each([true, false])("ends with the deadline (parked: %s)", async (parked) => {
    const { app, clock, id } = await waiting(way, { parked, tool: "late" });
    await clock.skip("31m");
    await expect(app.tasks.handle(id).result()).rejects.toMatchObject({ code: "DEADLINE" });
    expect(await app.tasks.questions(id)).toEqual([]);
  });

  it("counts only the time that it runs against the time-out of an attempt", async () => {
    const parked = await waiting(way, { parked: true, tool: "brief" });
    await parked.clock.skip("11m");
    expect(await parked.app.tasks.get(parked.id)).not.toHaveProperty("failure");
    const resident = await waiting(way, { parked: false, tool: "brief" });
    await resident.clock.skip("11m");
    await expect(resident.app.tasks.handle(resident.id).result()).rejects.toMatchObject({ code: "TIMEOUT" });
  });
});

describe("a cancel that comes while the attempt is being parked", () => {
  it("begins no step that the handler asks for meanwhile", async () => {
    const clock = new ManualClock();
    const store = openTestStore(clock);
    const park = store.park.bind(store);
    const [parking, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    store.park = async (task) => {
      parking.resolve();
      await go.promise;
      return park(task);
    };
    const app = testApp({ clock, store, linger: 0 });
    const ran: string[] = [];
    const steps: unknown[] = [];
    app.task("two_ways", { description, input }, async (_, task) => {
      const slept = task.sleep("1h");
      await parking.promise;
      steps.push(await task.step("beside", () => void ran.push("beside")).catch((error: unknown) => error));
      await slept;
    });
    await app.start();
    const handle = await app.submit("two_ways", {});
    await clock.advance(50);
    await handle.cancel();
    go.resolve();
    await clock.advance(50);
    expect(ran).toEqual([]);
    expect(steps).toMatchObject([{ code: "CANCELLED" }]);
  });
});

describe("a retry", () => {
  it("of an attempt that failed beside an open question keeps the question and its key", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, linger: 0 });
    const retry = { retries: 1, delay: "1m" } as const;
    app.task("ask", { description, input, retry }, async (_, task) => {
      const asked = task.ask("Who?", name);
      if (task.attempt === 1) {
        await task.step("opened", () => 1);
        throw new Error("beside it");
      }
      return (await asked).name;
    });
    await app.start();
    const handle = await app.submit("ask", {});
    await clock.advance("1s");
    const [before] = await app.tasks.questions(handle.id);
    expect(await handle.status()).toMatchObject({ status: "input_required", errors: 1 });
    await clock.advance("2m");
    expect(await app.tasks.questions(handle.id)).toEqual([before]);
    await app.tasks.answer(handle.id, before?.key ?? "", { action: "accept", content: { name: "Ada" } });
    await clock.advance("1s");
    expect(await handle.result()).toBe("Ada");
  });

  it("forgets a declined question, and asks it again", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, linger: 0 });
    app.task("ask", { description, input, retry: { retries: 1, delay: "1m" } }, async (_, task) => {
      const answer = await task.ask("Who?", name).catch((error: unknown) => {
        throw new Error(String(error));
      });
      return answer.name;
    });
    await app.start();
    const handle = await app.submit("ask", {});
    await clock.advance("1s");
    const [first] = await app.tasks.questions(handle.id);
    await app.tasks.answer(handle.id, first?.key ?? "", { action: "decline" });
    await clock.advance("2m");
    const [second] = await app.tasks.questions(handle.id);
    expect(second).toMatchObject({ message: "Who?" });
    expect(second?.key).not.toBe(first?.key);
    await app.tasks.answer(handle.id, second?.key ?? "", { action: "accept", content: { name: "Ada" } });
    await clock.advance("1s");
    expect(await handle.result()).toBe("Ada");
  });

  it("of a failed task that is a new task asks anew", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, linger: 0 });
    app.task("ask", { description, input }, async (_, task) => (await task.ask("Who?", name)).name);
    await app.start();
    const handle = await app.submit("ask", {});
    await clock.advance("1s");
    await handle.cancel();
    const again = await app.tasks.retry(handle.id);
    await clock.advance("1s");
    expect(await app.tasks.questions(again.id)).toMatchObject([{ message: "Who?" }]);
    expect(await app.tasks.questions(handle.id)).toEqual([]);
  });
});
