/** What an application delivers, of tasks whose caller named a session: over a real store, with time moved by hand. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closeNow, forever, testApp } from "../app/app.fixture.ts";
import type { App, PerdureOptions } from "../app/app.ts";
import { ManualClock } from "../testing/index.ts";
import type { TaskContext } from "../engine/context.ts";
import {
  type EndEntry,
  type MemoryEntry,
  MemoryError,
  type MemoryErrorKind,
  type QuestionEntry,
} from "./memory.ts";
import { ScriptedMemory } from "./scripted-memory.fixture.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

type Handler = (task: TaskContext) => Promise<unknown>;

const session = { session: "s-1" };
const always = { deliver: "always" } as const;

/** An application with one tool, `work`, that does what it is told. */
class Bench {
  readonly clock = new ManualClock();
  readonly memory = new ScriptedMemory(() => this.clock.now());
  readonly app: App;
  handler: Handler = async () => "done";

  constructor(options: Partial<PerdureOptions> = {}) {
    this.app = testApp({ clock: this.clock, memory: this.memory, random: () => 1, ...options });
    this.app.task(
      "work",
      { description: "Works.", input: z.unknown(), asks: true },
      (_input, task) => this.handler(task) as Promise<string>,
    );
  }

  async run(handler: Handler = async () => "done", options = { session }): Promise<string> {
    await this.app.start();
    this.handler = handler;
    const { id } = await this.app.submit("work", {}, options);
    await this.clock.advance(0);
    return id;
  }

  /** The types of what happened to its deliveries. */
  async told(id: string): Promise<string[]> {
    const timeline = await this.app.tasks.timeline(id);
    const types = ["claimed", "delivered", "delivery_failed", "undelivered"];
    return timeline.map(({ type }) => type).filter((type) => types.includes(type));
  }
}

const said = (entries: readonly MemoryEntry[]): string[] =>
  entries.map((entry) =>
    entry.kind === "interim" ? entry.remembered.map(({ text }) => text).join("+") : entry.kind,
  );

