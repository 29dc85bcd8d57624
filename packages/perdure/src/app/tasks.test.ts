import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import { closeNow, forever, testApp } from "./app.fixture.ts";
import { temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ n: z.number().default(0) });

describe("app.tasks.list()", () => {
  it("pages through all tasks, newest first, each once", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("note", { description, input }, ({ n }) => n);
    const ids: string[] = [];
    for (let n = 0; n < 25; n++) {
      ids.unshift((await app.submit("note", { n })).id);
      await clock.advance(1);
    }
    const listed: string[] = [];
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await app.tasks.list({ limit: 10, cursor });
      sizes.push(page.tasks.length);
      listed.push(...page.tasks.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(sizes).toEqual([10, 10, 5]);
    expect(listed).toEqual(ids);
  });

  it("chooses by status and tool", async () => {
    const app = testApp();
    app.task("note", { description, input }, ({ n }) => n);
    app.task("hang", { description, input }, () => forever);
    app.task("fail", { description, input }, () => {
      throw new Error("no");
    });
    await app.start();
    const done = await app.submit("note", { n: 1 });
    await done.result();
    const hanging = await app.submit("hang", {});
    const failed = await app.submit("fail", {});
    await failed.result().catch(() => undefined);
    const ids = async (query: Parameters<typeof app.tasks.list>[0]) =>
      (await app.tasks.list(query)).tasks.map(({ id }) => id);
    expect(await ids({ status: "completed" })).toEqual([done.id]);
    expect(await ids({ status: "working" })).toEqual([hanging.id]);
    expect(await ids({ tool: "fail" })).toEqual([failed.id]);
    expect(await ids({ tool: "fail", status: "completed" })).toEqual([]);
    await expect(app.tasks.list({ cursor: "no cursor of ours" })).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    await expect(app.tasks.list({ limit: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});

describe("app.tasks.timeline()", () => {
  it("is the whole of it, however long", async () => {
    const app = testApp();
    app.task("work", { description, input }, async (_, task) => {
      await Promise.all(Array.from({ length: 2_500 }, (_unused, n) => task.step(`step ${n}`, () => n)));
    });
    await app.start();
    const handle = await app.submit("work", {});
    await handle.result();
    const events = await app.tasks.timeline(handle.id);
    expect(events.filter(({ type }) => type === "operation")).toHaveLength(2_500);
    expect(events.at(-1)).toMatchObject({ type: "completed" });
  });
});

describe("app.tasks.questions() and answer()", () => {
  const sure = z.object({ sure: z.boolean() });

  it("are of the task and of its children, each under a key of its own", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const confirm = app.task("confirm", { description, input }, ({ n }, { ask }) => ask(`${n}?`, sure));
    const both = app.task("both", { description, input }, async (_, { ask, call }) =>
      Promise.all([ask("own?", sure), call(confirm, { n: 1 }), call(confirm, { n: 2 })]),
    );
    app.task("outer", { description, input }, (_, { call }) => call(both, {}));
    await app.start();
    const { id } = await app.submit("outer", {}, { owner: "ada" });
    await clock.advance("5s");
    expect(await app.tasks.get(id)).toMatchObject({ status: "input_required", phase: "parked" });
    const open = await app.tasks.questions(id);
    expect(open.map(({ message }) => message).toSorted()).toEqual(["1?", "2?", "own?"]);
    expect(new Set(open.map(({ key }) => key)).size).toBe(3);
    const yes = { action: "accept", content: { sure: true } } as const;
    for (const [answered, { key, message }] of open.entries()) {
      expect(key).toMatch(/^[A-Za-z0-9]{1,64}$/);
      await expect(app.tasks.answer(id, key, yes, { owner: "eve" })).rejects.toMatchObject({
        code: "TASK_NOT_FOUND",
      });
      const answer = { action: "accept", content: { sure: message !== "2?" } } as const;
      expect(await app.tasks.answer(id, key, answer, { owner: "ada" })).toBe(true);
      expect(await app.tasks.answer(id, key, yes)).toBe(false);
      await clock.advance("1s");
      expect(await app.tasks.questions(id)).toHaveLength(2 - answered);
    }
    await clock.advance("5s");
    expect(await app.tasks.get(id)).toMatchObject({
      status: "completed",
      result: [{ sure: true }, { sure: true }, { sure: false }],
    });
  });
});

describe("app.tasks.signal()", () => {
  it("keeps as many as limits.signals allows, and refuses the next", async () => {
    const app = testApp({ limits: { signals: 2 } });
    app.task("hang", { description, input }, () => forever);
    const { id } = await app.submit("hang", {});
    for (const n of [1, 2]) expect(await app.tasks.signal(id, "go", n)).toBe(true);
    await expect(app.tasks.signal(id, "go", 3)).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringContaining("limits.signals allows 2") as string,
    });
  });

  it("takes no limit that is none", () => {
    expect(() => testApp({ limits: { signals: 0 } })).toThrow("limits.signals must be a whole number");
  });
});

describe("app.tasks.retry()", () => {
  it("starts a new task of a finished one, with its input, and names it", async () => {
    const app = testApp();
    let broken = true;
    app.task("fix", { description, input }, async ({ n }, task) => {
      const kept = await task.step("load", () => (broken ? "old" : "new"));
      if (broken) throw new Error("broken");
      return { n, kept, attempt: task.attempt };
    });
    await app.start();
    const first = await app.submit("fix", { n: 7 }, { priority: 3 });
    await expect(first.result()).rejects.toMatchObject({ message: "broken" });
    broken = false;
    const again = await app.tasks.retry(first.id);
    expect(await again.result()).toEqual({ n: 7, kept: "new", attempt: 1 });
    expect(await again.status()).toMatchObject({ retryOf: first.id, priority: 3 });
    expect(await first.status()).toMatchObject({ status: "failed" });
  });

  it("is refused for an open task and an unknown one", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    const { id } = await app.submit("hang", {});
    await expect(app.tasks.retry(id)).rejects.toMatchObject({ code: "TASK_NOT_ENDED" });
    await expect(app.tasks.retry("0")).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  });
});

describe("a task leaves", () => {
  it("when it is deleted, which an open one cannot be", async () => {
    const app = testApp();
    app.task("hang", { description, input }, () => forever);
    const handle = await app.submit("hang", {});
    await expect(app.tasks.delete(handle.id)).rejects.toMatchObject({ code: "TASK_NOT_ENDED" });
    await handle.cancel();
    await app.tasks.delete(handle.id);
    expect(await app.tasks.get(handle.id)).toBeUndefined();
    await expect(handle.status()).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
    await expect(app.tasks.delete(handle.id)).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  });

  it("its ttl after its end, not after its begin", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const go = Promise.withResolvers<void>();
    app.task("slow", { description, input, ttl: "10m", timeout: "2h" }, () => go.promise);
    app.task("kept", { description, input, ttl: Number.POSITIVE_INFINITY }, () => "kept");
    await app.start();
    const [slow, kept] = [await app.submit("slow", {}), await app.submit("kept", {})];
    await clock.advance("1h");
    go.resolve();
    await settle();
    await clock.advance(599_000);
    expect(await slow.status()).toMatchObject({ status: "completed" });
    await clock.advance("1s");
    await expect(slow.status()).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
    await clock.advance("1h");
    expect(await kept.result()).toBe("kept");
  });
});

