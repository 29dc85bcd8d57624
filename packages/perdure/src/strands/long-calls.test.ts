import { setTimeout as sleep } from "node:timers/promises";
import { Agent, McpClient } from "@strands-agents/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { PerdureOptions } from "../app/app.ts";
import { longCalls, type LongCallsOptions, type ToolProgress } from "./long-calls.ts";
import { type Line, outline, ScriptedModel } from "./scripted-model.fixture.ts";

const input = z.object({ ms: z.number() });

/** A server whose tools take a time, and an agent that calls them. */
async function start(
  { server = {}, calls = {} }: { server?: Partial<PerdureOptions>; calls?: LongCallsOptions },
  lines: readonly Line[],
) {
  const app = testApp({ hold: "10s", ...server });
  app.task("busy", { description: "Says what it does.", input }, async ({ ms }, task) => {
    for (let step = 1; step <= 5; step++) {
      await sleep(ms / 5);
      task.progress(step, 5, `part ${step}`);
    }
    return { session: task.session ?? null, done: true };
  });
  app.task("silent", { description: "Says nothing.", input }, async ({ ms }) => {
    await sleep(ms);
    return "done";
  });
  app.task("failing", { description: "Fails.", input }, async () => {
    await sleep(10);
    throw new Error("no such dataset");
  });
  const { url } = await app.listen({ port: 0 });
  const client = longCalls(new McpClient({ url }), calls);
  onTestFinished(async () => client.disconnect());
  const model = new ScriptedModel(...lines);
  const agent = new Agent({ model, tools: [client], printer: false });
  const events: ToolProgress[] = [];
  const ask = async (prompt: string) => {
    for await (const event of agent.stream(prompt)) {
      if (event.type === "toolStreamUpdateEvent") events.push(event.event.data as ToolProgress);
    }
    return agent.messages.map((message) => outline(message.toJSON()));
  };
  return { app, agent, client, events, ask };
}

describe("a call", () => {
  it("with progress outlasts the time-out many times, and its progress is seen", async () => {
    const calls = { idle: "1s", asTask: false } as const;
    const lines = [{ call: "busy", input: { ms: 2_500 } }, "Done."];
    const { ask, events } = await start({ calls }, lines);
    expect((await ask("Go."))[2]).toContain('done\\":true');
    expect(events.map(({ message }) => message)).toEqual(
      expect.arrayContaining(["part 1", "part 2", "part 3", "part 4"]),
    );
    expect(events[0]).toMatchObject({ type: "progress", total: 5 });
  });

  it("without progress is kept alive by the server's heartbeats", async () => {
    const calls = { idle: "1s", asTask: false } as const;
    const server = { heartbeat: "100ms" } as const;
    const lines = [{ call: "silent", input: { ms: 2_500 } }, "Done."];
    const { ask } = await start({ calls, server }, lines);
    expect((await ask("Go."))[2]).toBe('user: result [{"text":"done"}]');
  });

  it("that is silent for too long, or takes too long in all, is an error for the model", async () => {
    const silent = await start({ calls: { idle: "150ms", asTask: false } }, [
      { call: "silent", input: { ms: 2_000 } },
      "Too bad.",
    ]);
    expect((await silent.ask("Go."))[2]).toMatch(/timed out/i);
    const endless = await start({ calls: { idle: "500ms", total: "600ms", asTask: false } }, [
      { call: "busy", input: { ms: 5_000 } },
      "Too bad.",
    ]);
    expect((await endless.ask("Go."))[2]).toMatch(/timeout exceeded|timed out/i);
  });

  it("as a task is waited for beyond what the server holds, and tells why it failed", async () => {
    const server = { hold: "50ms" } as const;
    const lines = [{ call: "busy", input: { ms: 500 } }, { call: "failing", input: { ms: 1 } }, "Done."];
    const { ask, app } = await start({ server }, lines);
    const history = await ask("Go.");
    expect(history[2]).toContain('done\\":true');
    expect(history[4]).toContain("no such dataset");
    expect((await app.tasks.list()).tasks).toHaveLength(2);
  });

  it("as a task is waited for anew when a wait was cut", async () => {
    const lines = [{ call: "silent", input: { ms: 1_000 } }, "Done."];
    const { ask } = await start({ calls: { idle: "200ms" } }, lines);
    expect((await ask("Go."))[2]).toBe('user: result [{"text":"done"}]');
  });

  it("as a task that takes too long is left to go on", async () => {
    const lines = [{ call: "silent", input: { ms: 8_000 } }, "Later."];
    const { ask, app } = await start({ calls: { total: "300ms" } }, lines);
    const history = await ask("Go.");
    const [task] = (await app.tasks.list()).tasks;
    expect(history[2]).toContain(`still running as task ${task?.id}`);
    expect(task?.status).toBe("working");
  });
});

describe("a session", () => {
  const session = { session: "s-1", memory: "training-0123456789", actor: "ann" };

  it("goes with every call", async () => {
    const { ask } = await start({ calls: { session: () => session } }, [
      { call: "busy", input: { ms: 10 } },
      "Done.",
    ]);
    expect((await ask("Go."))[2]).toContain(
      JSON.stringify(JSON.stringify({ session, done: true })).slice(1, -1),
    );
  });

  it("has a call that was handed over be over for the model: it is not to ask again", async () => {
    const lines = [{ call: "silent", input: { ms: 8_000 } }, "It is running."];
    const { ask, app } = await start({ server: { hold: "50ms" }, calls: { session } }, lines);
    const [, , handOver] = await ask("Go.");
    const [task] = (await app.tasks.list()).tasks;
    expect(handOver).toContain(`as task ${task?.id}. Its result comes into this conversation by itself`);
    expect(handOver).not.toMatch(/check_task_status|wait_seconds/);
    expect(task?.session).toEqual(session);
  });
});

it("the generated tools are all there, or none, or some", async () => {
  const names = async (taskTools: LongCallsOptions["taskTools"]) => {
    const calls = taskTools === undefined ? {} : { taskTools };
    const { client } = await start({ calls }, []);
    return (await client.listTools()).map(({ name }) => name).toSorted();
  };
  const own = ["busy", "failing", "silent"];
  expect(await names(false)).toEqual(own);
  expect(await names(["cancel_task"])).toEqual([...own, "cancel_task"].toSorted());
  expect(await names(undefined)).toEqual(expect.arrayContaining([...own, "check_task_status", "list_tasks"]));
});