describe("an end", () => {
  it("is delivered after the grace, as its status says", async () => {
    const bench = new Bench();
    const id = await bench.run(async () => ({ accuracy: 0.9 }));
    await bench.clock.advance("29s");
    expect(bench.memory.tried).toEqual([]);
    expect(await bench.app.tasks.deliveries(id)).toMatchObject([{ kind: "end", failures: 0 }]);
    await bench.clock.advance("1s");
    expect(bench.memory.history()).toMatchObject([
      {
        kind: "end",
        key: `${id}-end`,
        taskId: id,
        tool: "work",
        status: "completed",
        result: { text: '{"accuracy":0.9}', whole: true, bytes: 16, uri: `perdure://tasks/${id}/result` },
      },
    ]);
    expect(bench.memory.kept[0]).toMatchObject({
      context: session,
      tries: 1,
      tools: { results: "get_task_results", answer: "answer_task" },
    });
    expect(await bench.told(id)).toEqual(["delivered"]);
    expect(await bench.app.tasks.deliveries(id)).toEqual([]);
  });

  it("is seen in the status: what waits and why, and what became of it", async () => {
    const bench = new Bench(always);
    bench.memory.react = () => new MemoryError("throttled", "slow down");
    const id = await bench.run();
    const status = async () => bench.app.tasks.handle(id).status();
    expect(await status()).toMatchObject({
      status: "completed",
      delivery: { mode: "always" },
      deliveries: [{ kind: "end", failures: 1, failure: { kind: "throttled", message: "slow down" } }],
    });
    bench.memory.react = () => "kept";
    await bench.clock.advance("1m");
    const then = await status();
    expect(then.delivery?.deliveredAt).toBe(bench.memory.tried.at(-1)?.at);
    expect(then).not.toHaveProperty("deliveries");
    bench.memory.react = () => new MemoryError("refused", "no");
    const refused = await bench.run();
    await bench.clock.advance("1m");
    expect(await bench.app.tasks.handle(refused).status()).toMatchObject({
      delivery: { undelivered: { kind: "refused", message: "no" } },
    });
  });

  it("by a failure says the author's message, and nothing of the inside", async () => {
    const bench = new Bench(always);
    await bench.run(async () => {
      throw new RangeError("the dataset is empty");
    });
    const [end] = bench.memory.history() as EndEntry[];
    expect(end).toMatchObject({ status: "failed", code: "HANDLER_ERROR", message: "the dataset is empty" });
    expect(JSON.stringify(end)).not.toContain("at ");
  });

  it("by a time-out, and by a cancel of another, is delivered", async () => {
    const bench = new Bench(always);
    await bench.run(() => forever);
    await bench.clock.advance("1h");
    const id = await bench.run(() => forever);
    await bench.app.tasks.cancel(id, { reason: "the cluster is needed" });
    await bench.clock.advance("1m");
    expect(bench.memory.history()).toMatchObject([
      { status: "failed", code: "TIMEOUT" },
      { status: "cancelled", reason: "the cluster is needed" },
    ]);
  });

  it("of a task without a session, or of a tool that never delivers, is not", async () => {
    const bench = new Bench({ deliver: "never" });
    bench.app.task("loud", { description: "Says it.", input: z.unknown(), ...always }, async () => "done");
    await bench.run();
    await bench.app.submit("loud", {}, { session: { actor: "a" } });
    await bench.clock.advance("1m");
    expect(bench.memory.tried).toEqual([]);
    await bench.app.submit("loud", {}, { session });
    await bench.clock.advance("1m");
    expect(said(bench.memory.history())).toEqual(["end"]);
  });

  it("of a child is its parent's affair", async () => {
    const bench = new Bench(always);
    bench.app.task("part", { description: "A part.", input: z.unknown() }, async () => "part");
    const id = await bench.run(async (task) => task.call("part", {}));
    await bench.clock.advance("1m");
    expect(bench.memory.history()).toMatchObject([{ taskId: id, result: { text: "part" } }]);
  });
});

describe("a result", () => {
  it("that is a tool result is its text; what is no text is named", async () => {
    const bench = new Bench(always);
    await bench.run(async () => ({
      content: [
        { type: "text", text: "see:" },
        { type: "image", data: "AAAA", mimeType: "image/png" },
      ],
      isError: true,
    }));
    expect(bench.memory.history()).toMatchObject([
      { result: { text: "see:\n\n[image image/png]", isError: true } },
    ]);
  });

  it("of five megabytes is its beginning, cut at no character", async () => {
    const bench = new Bench({ ...always, delivery: { maxLength: 1_001 } });
    await bench.run(async () => "🤖".repeat(1_250_000));
    const [end] = bench.memory.history() as EndEntry[];
    expect(end).toMatchObject({ result: { text: "🤖".repeat(500), whole: false, bytes: 5_000_000 } });
  });

  it("with half a character is well formed", async () => {
    const bench = new Bench(always);
    await bench.run(async () => "a\ud800b");
    expect(bench.memory.history()).toMatchObject([{ result: { text: "a\ufffdb", whole: true } }]);
  });
});

