/** The whole way: an agent on AgentCore Runtime's contract, a server of tasks, and the memory between them. */
import { once } from "node:events";
import { createServer } from "node:net";
import { Agent, BeforeModelCallEvent, McpClient } from "@strands-agents/sdk";
import { BedrockAgentCoreApp } from "bedrock-agentcore/runtime";
import { describe, expect, it, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { agentCoreMemory } from "../agentcore/index.ts";
import { testApp } from "../app/app.fixture.ts";
import type { AgentMemory, MemoryEntry } from "../delivery/memory.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { Activity } from "./activity.ts";
import { agentApp } from "./agent-app.ts";
import { longCalls, type LongCallsOptions } from "./long-calls.ts";
import { type Line, ScriptedModel } from "./scripted-model.fixture.ts";
import { said, startSession, type TestSession } from "./session.fixture.ts";

/** As a memory of AgentCore delivers it: in the envelope of a session manager, labelled. */
function memoryOf(session: TestSession): AgentMemory {
  return {
    name: "agentcore",
    append: async ({ entries }) => session.write([said("user", { text: entries.map(told).join("\n") })]),
  };
}

function told(entry: MemoryEntry): string {
  const head = `[output of the tool ${entry.tool}, task ${entry.taskId}]`;
  if (entry.kind === "question") return `${head} asks ${entry.questionKey}: ${entry.message}`;
  if (entry.kind === "interim") return head;
  return `${head} ${entry.status}: ${entry.status === "completed" ? entry.result.text : ""}`;
}

async function startServer(session: TestSession, memory = memoryOf(session)) {
  const app = testApp({ hold: "20ms", memory, delivery: { grace: 0, rate: 100 } });
  const held = Promise.withResolvers<void>();
  app.task("train", { description: "Trains.", input: z.object({}) }, async () => {
    await held.promise;
    return { accuracy: 0.98 };
  });
  app.task("publish", { description: "Publishes.", input: z.object({}), asks: true }, async (_, task) => {
    const { go } = await task.ask("Publish it?", z.object({ go: z.boolean() }));
    return go ? "published" : "kept";
  });
  const { url } = await app.listen({ port: 0 });
  return { app, url, finish: held.resolve };
}

/** An agent in the session, with the tools of the server. */
function agentOn(
  session: TestSession,
  url: string,
  lines: readonly (Line | (() => Line))[],
  taskTools: LongCallsOptions["taskTools"] = ["answer_task"],
) {
  const { memoryId: memory, actorId: actor, sessionId } = session.place;
  const client = longCalls(new McpClient({ url }), {
    session: { session: sessionId, memory, actor },
    taskTools,
  });
  onTestFinished(async () => client.disconnect());
  return session.agent(lines, {}, { tools: [client] });
}

describe("a task that outlasts its call", () => {
  it("brings its result into the living agent, and into a new one", async () => {
    const session = await startSession();
    const { url, finish } = await startServer(session);
    const { agent, history } = agentOn(session, url, [{ call: "train" }, "It is running.", "0.98."], false);
    await agent.invoke("Train it.");
    expect(history()[2]).toContain("comes into this conversation by itself");
    finish();
    await vi.waitFor(async () => expect((await session.kept()).at(-1)).toContain("accuracy"), 5_000);
    await agent.invoke("How good is it?");
    expect(history()[4]).toMatch(/^user: \[output of the tool train, .*0\.98.* \| How good is it\?$/);
    const again = agentOn(session, url, ["0.98, as I said."]);
    await again.agent.invoke("Again?");
    expect(again.history().slice(0, -2)).toEqual(history());
  });

  it("brings it by perdure/agentcore, with a word of the assistant, and once", async () => {
    const session = await startSession();
    const memory = agentCoreMemory({ client: session.client, patience: { reply: "50ms", agent: "50ms" } });
    const { url, finish } = await startServer(session, memory);
    const { agent, history } = agentOn(session, url, [{ call: "train" }, "It is running.", "0.98.", "Sure."]);
    await agent.invoke("Train it.");
    finish();
    await vi.waitFor(async () => expect((await session.kept()).join()).toContain("accuracy"), 10_000);
    await agent.invoke("How good is it?");
    await agent.invoke("Sure?");
    const brought = history().filter((line) => line.includes("0.98}") || line.includes("accuracy"));
    expect(brought).toHaveLength(1);
    expect(history().slice(-4)).toEqual([
      "user: How good is it?",
      "assistant: 0.98.",
      "user: Sure?",
      "assistant: Sure.",
    ]);
  });

  it("asks in the conversation, and the answer in the next turn reaches it", async () => {
    const session = await startSession();
    const { app, url } = await startServer(session);
    const question = async () => {
      const text = (await session.kept()).find((line) => line.includes("asks ")) ?? "";
      const [, task_id, key] = /task ([^\]]+)\] asks (\S+):/.exec(text) ?? [];
      return { task_id, key };
    };
    const input = { content: { go: true } };
    const answer = (): Line => ({ call: "answer_task", input });
    const lines = [{ call: "publish" }, "It will ask.", answer, "I told it."];
    const { agent, history } = agentOn(session, url, lines);
    await agent.invoke("Publish it.");
    await vi.waitFor(async () => expect((await question()).key).toBeDefined(), 5_000);
    Object.assign(input, await question());
    await agent.invoke("Yes, do.");
    expect(history()[4]).toContain("Publish it? | Yes, do.");
    const [task] = (await app.tasks.list()).tasks;
    await vi.waitFor(async () => expect((await app.tasks.list()).tasks[0]?.status).toBe("completed"), 5_000);
    expect(task?.tool).toBe("publish");
  });
});

