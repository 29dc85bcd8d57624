import { setTimeout as sleep } from "node:timers/promises";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Agent, McpClient, type McpClientConfig } from "@strands-agents/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { PerdureOptions } from "../app/app.ts";
import { longCalls, type LongCallsOptions } from "./long-calls.ts";
import type { ToolProgress } from "./progress-events.ts";
import { type Line, outline, ScriptedModel } from "./scripted-model.fixture.ts";

const input = z.object({ ms: z.number() });

/** A server whose tools take a time, and an agent that calls them. */
async function start(
  {
    server = {},
    calls = {},
    config = {},
  }: { server?: Partial<PerdureOptions>; calls?: LongCallsOptions; config?: Partial<McpClientConfig> },
  lines: readonly (Line | (() => Line))[],
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
  app.task("only", { description: "Only as a task.", input, start: "task" }, async ({ ms }) =>
    sleep(ms, "done"),
  );
  app.task("publish", { description: "Publishes.", input: z.object({}), asks: true }, async (_, task) => {
    const { go } = await task.ask("Publish it?", z.object({ go: z.boolean() }));
    return go ? "published" : "kept";
  });
  app.tool("whose", { description: "Whose headers.", input }, (_, { headers }) => {
    const [session, memory, actor] = ["x-session", "x-memory", "x-actor"].map((name) => headers[name]);
    return { session, memory, actor };
  });
  const { url } = await app.listen({ port: 0 });
  const client = longCalls(new McpClient({ url, ...config }), calls);
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

  it("has what Strands says of a trace beside its arguments, and nothing that a model has written there", async () => {
    const own = new McpServer({ name: "own", version: "1" });
    const came: unknown[] = [];
    own.registerTool("note", { inputSchema: z.strictObject({ text: z.string() }) }, (args, { _meta }) => {
      came.push({ args, meta: _meta });
      return { content: [] };
    });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await own.connect(far);
    const client = longCalls(new McpClient({ transport: near }));
    onTestFinished(async () => client.disconnect());
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    // As Strands merges both.
    const written = { text: "a", _meta: { "perdure/session": { actor: "eve" }, traceparent } };
    const agent = new Agent({
      model: new ScriptedModel({ call: "note", input: written }, "."),
      tools: [client],
      printer: false,
    });
    await agent.invoke("Go.");
    expect(came).toEqual([
      { args: { text: "a" }, meta: { traceparent, progressToken: expect.any(Number) as number } },
    ]);
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

const session = { session: "s-1", memory: "training-0123456789", actor: "ann" };
const memory = { name: "test", append: () => Promise.resolve() };

describe("a session", () => {
  it("goes with every call", async () => {
    const { ask } = await start({ calls: { session: () => session } }, [
      { call: "busy", input: { ms: 10 } },
      "Done.",
    ]);
    expect((await ask("Go."))[2]).toContain(
      JSON.stringify(JSON.stringify({ session, done: true })).slice(1, -1),
    );
  });

  it("goes in headers too, for a server that knows only those, of each call its own", async () => {
    const names = { session: "x-session", memory: "x-memory", actor: "x-actor" };
    const [bob, eve] = [
      { ...session, actor: "bob" },
      { session: "s-2", actor: "eve" },
    ];
    const given = [bob, eve, undefined];
    const calls = { session: () => given.shift(), headers: names, asTask: false };
    const go = { call: "whose", input: { ms: 1 } };
    const server = { headers: Object.values(names) };
    const { ask } = await start({ server, calls }, [go, go, go, "Done."]);
    const history = await ask("Go.");
    expect([history[2], history[4], history[6]]).toEqual(
      [bob, eve, {}].map((headers) => `user: result ${JSON.stringify([{ text: JSON.stringify(headers) }])}`),
    );
  });

  it("in headers is refused where there are none", async () => {
    const [near, far] = InMemoryTransport.createLinkedPair();
    const server = new McpServer({ name: "own", version: "1" });
    server.registerTool("now", {}, () => ({ content: [] }));
    await server.connect(far);
    const client = longCalls(new McpClient({ transport: near }), {
      session,
      headers: { session: "x-session" },
    });
    onTestFinished(async () => client.disconnect());
    const agent = new Agent({
      model: new ScriptedModel({ call: "now" }, "."),
      tools: [client],
      printer: false,
    });
    await agent.invoke("Go.");
    expect(outline(agent.messages[2]?.toJSON() as never)).toContain("this one's transport has no headers");
  });
});

describe("a call that was handed over", () => {
  const lines = [{ call: "silent", input: { ms: 1_000 } }, "It is running."];

  it("is over for the model where the server delivers into the session: it is not to ask again", async () => {
    const server = { hold: "50ms", memory } as const;
    const { ask, app } = await start({ server, calls: { session } }, lines);
    const [, , handOver] = await ask("Go.");
    const [task] = (await app.tasks.list()).tasks;
    expect(handOver).toContain(`as task ${task?.id}. Its result comes into this conversation by itself`);
    expect(handOver).not.toMatch(/check_task_status|wait_seconds/);
    expect(task?.session).toEqual(session);
  });

  it.each([
    ["has no memory", { hold: "50ms" }],
    ["delivers nothing of this tool", { hold: "50ms", memory, deliver: "never" }],
  ] as const)("is waited for where the server %s", async (_, server) => {
    const { ask } = await start({ server, calls: { session } }, lines);
    expect((await ask("Go."))[2]).toBe('user: result [{"text":"done"}]');
  });

  it("and is neither delivered nor waited for, the model is told how to ask, where it can", async () => {
    const server = { hold: "50ms" } as const;
    const { ask } = await start({ server, calls: { session, asTask: false } }, lines);
    const [, , handOver] = await ask("Go.");
    expect(handOver).toMatch(/To wait for it, call check_task_status/);
    expect(handOver).not.toContain("comes into this conversation");
    const mute = await start({ server, calls: { session, asTask: false, taskTools: false } }, lines);
    const [, , told] = await mute.ask("Go.");
    expect(told).toContain("Nothing here can ask for its result.");
    expect(told).not.toMatch(/check_task_status|comes into this conversation/);
  });
});

describe("a client of Strands with tasksConfig", () => {
  const config = { tasksConfig: { ttl: 300, pollTimeout: 300 } };

  it("has the limits of longCalls, the progress, and the reason of a failure", async () => {
    const busy = { call: "busy", input: { ms: 1_500 } };
    const lines = [busy, { call: "failing", input: { ms: 1 } }, "Done."];
    const { ask, events, app } = await start(
      { server: { hold: "50ms", memory }, calls: { session }, config },
      lines,
    );
    const history = await ask("Go.");
    expect(history[2]).toContain('done\\":true');
    expect(events.map(({ message }) => message)).toContain("part 4");
    expect(history[4]).toContain("no such dataset");
    expect((await app.tasks.list()).tasks.map((task) => task.session)).toEqual([session, session]);
  });
});

describe("a tool that asks, called as a task", () => {
  const lines = [{ call: "publish", input: {} }, "I see."];

  it("is answered by whom the client asks", async () => {
    const elicitationCallback = async () => ({ action: "accept" as const, content: { go: true } });
    const { ask } = await start({ config: { elicitationCallback } }, lines);
    expect((await ask("Go."))[2]).toContain("published");
  });

  it("is not waited for where nobody would see the question: the model is told", async () => {
    const { ask, app } = await start({ server: { poll: "50ms" } }, lines);
    const [, , told] = await ask("Go.");
    const [task] = (await app.tasks.list()).tasks;
    expect(told).toContain(`task ${task?.id}, waits for an answer`);
    expect(told).toContain("Publish it?");
    expect(task?.status).toBe("input_required");
  });
});

it("an answer is acknowledged, also where the model has no tool to ask after the task", async () => {
  let asked = {};
  const answer = (): Line => ({ call: "answer_task", input: { ...asked, content: { go: true } } });
  const calls = { session, asTask: false, taskTools: ["answer_task"] } as const;
  const { ask, app } = await start({ server: { linger: "10ms", memory }, calls }, [
    { call: "publish", input: {} },
    "It asks.",
    answer,
    "I told it.",
  ]);
  await ask("Publish it.");
  asked = { task_id: (await app.tasks.list()).tasks[0]?.id };
  const told = (await ask("Yes.")).at(-2);
  expect(told).toContain("The answer is taken.");
  expect(told).not.toMatch(/check_task_status|Nothing here can ask/);
});

it("a tool that can only be called as a task is called so, whatever is set", async () => {
  const lines = [{ call: "only", input: { ms: 10 } }, "Done."];
  const { ask } = await start({ calls: { session, asTask: false } }, lines);
  expect((await ask("Go."))[2]).toBe('user: result [{"text":"done"}]');
});

it("the generated tools are all there, or none, or some", async () => {
  const names = async (taskTools: LongCallsOptions["taskTools"]) => {
    const calls = taskTools === undefined ? {} : { taskTools };
    const { client } = await start({ calls }, []);
    return (await client.listTools()).map(({ name }) => name).toSorted();
  };
  const own = ["busy", "failing", "only", "publish", "silent", "whose"];
  expect(await names(false)).toEqual(own);
  expect(await names(["cancel_task"])).toEqual([...own, "cancel_task"].toSorted());
  expect(await names(undefined)).toEqual(expect.arrayContaining([...own, "check_task_status", "list_tasks"]));
});