describe("a question", () => {
  it("that nobody answers within the grace is delivered, with all that an answer needs", async () => {
    const bench = new Bench();
    const id = await bench.run((task) => task.ask("Which one?", z.object({ name: z.string() })));
    await bench.clock.advance("30s");
    const [{ key } = { key: "" }] = await bench.app.tasks.questions(id);
    expect(bench.memory.history()).toMatchObject([
      { kind: "question", taskId: id, questionKey: key, message: "Which one?", schema: { type: "object" } },
    ]);
    await bench.app.tasks.answer(id, key, { action: "accept", content: { name: "b" } });
    await bench.clock.advance("1m");
    expect(said(bench.memory.history())).toEqual(["question", "end"]);
  });

  it("of a child is one of its caller, for whom it is delivered and answered", async () => {
    const bench = new Bench();
    bench.app.task(
      "part",
      { description: "A part.", input: z.unknown(), asks: true },
      async (_input, task) => {
        const { name } = await task.ask("Which part?", z.object({ name: z.string() }));
        return name;
      },
    );
    const id = await bench.run(async (task) => task.call("part", {}));
    await bench.clock.advance("30s");
    const [question] = bench.memory.history();
    expect(question).toMatchObject({ kind: "question", taskId: id, tool: "work", message: "Which part?" });
    const { questionKey } = question as QuestionEntry;
    await bench.app.tasks.answer(id, questionKey, { action: "accept", content: { name: "b" } });
    await bench.clock.advance("1m");
    expect(said(bench.memory.history())).toEqual(["question", "end"]);
    expect(bench.memory.history()[1]).toMatchObject({ taskId: id, result: { text: "b" } });
    expect(await bench.told(id)).toEqual(["delivered", "delivered"]);
  });

  it("that was answered by then is not", async () => {
    const bench = new Bench();
    const id = await bench.run((task) => task.ask("Which one?", z.object({ name: z.string() })));
    const [{ key } = { key: "" }] = await bench.app.tasks.questions(id);
    await bench.app.tasks.answer(id, key, { action: "accept", content: { name: "b" } });
    await bench.clock.advance("1m");
    expect(said(bench.memory.history())).toEqual(["end"]);
  });
});

describe("task.remember", () => {
  it("is delivered at once, and what comes within the rate is joined", async () => {
    const bench = new Bench();
    await bench.run(async (task) => {
      for (const text of ["a", "b", "c", "d"]) {
        await task.remember(text);
        await task.sleep("1s", { name: text });
      }
      await task.sleep("1m");
    });
    await bench.clock.advance("20s");
    expect(said(bench.memory.history())).toEqual(["a", "b+c+d"]);
    const [first, second] = bench.memory.tried.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBe(4_000);
  });

  it("is not said again by a run after a restart, nor by one after a wait", async () => {
    const record = temporaryStore();
    const clock = new ManualClock();
    const memory = new ScriptedMemory(() => clock.now());
    const start = async (): Promise<App> => {
      const app = testApp({ clock, memory, store: openTestStore(clock, record), linger: 0 });
      app.task("work", { description: "Works.", input: z.unknown() }, async (_input, task) => {
        await task.remember("found three");
        await task.sleep("10s");
        await task.remember("checked them");
        await task.sleep("1h");
      });
      await app.start();
      return app;
    };
    const first = await start();
    const { id } = await first.submit("work", {}, { session });
    await clock.advance("11s");
    await closeNow(first, clock);
    const second = await start();
    await clock.advance("2h");
    expect(said(memory.history())).toEqual(["found three", "checked them", "end"]);
    const operations = (await second.tasks.timeline(id)).filter(({ type }) => type === "operation");
    expect(operations).toHaveLength(4);
  });

  it("refuses what is no text, too long, or said twice under one name", async () => {
    const bench = new Bench(always);
    for (const [text, code] of [
      ["", "INVALID_VALUE"],
      ["x".repeat(32_769), "INVALID_VALUE"],
      [7 as unknown as string, "INVALID_VALUE"],
    ] as const) {
      const id = await bench.run(async (task) => task.remember(text));
      expect(await bench.app.tasks.get(id)).toMatchObject({ status: "failed", failure: { code } });
    }
    const twice = await bench.run(async (task) => {
      await task.remember("same", { name: "one" });
      await task.remember("same", { name: "two" });
      await task.remember("same", { name: "two" });
    });
    expect(await bench.app.tasks.get(twice)).toMatchObject({ failure: { code: "STEP_NAME_REUSED" } });
  });

  it("of a task that nobody delivers is recorded, and that is all", async () => {
    const bench = new Bench({ deliver: "never" });
    const id = await bench.run(async (task) => task.remember("half"));
    await bench.clock.advance("1m");
    expect(bench.memory.tried).toEqual([]);
    expect(await bench.app.tasks.get(id)).toMatchObject({ status: "completed" });
  });
});

