import { describe, expect, it } from "vitest";
import { z } from "zod";
import { question } from "../engine/context.ts";
import { testApp } from "./app.fixture.ts";
import type { PerdureOptions } from "./app.ts";

const settingsOf = (options: Partial<PerdureOptions>) => testApp(options).service().settings;

describe("how tools are served", () => {
  it("has defaults that suit nearly every client", () => {
    expect(settingsOf({})).toEqual({
      holdMs: 50_000,
      heartbeatMs: 5_000,
      pollMs: 5_000,
      clients: [],
      maxResultBytes: 100_000,
      allowedHeaders: new Set(),
      session: { headers: {}, composite: false, actor: undefined, memory: undefined },
      toolNames: new Map(
        ["check_task_status", "get_task_results", "cancel_task", "list_tasks"].map((name) => [name, name]),
      ),
    });
  });

  it("is as the author says", () => {
    const clients = [
      { name: "Claude Code", hold: "10m" },
      { name: /^cli/, heartbeat: "1s" },
    ] as const;
    expect(settingsOf({ hold: 0, heartbeat: "1s", poll: "2s", clients, headers: ["X-Trace"] })).toMatchObject(
      {
        holdMs: 0,
        heartbeatMs: 1_000,
        pollMs: 2_000,
        clients: [
          { name: "Claude Code", holdMs: 600_000 },
          { name: /^cli/, heartbeatMs: 1_000 },
        ],
        allowedHeaders: new Set(["x-trace"]),
      },
    );
  });

  it.each<[Partial<PerdureOptions>, RegExp]>([
    [{ hold: "soon" as "1s" }, /hold must be a duration/],
    [{ heartbeat: 0 }, /heartbeat, in milliseconds, must be a whole number ≥ 1/],
    [{ poll: 0 }, /poll/],
    [{ clients: [{ name: "a", heartbeat: 0 }] }, /clients: heartbeat/],
    [{ maxResultBytes: Number.NaN }, /maxResultBytes must be a whole number/],
    [
      { session: { headers: { actor: "Authorization" } } },
      /headers.actor must be the name of a header other/,
    ],
    [{ session: { headers: { actor: "a b" } } }, /headers.actor must be the name of a header/],
    [{ session: { memory: ["memory"] } }, /session: memory: 12 to 2048 characters/],
    [
      { tools: { prefix: "my tools: " } },
      /name of a generated tool must be .* "my tools: check_task_status" came/,
    ],
    [{ tools: { names: { cancel_task: "" } } }, /name of a generated tool/],
    [{ tools: { names: { cancel_task: "list_tasks" } } }, /two generated tools have the same name/],
  ])("%j is refused", (options, message) => {
    const make = () => settingsOf(options);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }) as Error);
  });

  it("keeps the names of generated tools apart from the author's", () => {
    const app = testApp();
    app.tool("cancel_task", { description: "Mine.", input: z.object({}) }, () => null);
    expect(() => app.service()).toThrow(/"cancel_task" is the name of a generated tool/);
    const other = testApp({ tools: { hide: ["cancel_task"] } });
    other.tool("cancel_task", { description: "Mine.", input: z.object({}) }, () => null);
    expect(other.service().plainTools.has("cancel_task")).toBe(true);
  });
});

describe("a tool", () => {
  it("is served as its options say", () => {
    const app = testApp();
    const input = z.object({ n: z.number() });
    app.task("plain", { description: "Plain.", input }, () => null);
    app.task(
      "special",
      {
        description: "Special.",
        title: "Special",
        annotations: { destructiveHint: true },
        input,
        output: z.object({ a: z.string() }),
        hold: "1s",
        heartbeat: "2s",
        start: "background",
        onDisconnect: "continue",
        rejoin: false,
      },
      () => ({ a: "" }),
    );
    const { tasks } = app.service();
    expect(tasks.get("plain")).toMatchObject({ start: "held", onDisconnect: "cancel", rejoin: true });
    expect(tasks.get("special")).toMatchObject({
      title: "Special",
      annotations: { destructiveHint: true },
      holdMs: 1_000,
      heartbeatMs: 2_000,
      start: "background",
      onDisconnect: "continue",
      rejoin: false,
      outputSchema: { type: "object", properties: { a: { type: "string" } } },
    });
  });

  it.each(["", "two words", "ünter", "x".repeat(129)])("is not named %j", (name) => {
    expect(() => testApp().tool(name, { description: "", input: z.object({}) }, () => null)).toThrow(
      /name of a tool must be/,
    );
  });

  it("that asks what is no flat form before it begins is refused", () => {
    const declare = () => {
      const app = testApp();
      const before = { where: question("Where?", z.object({ at: z.object({ x: z.number() }) })) };
      app.task("go", { description: "Goes.", input: z.object({}), before }, () => null);
      app.service();
    };
    expect(declare).toThrow(/"at" must be a string, number, boolean or choice/);
  });

  it("whose schema clients could not read is refused", () => {
    const declare = () => {
      const app = testApp();
      app.task("when", { description: "When.", input: z.object({ at: z.date() }) }, () => null);
      app.service();
    };
    expect(declare).toThrow(/the input schema of "when" cannot be written as a JSON Schema/);
  });
});
