/** What is refused of a conversation, and why: as an agent is told, over the SDK. */
import {
  type ConverseCommandInput,
  ConverseCommand,
  type Message,
  type Tool,
} from "@aws-sdk/client-bedrock-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";
import { bedrockOf } from "./client.fixture.ts";

let local: AgentCoreLocal;
let client: ReturnType<typeof bedrockOf>;

beforeAll(async () => {
  local = await startAgentCoreLocal();
  client = bedrockOf(local);
});

afterAll(async () => {
  client.destroy();
  await local.close();
});

const user = (...content: NonNullable<Message["content"]>): Message => ({ role: "user", content });
const assistant = (...content: NonNullable<Message["content"]>): Message => ({ role: "assistant", content });
const text = (said: string) => ({ text: said });
const use = (toolUseId: string) => ({ toolUse: { toolUseId, name: "train", input: {} } });
const result = (toolUseId: string) => ({ toolResult: { toolUseId, content: [{ text: "done" }] } });
const tool: Tool = { toolSpec: { name: "train", inputSchema: { json: { type: "object" } } } };
const toolConfig = { tools: [tool] };

const ask = (input: Omit<ConverseCommandInput, "modelId">) =>
  client.send(new ConverseCommand({ modelId: "any", ...input }));

test.each<[string, Message[]]>([
  ["a question", [user(text("Hello"))]],
  ["a call and its result", [user(text("a")), assistant(use("1")), user(result("1"))]],
  [
    "several calls, results in another order, and words of the user behind them",
    [user(text("a")), assistant(text("b"), use("1"), use("2")), user(result("2"), result("1"), text("c"))],
  ],
])("%s is taken", async (_name, messages) => {
  expect((await ask({ messages, toolConfig })).output?.message?.content).not.toHaveLength(0);
});

test.each<[string, Message[], RegExp]>([
  ["nothing", [], /must have at least one message/],
  ["an empty message", [user()], /^The content field in the Message object at messages\.0 is empty\./],
  ["a blank text", [user(text(" \n"))], /at messages\.0\.content\.0 is blank/],
  ["an assistant who begins", [assistant(text("a"))], /must start with a user message/],
  [
    "two users in a row",
    [user(text("a")), user(text("b"))],
    /must alternate between user and assistant roles/,
  ],
  ["an assistant who is last", [user(text("a")), assistant(text("b"))], /must end with a user message/],
  ["a user who calls", [user(use("1"))], /toolUse block at messages\.0\.content\.0 is only allowed/],
  [
    "a call without a result",
    [user(text("a")), assistant(use("1"), use("2")), user(result("1"))],
    /^Expected toolResult blocks at messages\.2\.content for the following Ids: 2$/,
  ],
  [
    "a result without a call",
    [user(text("a")), assistant(text("b")), user(result("1"))],
    /exceeds the number of toolUse blocks/,
  ],
  [
    "two results of one call",
    [user(text("a")), assistant(use("1")), user(result("1"), result("1"))],
    /contain duplicate Ids: 1/,
  ],
  [
    "two calls with one id",
    [user(text("a")), assistant(use("1"), use("1")), user(result("1"))],
    /messages\.1\.content contain duplicate Ids/,
  ],
])("%s is refused", async (_name, messages, message) => {
  await expect(ask({ messages, toolConfig })).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message) as string,
  });
});

test("tool blocks need tools", async () => {
  const messages = [user(text("a")), assistant(use("1")), user(result("1"))];
  await expect(ask({ messages })).rejects.toThrow("The toolConfig field must be defined");
});

test.each<[string, ConverseCommandInput["toolConfig"], RegExp]>([
  ["no tools", { tools: [] }, /'toolConfig\.tools' failed/],
  ["one name twice", { tools: [tool, tool] }, /two tools with the name train/],
  ["a choice that is not there", { tools: [tool], toolChoice: { tool: { name: "other" } } }, /names other/],
  [
    "a name that is none",
    { tools: [{ toolSpec: { name: "a b", inputSchema: { json: {} } } }] },
    /regular expression pattern/,
  ],
])("of the tools, %s is refused", async (_name, tools, message) => {
  await expect(ask({ messages: [user(text("a"))], toolConfig: tools })).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringMatching(message) as string,
  });
});

test("a temperature above one is refused", async () => {
  const inferenceConfig = { temperature: 1.5 };
  await expect(ask({ messages: [user(text("a"))], inferenceConfig })).rejects.toThrow(
    "less than or equal to 1",
  );
});