describe("a task without a handler", () => {
  it("waits, its status says why, and it runs once there is one again", async () => {
    const store = temporaryStore();
    const first = testApp({ store });
    first.task("gone", { description, input }, () => forever);
    const { id } = await first.submit("gone", {});
    const { waiting } = await first.tasks.handle(id).status();
    expect(waiting).toContain("no process executes");
    await first.start();
    expect((await first.tasks.handle(id).status()).waiting).toBeUndefined();
    await closeNow(first);

    const second = testApp({ store });
    second.task("other", { description, input }, () => "other");
    await second.start();
    expect(await second.tasks.handle(id).status()).toMatchObject({
      status: "working",
      phase: "queued",
      waiting: expect.stringContaining('"gone"') as string,
    });
    await expect(second.submit("gone", {})).rejects.toMatchObject({ code: "UNKNOWN_TOOL" });
    await (await second.submit("other", {})).result();
    await closeNow(second);

    const third = testApp({ store });
    third.task("gone", { description, input }, () => "back");
    await third.start();
    expect(await third.tasks.handle(id).result()).toBe("back");
  });

  it("that is not due yet waits for its time, not for a handler", async () => {
    const app = testApp();
    app.task("later", { description, input }, () => undefined);
    const handle = await app.submit("later", {}, { startAt: Date.now() + 60_000 });
    expect((await handle.status()).waiting).toBeUndefined();
  });
});
