import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { PerdureError } from "../task/errors.ts";
import { newTaskId, type TaskId } from "../task/id.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { perdure } from "./app.ts";
import { forever, silent, testApp } from "./app.fixture.ts";
import { temporaryFile } from "../store/store-under-test.fixture.ts";
import type { TaskOptions } from "./declaration.ts";

const description = "A tool of this test.";
const input = z.object({});
const invalidOption = { name: "PerdureError", code: "INVALID_OPTION" };

describe("perdure()", () => {
  it("opens nothing before it is used", async () => {
    const file = temporaryFile();
    const app = testApp({ store: `sqlite:${file}` });
    app.task("note", { description, input }, () => undefined);
    expect(existsSync(file)).toBe(false);
    await app.submit("note", {});
    expect(existsSync(file)).toBe(true);
  });

  it.each([
    { name: "" },
    { name: "a/b" },
    { name: "x".repeat(65) },
    { concurrency: 0 },
    { concurrency: 1.5 },
  ])("refuses %j", (options) => {
    expect(() => perdure({ name: "test", version: "1", ...options })).toThrow(PerdureError);
  });

  it.each(["file.db", "sqlite:", "mysql://localhost/db"])("refuses the store %j", async (store) => {
    const app = testApp({ store });
    await expect(app.start()).rejects.toMatchObject(invalidOption);
  });

  it("takes time and ids from its seams", async () => {
    const clock = new ManualClock(1_000);
    let n = 0;
    const ids = (now: number) => `task-${now}-${++n}` as TaskId;
    const app = testApp({ clock, ids });
    app.task("note", { description, input }, () => undefined);
    const { id } = await app.submit("note", {});
    expect(id).toBe("task-1000-1");
    expect(await app.tasks.get(id)).toMatchObject({ createdAt: 1_000 });
    expect(newTaskId(1_000).length).toBeGreaterThanOrEqual(22);
  });
});

describe("app.task()", () => {
  it("refuses a name twice, a bad name, bad settings, and a tool after the start", async () => {
    const app = testApp();
    const declare = (name: string, options: Partial<TaskOptions<typeof input>> = {}) =>
      app.task(name, { description, input, ...options }, () => undefined);
    declare("note");
    expect(() => declare("note")).toThrow(expect.objectContaining({ code: "TOOL_EXISTS" }) as Error);
    for (const name of ["", "a b", "ä", "x".repeat(129)]) {
      expect(() => declare(name)).toThrow(expect.objectContaining(invalidOption) as Error);
    }
    const bad: Partial<TaskOptions<typeof input>>[] = [
      { timeout: "soon" as "1s" },
      { timeout: -1 },
      { retry: -1 },
      { retry: { retries: 1, factor: 0.5 } },
      { concurrency: 0 },
      { concurrency: 2.5 },
      { maxCrashes: 0 },
      { ttl: Number.NaN },
    ];
    for (const options of bad) {
      expect(() => declare("bad", options)).toThrow(expect.objectContaining(invalidOption) as Error);
    }
    await app.start();
    expect(() => declare("late")).toThrow(expect.objectContaining(invalidOption) as Error);
  });
});

describe("app.submit()", () => {
  it("refuses an unknown tool and names those there are", async () => {
    const app = testApp();
    app.task("note", { description, input }, () => undefined);
    await expect(app.submit("nope", {})).rejects.toMatchObject({
      code: "UNKNOWN_TOOL",
      message: expect.stringContaining('"note"') as string,
    });
  });

  it.each([
    { priority: Number.NaN },
    { priority: 0.5 },
    { startAt: new Date("no date") },
    { startAt: Number.NaN },
  ])("refuses %j", async (options) => {
    const app = testApp();
    app.task("note", { description, input }, () => undefined);
    await expect(app.submit("note", {}, options)).rejects.toMatchObject(invalidOption);
  });

  it("gives what the handler needs to know of its task", async () => {
    const app = testApp();
    const session = { session: "s1", actor: "ann" };
    app.task("about", { description, input }, (_, { id, tool, owner, attempt, session: from }) => ({
      id,
      tool,
      owner,
      attempt,
      from: { ...from },
    }));
    await app.start();
    const handle = await app.submit("about", {}, { owner: "ann", session });
    expect(await handle.result()).toEqual({
      id: handle.id,
      tool: "about",
      owner: "ann",
      attempt: 1,
      from: session,
    });
  });
});

describe("app.backup()", () => {
  it("makes a copy, while tasks run, that opens as what it was then", async () => {
    const file = temporaryFile();
    const copy = join(dirname(file), "copy.db");
    const app = testApp({ store: `sqlite:${file}` });
    app.task("note", { description, input }, () => "noted");
    app.task("hang", { description, input }, () => forever);
    await app.start();
    const done = await app.submit("note", {});
    await done.result();
    const running = await app.submit("hang", {});
    await app.backup(copy);
    const later = await app.submit("note", {});
    await expect(app.backup(copy)).rejects.toMatchObject(invalidOption);

    const restored = testApp({ store: `sqlite:${copy}` });
    restored.task("hang", { description, input }, () => "taken up");
    expect(await restored.tasks.handle(done.id).result()).toBe("noted");
    expect(await restored.tasks.get(later.id)).toBeUndefined();
    await restored.start();
    expect(await restored.tasks.handle(running.id).result()).toBe("taken up");
  });
});

describe("app.close()", () => {
  it("may be called again, at once or later, and waits each time for the same end", async () => {
    const store = `sqlite:${temporaryFile()}`;
    const app = testApp({ store });
    const order: string[] = [];
    app.task("slow", { description, input }, async (_, task) => {
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
      await new Promise((resolve) => setTimeout(resolve, 30));
      order.push("handler");
    });
    await app.start();
    await app.submit("slow", {});
    const first = app.close();
    await app.close().then(() => order.push("second"));
    await first;
    await app.close();
    expect(order).toEqual(["handler", "second"]);
  });

  it("leaves nothing to be used but APP_CLOSED", async () => {
    const app = testApp();
    app.task("note", { description, input }, () => "noted");
    await app.start();
    const handle = await app.submit("note", {});
    await handle.result();
    await app.close();
    const closed = { name: "PerdureError", code: "APP_CLOSED" };
    await expect(app.start()).rejects.toMatchObject(closed);
    await expect(app.submit("note", {})).rejects.toMatchObject(closed);
    await expect(app.tasks.get(handle.id)).rejects.toMatchObject(closed);
    await expect(app.tasks.list()).rejects.toMatchObject(closed);
    await expect(app.backup("nowhere.db")).rejects.toMatchObject(closed);
    await expect(handle.status()).rejects.toMatchObject(closed);
    await expect(handle.result()).rejects.toMatchObject(closed);
    await expect(handle.cancel()).rejects.toMatchObject(closed);
  });

  it("of an application that was never used opens nothing", async () => {
    const file = temporaryFile();
    const app = perdure({ name: "test", version: "1", store: `sqlite:${file}`, logger: silent });
    await app.close();
    expect(existsSync(file)).toBe(false);
  });
});
