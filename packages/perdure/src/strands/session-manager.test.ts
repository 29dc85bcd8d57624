import { tool } from "@strands-agents/sdk";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { parseItem } from "../agentcore/session-format.ts";
import { said, startSession } from "./session.fixture.ts";

const add = tool({
  name: "add",
  description: "Adds.",
  inputSchema: z.object({ a: z.number() }),
  callback: ({ a }) => `${a + 1}`,
});
const fail = tool({
  name: "fail",
  description: "Fails.",
  inputSchema: z.object({}),
  callback: (): string => {
    throw new Error("no disk");
  },
});

describe("a conversation", () => {
  it("is kept as it is led, and another agent goes on with it", async () => {
    const session = await startSession();
    const first = session.agent(
      ["Hello Ann.", { call: "add", input: { a: 1 } }, "It is 2."],
      {},
      { tools: [add] },
    );
    await first.agent.invoke("I am Ann.");
    await first.agent.invoke("What is 1 + 1?");
    const led = [
      "user: I am Ann.",
      "assistant: Hello Ann.",
      "user: What is 1 + 1?",
      "assistant: calls add",
      'user: result [{"text":"2"}]',
      "assistant: It is 2.",
    ];
    expect(await session.kept()).toEqual(led);
    const second = session.agent(["You are Ann."]);
    await second.agent.invoke("Who am I?");
    expect(second.history()).toEqual([...led, "user: Who am I?", "assistant: You are Ann."]);
    expect(session.logged).toEqual([]);
  });

  it("keeps a call and its result in one event, and begins with the markers", async () => {
    const session = await startSession();
    const { agent } = session.agent([{ call: "fail" }, "It failed."], {}, { tools: [fail] });
    await agent.invoke("Try.");
    const events = (await session.events()).map(({ payload = [] }) => payload.map(parseItem));
    const kinds = events.map((items) => items.map((item) => item?.kind));
    expect(kinds.flat()).toEqual(["session", "agent", "message", "message", "message", "message"]);
    expect(kinds).toContainEqual(expect.arrayContaining(["message", "message"]));
    expect(JSON.stringify(events)).toContain('"status":"error"');
    const restored = session.agent();
    await restored.agent.initialize();
    expect(JSON.stringify(restored.agent.messages)).toContain('"status":"error"');
  });

  it("that an agent was made with is kept, where the session is new", async () => {
    const session = await startSession();
    const messages = [
      { role: "user" as const, content: [{ text: "Earlier." }] },
      { role: "assistant" as const, content: [{ text: "Yes." }] },
    ];
    await session.agent(["Now."], {}, { messages }).agent.invoke("And now?");
    expect(await session.kept()).toEqual([
      "user: Earlier.",
      "assistant: Yes.",
      "user: And now?",
      "assistant: Now.",
    ]);
  });

  it("is restored to a window that begins where the user speaks", async () => {
    const session = await startSession();
    const start = Date.now() - 1_000_000;
    for (let turn = 0; turn < 70; turn++) {
      const call = { toolUse: { toolUseId: "t", name: "add", input: {} } };
      const result = { toolResult: { toolUseId: "t", status: "success", content: [{ text: `${turn}` }] } };
      await session.write([said("user", { text: `question ${turn}` })], start + turn * 10);
      await session.write([said("assistant", call)], start + turn * 10 + 1);
      await session.write([said("user", result)], start + turn * 10 + 2);
      await session.write([said("assistant", { text: `answer ${turn}` })], start + turn * 10 + 3);
    }
    const whole = session.agent([], { window: 1_000 });
    await whole.agent.initialize();
    expect(whole.agent.messages).toHaveLength(280);
    const some = session.agent([], { window: 6 });
    await some.agent.initialize();
    expect(some.history()[0]).toBe("user: question 69");
    const short = session.agent(["More."], { window: 1 });
    await short.agent.invoke("Go on.");
    // What is older than the window is not news to an agent that lives.
    expect(short.history()).toEqual([
      "user: question 69",
      "assistant: calls add",
      'user: result [{"text":"69"}]',
      "assistant: answer 69",
      "user: Go on.",
      "assistant: More.",
    ]);
    await session.deliver("news");
    await short.agent.invoke("Well?");
    expect(short.history().slice(5)).toEqual([
      "assistant: More.",
      "user: news | Well?",
      "assistant: Nothing more.",
    ]);
  });

  it("gives the agent its state back", async () => {
    const session = await startSession();
    const { agent } = session.agent(["Noted."]);
    agent.appState.set("colour", { favourite: "green" });
    await agent.invoke("Green.");
    const again = session.agent(["Yes."]);
    await again.agent.invoke("Do you know?");
    expect(again.agent.appState.getAll()).toEqual({ colour: { favourite: "green" } });
    const markers = (await session.events()).filter(({ metadata }) => metadata?.["stateType"]);
    expect(markers.map(({ metadata }) => metadata?.["stateType"]?.stringValue)).toEqual(["SESSION", "AGENT"]);
  });

  it("of two agents in one session is kept apart, and both hear what tasks deliver", async () => {
    const session = await startSession();
    const [cook, driver] = [
      session.agent(["Soup."], { agentId: "cook" }),
      session.agent(["A bus."], { agentId: "driver" }),
    ];
    await Promise.all([cook.agent.invoke("What is for dinner?"), driver.agent.invoke("How do I get there?")]);
    await session.deliver("The shop is closed.");
    const again = session.agent(["Bread, then."], { agentId: "cook" });
    await again.agent.invoke("And now?");
    expect(again.history()).toEqual([
      "user: What is for dinner?",
      "assistant: Soup.",
      "user: The shop is closed. | And now?",
      "assistant: Bread, then.",
    ]);
  });
});