describe("a memory", () => {
  it("that is down for an hour delays, and loses and repeats nothing", async () => {
    const bench = new Bench(always);
    bench.memory.react = () => new MemoryError("unavailable", "connection refused");
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) {
      ids.push(await bench.run(async () => `result ${n}`));
      await bench.clock.advance("6m");
    }
    expect(bench.memory.kept).toEqual([]);
    expect(bench.memory.tried.length).toBeLessThan(40);
    bench.memory.react = () => "kept";
    await bench.clock.advance("6m");
    expect(bench.memory.history().map(({ taskId }) => taskId)).toEqual(ids);
    expect((await bench.told(ids[0] ?? "")).slice(-2)).toEqual(["delivery_failed", "delivered"]);
    expect((await bench.told(ids[0] ?? "")).length).toBeLessThan(8);
  });

  it("that keeps a message and answers 500 is given the same again, although more was waiting", async () => {
    const bench = new Bench(always);
    bench.memory.react = () => "lost";
    await bench.run();
    bench.memory.react = () => "kept";
    await bench.run();
    await bench.clock.advance("1m");
    const keys = bench.memory.tried.map(({ message }) => message.key);
    expect(keys).toHaveLength(3);
    expect(keys[1]).toBe(keys[0]);
    expect(bench.memory.tried[1]?.message.entries).toEqual(bench.memory.tried[0]?.message.entries);
    expect(bench.memory.history()).toHaveLength(2);
  });

  it("that does not answer is left after its time, and asked again", async () => {
    const bench = new Bench({ ...always, delivery: { timeout: "10s" } });
    bench.memory.react = () => "silent";
    const id = await bench.run();
    await bench.clock.advance("9s");
    expect(await bench.told(id)).toEqual([]);
    bench.memory.react = () => "kept";
    await bench.clock.advance("1m");
    expect(await bench.told(id)).toEqual(["delivery_failed", "delivered"]);
    expect(bench.memory.history()).toHaveLength(1);
  });

  it("that refuses for good is not asked again, and the result stays where it is", async () => {
    const bench = new Bench(always);
    bench.memory.react = () => new MemoryError("refused", "metadata too long");
    const id = await bench.run();
    await bench.clock.advance("1h");
    expect(bench.memory.tried).toHaveLength(1);
    expect((await bench.app.tasks.timeline(id)).at(-1)).toMatchObject({
      type: "undelivered",
      failure: { kind: "refused", message: "metadata too long" },
    });
    expect(await bench.app.tasks.get(id)).toMatchObject({ result: "done" });
  });

  it("that refuses one of several gets the others", async () => {
    const bench = new Bench({ deliver: "always", delivery: { rate: 1 } });
    bench.memory.react = () => new MemoryError("throttled", "slow down");
    await bench.run(async () => "first");
    const bad = await bench.run(async () => "bad");
    await bench.run(async () => "third");
    bench.memory.react = ({ entries }) =>
      JSON.stringify(entries).includes("bad") ? new MemoryError("refused", "bad word") : "kept";
    await bench.clock.advance("5m");
    expect(
      bench.memory.history().map((entry) => (entry as EndEntry & { status: "completed" }).result.text),
    ).toEqual(["first", "third"]);
    expect(await bench.told(bad)).toEqual(["undelivered"]);
  });

  it("is given what a session has waiting in one message, and one in four seconds", async () => {
    const bench = new Bench(always);
    for (let n = 0; n < 30; n++) await bench.run(async () => n);
    await bench.clock.advance("1m");
    expect(bench.memory.history()).toHaveLength(30);
    expect(bench.memory.tried.map(({ message }) => message.entries.length)).toEqual([1, 20, 9]);
    const [first = 0, ...later] = bench.memory.tried.map(({ at }) => at);
    expect(later.map((at) => at - first)).toEqual([4_000, 8_000]);
  });

  it("of many sessions writes to all of them, so many at once", async () => {
    const bench = new Bench({ deliver: "always", delivery: { concurrency: 2, timeout: "10s" } });
    bench.memory.react = ({ context }) => (context.session?.startsWith("slow") === true ? "silent" : "kept");
    for (const name of ["slow-1", "a", "b", "c"]) {
      await bench.run(async () => name, { session: { session: name } });
    }
    await bench.clock.advance(0);
    expect(bench.memory.kept.map(({ context }) => context.session)).toEqual(["a", "b", "c"]);
  });

  const least: readonly (readonly [MemoryErrorKind, number])[] = [
    ["conflict", 4_000],
    ["throttled", 4_000],
    ["unavailable", 4_000],
    ["quota", 60_000],
    ["denied", 60_000],
    ["not-found", 60_000],
  ];
  it.each(least)("that is %s is asked again after %i ms, ever more slowly", async (kind, firstMs) => {
    const bench = new Bench(always);
    bench.memory.react = () => new MemoryError(kind, "no");
    await bench.run();
    await bench.clock.advance(firstMs * 300);
    const times = bench.memory.tried.map(({ at }) => at);
    const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0));
    expect(gaps[0]).toBe(firstMs);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    expect(gaps.at(-1)).toBeGreaterThan(firstMs);
    expect(gaps.at(-1)).toBeLessThanOrEqual(3_600_000);
  });

  it("that says when to come again is listened to, within reason", async () => {
    const bench = new Bench(always);
    bench.memory.react = () => new MemoryError("throttled", "later", { retryAfterMs: 90_000 });
    await bench.run();
    bench.memory.react = () => new MemoryError("throttled", "next year", { retryAfterMs: 3e10 });
    await bench.clock.advance("3h");
    const times = bench.memory.tried.map(({ at }) => at);
    expect(times.slice(1, 3).map((at, n) => at - (times[n] ?? 0))).toEqual([90_000, 3_600_000]);
  });

  it("that never takes it is given up after the time for it", async () => {
    const bench = new Bench({ ...always, delivery: { giveUp: "1h" } });
    bench.memory.react = () => new Error("a bug");
    const id = await bench.run();
    await bench.clock.advance("2h");
    expect((await bench.app.tasks.timeline(id)).at(-1)).toMatchObject({
      type: "undelivered",
      failure: { kind: "given-up", message: "unavailable: a bug" },
    });
    const tries = bench.memory.tried.length;
    await bench.clock.advance("2h");
    expect(bench.memory.tried).toHaveLength(tries);
  });
});

