/** Memory that is down, slow, throttled, behind, or refuses. */
import { ThrottledException } from "@aws-sdk/client-bedrock-agentcore";
import { tool } from "@strands-agents/sdk";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { clientOf, startSession } from "./session.fixture.ts";

const add = tool({
  name: "add",
  description: "Adds.",
  inputSchema: z.object({}),
  callback: () => "2",
});

describe("an agent answers, whatever its memory does", () => {
  it("down: it says so in its log, and catches up", async () => {
    const session = await startSession();
    await session.agent(["Hello."]).agent.invoke("I am Ann.");
    const before = await session.kept();
    const down = session.local.faults.next({ error: "Disconnect", times: 1_000 });
    const { agent, manager, history } = session.agent(["I do not know.", "Ann."], { wait: "300ms" });
    await agent.invoke("Who am I?");
    expect(history()).toEqual(["user: Who am I?", "assistant: I do not know."]);
    const messages = session.logged.map(({ message }) => message);
    expect(messages.some((message) => message.includes("cannot be read"))).toBe(true);
    expect(messages.some((message) => message.includes("has not taken everything yet"))).toBe(true);
    down.remove();
    await agent.invoke("And now?");
    expect(await manager.flush()).toBe(true);
    const led = ["user: Who am I?", "assistant: I do not know.", "user: And now?", "assistant: Ann."];
    expect(history()).toEqual([...before, ...led]);
    expect(await session.kept()).toEqual([...before, ...led]);
  });

  it("slow: it waits for as long as it was told", async () => {
    const session = await startSession();
    await session.deliver("from before");
    session.local.faults.next({ operation: "ListEvents", delayMs: 5_000, times: 2 });
    const { agent, history } = session.agent(["Yes.", "Still."], { wait: "300ms" });
    const begin = performance.now();
    await agent.invoke("Are you there?");
    expect(performance.now() - begin).toBeLessThan(2_000);
    await agent.invoke("Still?");
    expect(history()).toEqual([
      "user: from before | Are you there?",
      "assistant: Yes.",
      "user: Still?",
      "assistant: Still.",
    ]);
  });

  it("throttled, in conflict, failing after the deed: each message is there once, in its order", async () => {
    const session = await startSession();
    const { faults } = session.local;
    faults.next({ operation: "CreateEvent", error: "ThrottledException", times: 2 });
    faults.next({ operation: "CreateEvent", error: "RetryableConflictException" });
    faults.next({ operation: "CreateEvent", acceptThenFail: true });
    faults.next({ operation: "CreateEvent", acceptThenFail: "Disconnect" });
    const lines = [{ call: "add" }, "Two.", "Three."];
    const { agent, manager } = session.agent(lines, { random: () => 0 }, { tools: [add] });
    await agent.invoke("1 + 1?");
    await agent.invoke("1 + 2?");
    expect(await manager.flush()).toBe(true);
    expect(await session.kept()).toEqual([
      "user: 1 + 1?",
      "assistant: calls add",
      'user: result [{"text":"2"}]',
      "assistant: Two.",
      "user: 1 + 2?",
      "assistant: Three.",
    ]);
    const times = (await session.events()).map(({ eventTimestamp }) => eventTimestamp?.getTime() ?? 0);
    expect(new Set(times).size).toBe(times.length);
  });

  it("refusing: what it refuses is lost, said so, and nothing else", async () => {
    const session = await startSession();
    const { agent } = session.agent(["One.", "Two."]);
    await agent.initialize();
    await vi.waitFor(async () => expect(await session.events()).toHaveLength(2));
    session.local.faults.next({ operation: "CreateEvent", error: "ValidationException" });
    await agent.invoke("First.");
    await agent.invoke("Second.");
    expect(await session.kept()).toEqual(expect.arrayContaining(["user: Second.", "assistant: Two."]));
    expect(session.logged).toContainEqual({
      level: "error",
      message: "AgentCore Memory refuses an event; it is not kept",
    });
  });

  it("behind: what a list did not show yet is brought in by the next", async () => {
    const session = await startSession();
    await session.deliver("old");
    // An answer from before the second event, which was written all the same.
    const stale = clientOf(session.local);
    const { agent, history } = session.agent(["One.", "Two."], { client: stale });
    const remove = hideNewest(stale, (text) => text.includes("young"));
    await session.deliver("young");
    await agent.invoke("First.");
    remove();
    await agent.invoke("Second.");
    expect(history()).toEqual([
      "user: old | First.",
      "assistant: One.",
      "user: young | Second.",
      "assistant: Two.",
    ]);
    stale.destroy();
  });
});

/** Leaves events out of what a client is shown. */
function hideNewest(client: ReturnType<typeof clientOf>, isHidden: (text: string) => boolean): () => void {
  let hides = true;
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const output = answer.output as { events?: object[] };
      if (hides && output.events !== undefined) {
        output.events = output.events.filter((event) => !isHidden(JSON.stringify(event)));
      }
      return answer;
    },
    { step: "initialize", name: "stale" },
  );
  return () => (hides = false);
}

it("any order of turns, deliveries and new processes leaves one history, in memory and in the agent", async () => {
  const step = fc.constantFrom("turn", "call", "deliver", "restart", "throttle");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const session = await startSession();
      const start = (from: number) => {
        const lines = steps.slice(from).flatMap((one) => {
          if (one === "turn") return ["said"];
          return one === "call" ? [{ call: "add" }, "done"] : [];
        });
        return session.agent(lines, { random: () => 0 }, { tools: [add] });
      };
      let live = start(0);
      const said: string[] = [];
      for (const [index, one] of steps.entries()) {
        if (one === "turn" || one === "call") {
          said.push(`ask ${index};`);
          // The scripted model throws at a history that a strict provider refuses.
          await live.agent.invoke(`ask ${index};`);
        } else if (one === "deliver") {
          said.push(`delivered ${index};`);
          await accepted(() => session.deliver(`delivered ${index};`));
        } else if (one === "throttle") {
          const { faults } = session.local;
          faults.next({ operation: "CreateEvent", error: "ThrottledException" });
        } else {
          await live.manager.flush();
          live = start(index);
        }
      }
      await live.agent.invoke("end;");
      expect(await live.manager.flush()).toBe(true);
      const again = session.agent();
      await again.agent.initialize();
      for (const history of [live.history(), again.history()]) {
        const all = history.join("\n");
        for (const text of said) expect(all.split(text)).toHaveLength(2);
      }
      const ofUsers = (history: readonly string[]) =>
        history.filter((line) => line.startsWith("user")).join(" | ");
      expect(ofUsers(again.history()).split("ask")).toHaveLength(ofUsers(live.history()).split("ask").length);
    }),
    { numRuns: 12 },
  );
}, 60_000);

/** As often as the memory asks for it. */
async function accepted(deliver: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await deliver();
    } catch (error) {
      if (!(error instanceof ThrottledException)) throw error;
    }
  }
}