describe("what others write", () => {
  it("reaches a living agent before its next turn, once", async () => {
    const session = await startSession();
    const { agent, model, history } = session.agent(["Started.", "It is done.", "As I said."]);
    await agent.invoke("Train a model.");
    await session.deliver("[train_model] accuracy 0.98");
    await agent.invoke("Is it done?");
    await agent.invoke("Sure?");
    expect(model.asked.at(-1)).toHaveLength(5);
    expect(history()).toEqual([
      "user: Train a model.",
      "assistant: Started.",
      "user: [train_model] accuracy 0.98 | Is it done?",
      "assistant: It is done.",
      "user: Sure?",
      "assistant: As I said.",
    ]);
    expect(await session.kept()).toEqual([
      "user: Train a model.",
      "assistant: Started.",
      "user: [train_model] accuracy 0.98",
      "user: Is it done?",
      "assistant: It is done.",
      "user: Sure?",
      "assistant: As I said.",
    ]);
  });

  it("reaches it although it is dated before what the agent knows, and only once of two copies", async () => {
    const session = await startSession();
    const { agent, history } = session.agent(["One.", "Two."]);
    await agent.invoke("First.");
    const item = said("user", { text: "late" });
    await session.write([item], Date.now() - 60_000);
    await session.write([item], Date.now() - 30_000);
    await agent.invoke("Second.");
    expect(history()).toEqual(["user: First.", "assistant: One.", "user: late | Second.", "assistant: Two."]);
    const again = session.agent();
    await again.agent.initialize();
    expect(again.history()).toEqual([
      "user: late | First.",
      "assistant: One.",
      "user: Second.",
      "assistant: Two.",
    ]);
  });

  it("between a call and its result goes behind them", async () => {
    const session = await startSession();
    const at = Date.now() - 1_000;
    await session.deliver("Go.", at);
    await session.write([said("assistant", { toolUse: { toolUseId: "1", name: "add", input: {} } })], at + 1);
    await session.deliver("delivered", at + 2);
    const result = { toolUseId: "1", status: "success", content: [{ text: "2" }] };
    await session.write([said("user", { toolResult: result })], at + 3);
    const { agent, history } = session.agent(["Fine."]);
    await agent.invoke("Well?");
    expect(history()).toEqual([
      "user: Go.",
      "assistant: calls add",
      'user: result [{"text":"2"}] | delivered | Well?',
      "assistant: Fine.",
    ]);
  });

  it("is waited for where a call has no result yet", async () => {
    const session = await startSession();
    const { agent, history } = session.agent(["One.", "Two.", "Three."]);
    await agent.invoke("First.");
    await session.write([said("assistant", { toolUse: { toolUseId: "1", name: "add", input: {} } })]);
    await agent.invoke("Second.");
    expect(history()).toHaveLength(4);
    const result = { toolUseId: "1", status: "success", content: [{ text: "2" }] };
    await session.write([said("user", { toolResult: result })]);
    await agent.invoke("Third.");
    expect(history().slice(3)).toEqual([
      "assistant: Two. | calls add",
      'user: result [{"text":"2"}] | Third.',
      "assistant: Three.",
    ]);
  });

  it.each([
    ["plain text", [{ conversational: { role: "USER", content: { text: "hello" } } }]],
    ["an object as blob", [{ blob: { message: { role: "user", content: [{ text: "x" }] } } }]],
    ["a blob of text", [{ blob: "not JSON" }]],
    ["a message without content", [{ blob: '["{\\"message\\":{\\"role\\":\\"user\\"}}","user"]' }]],
    [
      "blocks of no kind",
      [said("user", { hologram: {} }, { toolUse: {} }, { image: { source: {} } }, { text: 7 })],
    ],
    ["a tool result without a call", [said("user", { toolResult: { toolUseId: "x", content: [] } })]],
  ])("of another format costs nothing else: %s", async (_, payload) => {
    const session = await startSession();
    await session.deliver("before", Date.now() - 2_000);
    await session.write(payload, Date.now() - 1_000);
    await session.write([{ json: { content: { progress: 3 } } }], Date.now() - 900);
    const { agent, history } = session.agent(["Yes."]);
    await agent.invoke("after");
    expect(history()).toEqual(["user: before | after", "assistant: Yes."]);
    const isLogged = session.logged.some(({ message }) => message.includes("is passed over"));
    expect(isLogged).toBe(!_.includes("without a call"));
  });
});

test("what a guardrail blocks is withdrawn from memory", async () => {
  const session = await startSession();
  const { agent } = session.agent(["Hello.", { blocked: "I cannot.", instead: "[blocked]" }]);
  await agent.invoke("Hello.");
  await agent.invoke("my secret number is 4711");
  expect(await session.kept()).toEqual([
    "user: Hello.",
    "assistant: Hello.",
    "user: [blocked]",
    "assistant: I cannot.",
  ]);
  expect(JSON.stringify(await session.events())).not.toContain("4711");
  const again = session.agent();
  await again.agent.initialize();
  expect(again.history()[2]).toBe("user: [blocked]");
});