describe("the process", () => {
  it("that ends while a message is under way gives it back, and the next sends the same", async () => {
    const record = temporaryStore();
    const clock = new ManualClock();
    const memory = new ScriptedMemory(() => clock.now());
    const start = async (): Promise<App> => {
      const app = testApp({ clock, memory, ...always, store: openTestStore(clock, record) });
      app.task("work", { description: "Works.", input: z.unknown() }, async () => "done");
      await app.start();
      return app;
    };
    memory.react = () => "silent";
    const first = await start();
    await first.submit("work", {}, { session });
    await clock.advance(0);
    expect(memory.tried).toHaveLength(1);
    await closeNow(first, clock);
    memory.react = () => "kept";
    await start();
    await clock.advance("5s");
    expect(memory.tried.map(({ message }) => message.key)).toEqual(
      Array.from({ length: 2 }, () => memory.tried[0]?.message.key),
    );
  });

  it("sets no timer while nothing waits", async () => {
    const bench = new Bench(always);
    await bench.run();
    await bench.clock.advance("1m");
    let timers = 0;
    const after = bench.clock.after.bind(bench.clock);
    bench.clock.after = (ms, run) => {
      // History is looked at every 10 s.
      if (ms !== 10_000) timers++;
      return after(ms, run);
    };
    await bench.clock.advance("10m");
    expect(timers).toBe(0);
  });
});