test("on AgentCore Runtime: the payload of the post, a stream, and an agent that remembers", async () => {
  const session = await startSession();
  const { memoryId, actorId } = session.place;
  const lines = ["Hello Ann.", "You are Ann."];
  let made = 0;
  const whileRunning: unknown[] = [];
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const app = await agentApp(
    ({ sessionManager }) => {
      made += 1;
      const model = new ScriptedModel(...lines);
      const agent = new Agent({ model, plugins: [sessionManager], printer: false });
      agent.addHook(BeforeModelCallEvent, async () => {
        whileRunning.push(await (await fetch(`${url}/ping`)).json());
      });
      return agent;
    },
    { manager: { client: session.client, wait: "1s" }, config: { logging: { enabled: false } } },
  );
  app.run({ port, host: "127.0.0.1" });
  onTestFinished(async () => closeApp(app));
  await vi.waitFor(async () => expect((await fetch(`${url}/ping`)).status).toBe(200), 5_000);
  const ask = async (prompt: string) => {
    const answer = await fetch(`${url}/invocations`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        "x-amzn-bedrock-agentcore-runtime-session-id": session.place.sessionId,
      },
      body: JSON.stringify({ prompt, memory_id: memoryId, actor_id: actorId }),
    });
    return answer.text();
  };
  const [first, second] = await Promise.all([ask("I am Ann."), ask("Who am I?")]);
  expect(first).toMatch(/event: text\ndata: .*Hello Ann\.[^]*event: result\n/);
  expect(second).toContain("You are Ann.");
  expect(made).toBe(1);
  expect(await session.kept()).toEqual([
    "user: I am Ann.",
    "assistant: Hello Ann.",
    "user: Who am I?",
    "assistant: You are Ann.",
  ]);
  const ping = (await (await fetch(`${url}/ping`)).json()) as { status: string; time_of_last_update: number };
  expect(ping.status).toBe("Healthy");
  const busy = { status: "HealthyBusy", time_of_last_update: expect.any(Number) as number };
  expect(whileRunning).toEqual([busy, busy]);
  expect(Number.isInteger(ping.time_of_last_update)).toBe(true);
});

test("/ping is busy while something runs, and its time is that of the last progress", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  const clock = new ManualClock(0);
  const app = new BedrockAgentCoreApp({ invocationHandler: { process: async () => ({}) } });
  const stamp = () => (app as unknown as Record<string, number>)["_lastStatusUpdateTime"];
  const at = async (ms: number) => {
    vi.setSystemTime(ms);
    return clock.advance(ms - clock.now());
  };
  const activity = new Activity(app, clock);
  const end = activity.begin();
  expect([app.getCurrentPingStatus(), stamp()]).toEqual(["HealthyBusy", 0]);
  void at(60_000);
  expect([app.getCurrentPingStatus(), stamp()]).toEqual(["HealthyBusy", 0]);
  activity.moved();
  expect([app.getCurrentPingStatus(), stamp()]).toEqual(["HealthyBusy", 60_000]);
  end();
  expect(app.getCurrentPingStatus()).toBe("Healthy");
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** It has no method for that. */
async function closeApp(app: BedrockAgentCoreApp): Promise<void> {
  await (app as unknown as Record<string, { close(): Promise<void> }>)["_app"]?.close();
}
