/** Converse and ConverseStream, as the unmodified SDK sees them, over HTTP/2 and HTTP/1.1. */
import {
  type BedrockRuntimeClient,
  type ConverseCommandInput,
  ConverseCommand,
  ConverseStreamCommand,
  type ConverseStreamOutput,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { afterEach, describe, expect, it } from "vitest";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";
import { ServiceError } from "../service-error.ts";
import { bedrockOf } from "./client.fixture.ts";
import type { Model, Piece } from "./model.ts";

let local: AgentCoreLocal;
const clients: BedrockRuntimeClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await local.close();
});

const input: ConverseCommandInput = {
  modelId: "arn:aws:bedrock:us-west-2:123456789012:inference-profile/any.model-v1:0",
  messages: [{ role: "user", content: [{ text: "Hello" }] }],
};

async function speaking(pieces: Model["generate"], protocol: "HTTP/2" | "HTTP/1.1" = "HTTP/2") {
  local = await startAgentCoreLocal({ model: { name: "of a test", generate: pieces } });
  const client = bedrockOf(local, protocol === "HTTP/2" ? {} : { requestHandler: new NodeHttpHandler() });
  clients.push(client);
  return client;
}

async function* said(...pieces: readonly Piece[]): AsyncGenerator<Piece> {
  yield* pieces;
}

async function eventsOf(client: BedrockRuntimeClient): Promise<ConverseStreamOutput[]> {
  const { stream } = await client.send(new ConverseStreamCommand(input));
  const events: ConverseStreamOutput[] = [];
  for await (const event of stream ?? []) events.push(event);
  return events;
}

const pieces: readonly Piece[] = [
  { text: "I will " },
  { text: "train." },
  { toolUse: { name: "train_model", input: { epochs: 3 } } },
  { toolUse: { name: "train_model", input: {} } },
];
const toolUseId = expect.stringMatching(/^tooluse_[\w-]{22}$/) as string;

describe.each(["HTTP/2", "HTTP/1.1"] as const)("over %s", (protocol) => {
  it("answers Converse with the blocks of the model", async () => {
    const client = await speaking(() => said(...pieces), protocol);
    const answer = await client.send(new ConverseCommand(input));
    expect(answer.output?.message).toEqual({
      role: "assistant",
      content: [
        { text: "I will train." },
        { toolUse: { toolUseId, name: "train_model", input: { epochs: 3 } } },
        { toolUse: { toolUseId, name: "train_model", input: {} } },
      ],
    });
    expect(answer.stopReason).toBe("tool_use");
    const { inputTokens = 0, outputTokens = 0, totalTokens } = answer.usage ?? {};
    expect(totalTokens).toBe(inputTokens + outputTokens);
  });

  it("streams ConverseStream as the service does: blocks in order, stop, metadata", async () => {
    const client = await speaking(() => said(...pieces), protocol);
    expect(await eventsOf(client)).toMatchObject([
      { messageStart: { role: "assistant" } },
      { contentBlockDelta: { contentBlockIndex: 0, delta: { text: "I will " } } },
      { contentBlockDelta: { contentBlockIndex: 0, delta: { text: "train." } } },
      { contentBlockStop: { contentBlockIndex: 0 } },
      { contentBlockStart: { contentBlockIndex: 1, start: { toolUse: { toolUseId, name: "train_model" } } } },
      { contentBlockDelta: { contentBlockIndex: 1, delta: { toolUse: { input: '{"epochs":3}' } } } },
      { contentBlockStop: { contentBlockIndex: 1 } },
      { contentBlockStart: { contentBlockIndex: 2 } },
      { contentBlockDelta: { contentBlockIndex: 2, delta: { toolUse: { input: "{}" } } } },
      { contentBlockStop: { contentBlockIndex: 2 } },
      { messageStop: { stopReason: "tool_use" } },
      { metadata: { usage: { inputTokens: expect.any(Number) as number } } },
    ]);
  });
});

describe("a stream", () => {
  it("comes as the model speaks, not when it has spoken", async () => {
    const next = Promise.withResolvers<void>();
    const client = await speaking(async function* slow() {
      yield { text: "one" };
      await next.promise;
      yield { text: "two" };
    });
    const { stream } = await client.send(new ConverseStreamCommand(input));
    const texts: string[] = [];
    for await (const { contentBlockDelta } of stream ?? []) {
      if (contentBlockDelta?.delta?.text === undefined) continue;
      texts.push(contentBlockDelta.delta.text);
      next.resolve();
    }
    expect(texts).toEqual(["one", "two"]);
  });

  it("ends its model when the caller goes", async () => {
    const gone = Promise.withResolvers<void>();
    const client = await speaking(async function* endless(_, signal) {
      signal.addEventListener("abort", () => gone.resolve());
      while (!signal.aborted) {
        yield { text: "on " };
        await new Promise(setImmediate);
      }
    });
    const abort = new AbortController();
    const { stream } = await client.send(new ConverseStreamCommand(input), { abortSignal: abort.signal });
    for await (const _ of stream ?? []) {
      abort.abort();
      break;
    }
    await expect(gone.promise).resolves.toBeUndefined();
  });

  it("tells of an error in its middle as an exception of the stream", async () => {
    const client = await speaking(async function* broken() {
      yield { text: "one" };
      throw new ServiceError("ModelErrorException", "it broke");
    });
    await expect(eventsOf(client)).rejects.toMatchObject({
      name: "ModelStreamErrorException",
      message: "it broke",
    });
  });

  it("is none where the error comes first", async () => {
    const client = await speaking(async function* broken() {
      yield* [];
      throw new ServiceError("ThrottlingException", "too many");
    });
    await expect(eventsOf(client)).rejects.toMatchObject({
      name: "ThrottlingException",
      $metadata: { httpStatusCode: 429 },
    });
  });
});

describe("an answer", () => {
  it("says which model spoke, in a header", async () => {
    local = await startAgentCoreLocal();
    expect(local.model).toBe("scripted");
    const { headers } = await fetch(`${local.url}/model/any/converse`, {
      method: "POST",
      body: JSON.stringify({ messages: input.messages }),
    });
    expect(headers.get("x-agentcore-local-model")).toBe("scripted");
  });

  it("has nothing of an error that nobody expected", async () => {
    const client = await speaking(async function* broken() {
      yield* [];
      throw new Error("a secret");
    });
    await expect(client.send(new ConverseCommand(input))).rejects.toMatchObject({
      name: "InternalServerException",
      message: expect.not.stringContaining("secret") as string,
    });
  });

  it("tells why it stopped, and what the model counted", async () => {
    const client = await speaking(() =>
      said({ text: "…" }, { stop: "max_tokens" }, { usage: { inputTokens: 7, outputTokens: 1 } }),
    );
    expect(await client.send(new ConverseCommand(input))).toMatchObject({
      stopReason: "max_tokens",
      usage: { inputTokens: 7, outputTokens: 1, totalTokens: 8 },
    });
  });

  it("meets a planted fault", async () => {
    const client = await speaking(() => said({ text: "Hello." }));
    local.faults.next({ operation: "Converse", error: "ThrottlingException" });
    await expect(client.send(new ConverseCommand(input))).rejects.toThrow("planted");
    await client.send(new ConverseCommand(input));
  });
});

it("refuses a model that it does not understand", async () => {
  await expect(startAgentCoreLocal({ model: "gpt" })).rejects.toThrow('"gpt" came');
  local = await startAgentCoreLocal();
});
