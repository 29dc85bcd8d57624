import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ProtocolError, TaskError, TerminalError } from "../task/errors.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import { forever, testApp } from "./app.fixture.ts";
import type { TaskEvent, TaskHandle } from "./handle.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

async function collect(handle: TaskHandle): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for await (const event of handle.watch()) events.push(event);
  return events;
}

describe("handle.result()", () => {
  it("is what the handler returned, for several who wait and for one who comes later", async () => {
    const app = testApp();
    const go = Promise.withResolvers<void>();
    const tool = app.task("answer", { description, input }, async () => {
      await go.promise;
      return { answer: 42 };
    });
    await app.start();
    const handle = await app.submit(tool, {});
    const waiters = Array.from({ length: 50 }, () => app.tasks.handle(handle.id).result());
    await settle();
    go.resolve();
    for (const result of await Promise.all(waiters)) expect(result).toEqual({ answer: 42 });
    expect((await handle.result()).answer).toBe(42);
  });

  it.each([
    { thrown: new RangeError("too far"), code: "HANDLER_ERROR", failure: { name: "RangeError" } },
    {
      thrown: new TerminalError("never", { data: { row: 7 } }),
      code: "HANDLER_ERROR",
      failure: { name: "TerminalError", data: { row: 7 }, retryable: false },
    },
    { thrown: new ProtocolError(-32_602, "bad"), code: "PROTOCOL_ERROR", failure: { jsonRpcCode: -32_602 } },
  ])("throws what the handler threw, as a typed error: $thrown.name", async ({ thrown, code, failure }) => {
    const app = testApp();
    app.task("fail", { description, input }, () => {
      throw thrown;
    });
    await app.start();
    const handle = await app.submit("fail", {});
    const error: unknown = await handle.result().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TaskError);
    expect(error).toMatchObject({ code, message: thrown.message, taskId: handle.id, tool: "fail", failure });
    expect(JSON.stringify((error as TaskError).failure)).not.toContain(".ts:");
  });

  it("is there for a task of another process, which notices its end by itself", async () => {
    const store = temporaryStore();
    const executing = testApp({ store });
    const go = Promise.withResolvers<string>();
    executing.task("wait", { description, input }, () => go.promise);
    await executing.start();
    const attached = testApp({ store });
    attached.task("wait", { description, input }, () => "by the wrong one");
    const handle = await attached.submit("wait", {});
    const result = handle.result();
    setTimeout(() => go.resolve("by the other"), 50);
    expect(await result).toBe("by the other");
  });

  it("is TASK_NOT_FOUND for what never was, and for a task that is deleted meanwhile", async () => {
    const app = testApp();
    await expect(app.tasks.handle("0").result()).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  });

  it("is APP_CLOSED for whoever still waits when the application closes", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    await app.start();
    const handle = await app.submit("hang", {});
    const result = handle.result().catch((error: unknown) => error);
    const events = collect(handle).catch((error: unknown) => error);
    await settle();
    await app.close({ drainMs: 0 });
    expect(await result).toMatchObject({ code: "APP_CLOSED" });
    expect(await events).toMatchObject({ code: "APP_CLOSED" });
    await expect(handle.status()).rejects.toMatchObject({ code: "APP_CLOSED" });
  });
});

describe("handle.watch()", () => {
  it("tells the whole timeline in order, and ends with the task", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("train", { description, input, retry: 1 }, async (_, task) => {
      await task.step("load", () => "data");
      task.log.info(`attempt ${task.attempt}`);
      task.progress(task.attempt, 2);
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      if (task.attempt === 1) throw new Error("once more");
    });
    await app.start();
    const handle = await app.submit("train", {});
    const live = collect(handle);
    await clock.advance("1m");
    const events = await live;
    const revisions = events.flatMap((event) => (event.type === "progress" ? [] : [event.revision]));
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
    const types = events.map(({ type }) => type);
    const story = ["created", "begun", "operation", "log", "retry", "begun", "log", "completed"];
    expect(types.filter((type) => type !== "progress")).toEqual(story);
    expect(types.at(-1)).toBe("completed");
    expect(events.filter(({ type }) => type === "progress")).toMatchObject([{ done: 1 }, { done: 2 }]);
    const late = await collect(handle);
    expect(late.filter(({ type }) => type !== "progress").map(({ type }) => type)).toEqual(story);
    expect(late.at(-1)).toMatchObject({ type: "completed" });
    expect(late[0]).toMatchObject({ type: "created" });
  });

  it("tells of an open task all that has happened so far, however much that is", async () => {
    const app = testApp();
    app.task("talk", { description, input }, async (_, task) => {
      for (let i = 0; i < 3; i++) {
        for (let line = 0; line < 700; line++) task.log.debug("line");
        await task.step(`flush ${i}`, () => new Promise<void>((resolve) => setTimeout(resolve, 120)));
      }
      return forever;
    });
    await app.start();
    const handle = await app.submit("talk", {});
    while ((await app.tasks.get(handle.id))?.revision !== 2 + 3 * 700 + 3) {
      await new Promise<void>((resolve) => setTimeout(resolve, 20));
    }
    let told = 0;
    for await (const event of handle.watch()) if (event.type === "log" && ++told === 2_100) break;
    expect(told).toBe(2_100);
  });

  it("ends with a cancel, and its reason", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    const handle = await app.submit("hang", {});
    const live = collect(handle);
    await settle();
    await handle.cancel("enough");
    expect((await live).at(-1)).toMatchObject({ type: "cancelled", reason: "enough" });
  });

  it("can be left early", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    const handle = await app.submit("hang", {});
    for await (const event of handle.watch()) {
      expect(event.type).toBe("created");
      break;
    }
    expect(await handle.status()).toMatchObject({ phase: "queued" });
  });
});
