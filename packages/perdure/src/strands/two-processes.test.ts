/** Two processes that lead one conversation: the same agent id, each with a manager of its own, both alive. */
import { BeforeModelCallEvent, tool } from "@strands-agents/sdk";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { startSession, type TestSession } from "./session.fixture.ts";

const add = tool({ name: "add", description: "Adds.", inputSchema: z.object({}), callback: () => "2" });

const one = (session: TestSession, lines: Parameters<TestSession["agent"]>[0], options = {}) =>
  session.agent(lines, { agentId: "guide", random: () => 0, ...options }, { tools: [add] });

describe("two processes with the same agent", () => {
  it("take turns: each knows what was said to the other, once and in its order", async () => {
    const session = await startSession();
    const [first, second] = [one(session, ["One.", "Three."]), one(session, ["Two.", "Four."])];
    await first.agent.invoke("First.");
    await second.agent.invoke("Second.");
    await first.agent.invoke("Third.");
    await second.agent.invoke("Fourth.");
    const led = ["First.", "One.", "Second.", "Two.", "Third.", "Three.", "Fourth.", "Four."];
    const texts = (history: readonly string[]) => history.map((line) => line.replace(/^\w+: /, ""));
    expect(texts(second.history())).toEqual(led);
    expect(texts(first.history())).toEqual(led.slice(0, 6));
    expect(texts(await session.kept())).toEqual(led);
  });

  it("say the same at the same instant: both are there", async () => {
    const session = await startSession();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    try {
      const [first, second] = [one(session, ["Yes.", "Yes."]), one(session, ["Yes."])];
      await Promise.all([first.agent.initialize(), second.agent.initialize()]);
      await Promise.all([first.agent.invoke("Is it?"), second.agent.invoke("Is it?")]);
      await first.agent.invoke("Is it?");
    } finally {
      vi.useRealTimers();
    }
    const again = one(session, []);
    await again.agent.initialize();
    const all = again.history().join();
    expect([all.split("Is it?").length - 1, all.split("Yes.").length - 1]).toEqual([3, 3]);
  });

  it("keep what each has changed of the agent's state", async () => {
    const session = await startSession();
    const [first, second] = [one(session, ["One.", "Three."]), one(session, ["Two."])];
    first.agent.appState.set("shared", "old");
    await first.agent.invoke("First.");
    await second.agent.initialize();
    second.agent.appState.set("shape", "round");
    // While the other is in its turn.
    const removeHook = second.agent.addHook(BeforeModelCallEvent, async () => {
      first.agent.appState.set("colour", "green");
      first.agent.appState.set("shared", "new");
      await first.agent.invoke("And?");
    });
    await second.agent.invoke("Second.");
    removeHook();
    const both = { shared: "new", colour: "green", shape: "round" };
    const again = one(session, []);
    await again.agent.initialize();
    expect(again.agent.appState.getAll()).toEqual(both);
    await first.agent.invoke("Third.");
    expect(first.agent.appState.getAll()).toEqual(both);
  });

  it("do not hear again what a guardrail has replaced", async () => {
    const session = await startSession();
    const blocked = { blocked: "I cannot.", instead: "[blocked]" };
    const [first, second] = [one(session, [blocked]), one(session, ["Fine.", "Sure."])];
    await second.agent.initialize();
    // The other hears it before it is replaced.
    first.agent.addHook(BeforeModelCallEvent, async () => {
      await first.manager.flush();
      await second.agent.invoke("Hello?");
    });
    await first.agent.invoke("my secret number is 4711");
    await second.agent.invoke("And?");
    expect(second.history().join()).not.toContain("[blocked]");
    expect(JSON.stringify(await session.events())).not.toContain("4711");
  });
});

it("at any order of their turns, at once or not, nothing is lost, nothing twice, and each keeps its order", async () => {
  const step = fc.record({
    who: fc.constantFrom("first", "second", "both", "task"),
    calls: fc.boolean(),
    restarts: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 7 }), async (steps) => {
      const session = await startSession();
      const live = { first: one(session, []), second: one(session, []) };
      const said: Record<"first" | "second" | "task", string[]> = { first: [], second: [], task: [] };
      for (const [index, { who, calls, restarts }] of steps.entries()) {
        if (who === "task") {
          said.task.push(`delivered ${index};`);
          await session.deliver(`delivered ${index};`);
          continue;
        }
        const names = who === "both" ? (["first", "second"] as const) : [who];
        await Promise.all(
          names.map(async (name) => {
            const [asked, answered] = [`${name} asks ${index};`, `${name} hears ${index};`];
            said[name].push(asked, answered);
            if (restarts) {
              await live[name].manager.flush();
              live[name] = one(session, []);
            }
            live[name].model.say(...(calls ? [{ call: "add", id: `${name}-${index}` }] : []), answered);
            // The scripted model throws at a history that a strict provider refuses.
            await live[name].agent.invoke(asked);
          }),
        );
      }
      for (const name of ["first", "second"] as const) {
        await live[name].agent.invoke(`${name} ends;`);
        expect(await live[name].manager.flush()).toBe(true);
      }
      const again = one(session, []);
      await again.agent.invoke("end;");
      await live.first.agent.invoke("end of the first;");
      for (const history of [live.first.history(), again.history()]) {
        const all = history.join("\n");
        for (const texts of Object.values(said)) {
          const places = texts.map((text) => {
            expect(all.split(text), `${text} in\n${all}`).toHaveLength(2);
            return all.indexOf(text);
          });
          expect(places).toEqual(places.toSorted((a, b) => a - b));
        }
      }
    }),
    { numRuns: 8 },
  );
}, 60_000);
