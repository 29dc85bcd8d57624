import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { App } from "../../app/app.ts";
import { question, type TaskContext } from "../../engine/context.ts";
import { TerminalError } from "../../task/errors.ts";
import { declined, replayEverywhere } from "./replay-everywhere.ts";

const description = "";
const input = z.object({});
const name = z.object({ name: z.string() });

const declaring = (run: (task: TaskContext) => Promise<unknown>) => (app: App) =>
  app.task("subject", { description, input }, async (_, task) => (await run(task)) as string);
const replay = (run: (task: TaskContext) => Promise<unknown>, ...rest: Rest) =>
  replayEverywhere(declaring(run), {}, ...rest);
type Rest = Parameters<typeof replayEverywhere> extends [unknown, unknown, ...infer R] ? R : never;

describe("a handler that keeps the rules", () => {
  it("shows no difference, whatever it is made of", async () => {
    const everything = (app: App) => {
      const half = app.task(
        "half",
        { description, input: z.object({ n: z.number() }) },
        async ({ n }, task) => task.step("halve", () => n / 2),
      );
      return app.task("subject", { description, input }, async (_, task) => {
        const id = await task.step("id", () => randomUUID());
        const at = await task.step("now", () => Date.now());
        await task.sleep("30d");
        const answer = await task.ask("Who?", name, { timeout: "1h" });
        const both = await task.askAll({ a: question("A?", name), b: question("B?", name) });
        const halves = await Promise.all([2, 4].map((n) => task.call(half, { n })));
        const signal = await task.waitUntil<number>("go");
        await task.step("flaky", ({ tries }) => (tries === 1 ? Promise.reject(new Error("once")) : 2), {
          retry: { retries: 1, delay: "1m" },
        });
        const refused = await task.step("never", () => Promise.reject(new TerminalError("no"))).catch(String);
        let saved = (await task.saved<number>()) ?? 0;
        for (; saved < 3; saved++) await task.save(saved + 1);
        return { id, at, who: [answer.name, both.a.name, both.b.name], halves, signal, refused, saved };
      });
    };
    const who = { "Who?": { name: "Ada" }, a: { name: "Bob" }, b: { name: "Cy" } };
    const report = await replayEverywhere(everything, {}, { ...who, go: 7 });
    expect(report.differences).toEqual([]);
    expect(report.outcome).toMatchObject({
      status: "completed",
      result: {
        who: ["Ada", "Bob", "Cy"],
        halves: [1, 2],
        signal: 7,
        refused: "TerminalError: no",
        saved: 3,
      },
    });
    expect(report.diedAfter).toEqual(
      expect.arrayContaining([
        'step "id"',
        'sleep "30d" (open)',
        'ask "Who?" (open)',
        'step "never" (failed)',
      ]),
    );
    expect(report.diedAfter.length).toBeGreaterThan(15);
  });

  it("may end with a decline, or a question that nobody answers in time", async () => {
    const ask = (task: TaskContext) => task.ask("Who?", name, { timeout: "1h" });
    expect(await replay(ask, { "Who?": declined })).toMatchObject({
      outcome: { status: "failed", code: "DECLINED" },
      differences: [],
    });
    expect(await replay(ask)).toMatchObject({
      outcome: { status: "failed", code: "EXPIRED" },
      differences: [],
    });
  });

  it("may take real time in its steps", async () => {
    const report = await replay(async (task) => task.step("slow", () => sleep(20, "done")));
    expect(report).toEqual({
      outcome: { status: "completed", result: "done" },
      diedAfter: ['step "slow"'],
      differences: [],
    });
  });
});

describe("what breaks the rules is found", () => {
  it("a branch by the time, outside of a step", async () => {
    const { differences } = await replay(async (task) => {
      await task.step("first", () => 1);
      return Date.now() % 2 === 0 ? task.step("even", () => "even") : task.step("odd", () => "odd");
    });
    expect(differences).toContainEqual({
      diedAfter: 'step "first"',
      what: "outcome",
      message: 'undisturbed returned "even", after the death returned "odd"',
    });
    expect(differences).toContainEqual({
      diedAfter: 'step "even"',
      what: "unvisited",
      message: "recorded, and not come to again: even",
    });
  });

  it.each([
    ["chance", () => Math.random()],
    ["a random id", () => randomUUID()],
    ["the date", () => new Date().toISOString()],
  ])("a name made of %s", async (_, random) => {
    const { differences } = await replay(async (task) => {
      await task.step(`charge:${random()}`, () => 1);
      return "done";
    });
    expect(differences.map(({ what }) => what)).toEqual(["operations", "unvisited"]);
    expect(differences[0]?.message).toMatch(/^undisturbed .*, after the death step "charge:/);
  });

  it("an effect outside of a step, in the result and where it is counted", async () => {
    let sent = 0;
    const mail = async (task: TaskContext) => {
      await task.step("first", () => 1);
      sent++;
      await task.sleep("1h");
      return sent;
    };
    const { differences } = await replay(mail, {}, { effects: () => sent });
    expect(differences.map(({ what }) => what)).toContain("outcome");
    // Parked at the sleep, it ran twice already; to die there makes it three times.
    expect(differences.filter(({ what }) => what === "effects")).toEqual([
      { diedAfter: 'sleep "1h" (open)', what: "effects", message: "undisturbed 2, after the death 3" },
    ]);
  });

  it("another kind under the same name", async () => {
    const { differences } = await replay(async (task) =>
      Math.random() < 0.5 ? task.step("x", () => 1) : task.sleep("1h", { name: "x" }),
    );
    expect(differences[0]?.message).toContain("STEP_MISMATCH");
  });

  it("a state kept beside the record, by which what is recorded is skipped", async () => {
    const { differences } = await replayEverywhere((app) => {
      let asked: string | undefined;
      return app.task("subject", { description, input }, async (_, task) => {
        asked ??= await task.step("ask", () => "Ada");
        await task.sleep("1h");
        return asked;
      });
    }, {});
    expect(differences[0]).toMatchObject({ what: "unvisited" });
    expect(differences[0]?.message).toMatch(/: ask$/);
  });
});

describe("what it cannot tell", () => {
  it.each([
    [async (task: TaskContext) => task.waitUntil("go"), {}, 'no answer is given for signal "go"'],
    [
      async (task: TaskContext) => task.ask("Who?", name),
      { "Who?": { name: 7 } },
      /"Who\?" is not taken: Who\?/,
    ],
    [async () => new Promise(() => undefined), {}, "nothing happened for 50 ms while a handler ran"],
  ])("is said: %#", async (run, answers, words) => {
    await expect(replay(run, answers, { patience: "50ms" })).rejects.toThrow(words);
  });

  it("leaves time and chance as they were", async () => {
    const [date, random] = [Date, Math.random];
    await replay(async () => "nothing");
    expect(Date).toBe(date);
    expect(Math.random).toBe(random);
  });
});
