/** `openai:URL` and `ollama:MODEL`, against a server that speaks their wire. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { ConverseCommand, type ConverseCommandInput } from "@aws-sdk/client-bedrock-runtime";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startAgentCoreLocal } from "../../local.ts";
import { bedrockOf } from "../client.fixture.ts";

let server: Server;
let url: string;
let answers: { status?: number; body: unknown }[];
const asked: { path: string | undefined; authorization: string | undefined; body: unknown }[] = [];

beforeEach(async () => {
  asked.length = 0;
  answers = [];
  server = createServer((request, response) => {
    const reply = async (): Promise<void> => {
      const body = request.method === "POST" ? await json(request) : undefined;
      asked.push({ path: request.url, authorization: request.headers.authorization, body });
      const { status = 200, body: said } =
        request.url === "/v1/models"
          ? { body: { data: [{ id: "first" }] } }
          : (answers.shift() ?? { body: {} });
      response.writeHead(status).end(typeof said === "string" ? said : JSON.stringify(said));
    };
    void reply();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

async function converse(model: string, input: Partial<ConverseCommandInput> = {}) {
  const local = await startAgentCoreLocal({ model });
  const client = bedrockOf(local);
  onTestFinished(async () => {
    client.destroy();
    await local.close();
  });
  const messages = [{ role: "user" as const, content: [{ text: "Train it." }] }];
  return client.send(new ConverseCommand({ modelId: "any", messages, ...input }));
}

const said = (message: object, more: object = {}) => ({ body: { choices: [{ message, ...more }] } });
const toolConfig = {
  tools: [{ toolSpec: { name: "train", description: "Trains.", inputSchema: { json: { type: "object" } } } }],
};
const parameters = { type: "object" };

describe("openai:URL", () => {
  it("is given the whole conversation in its words, and its call is a call", async () => {
    vi.stubEnv("OPENAI_API_KEY", "k-1");
    const called = { function: { name: "train", arguments: '{"epochs":3}' } };
    answers.push({
      body: {
        choices: [{ finish_reason: "tool_calls", message: { content: "I will.", tool_calls: [called] } }],
        usage: { prompt_tokens: 7, completion_tokens: 2 },
      },
    });
    const answer = await converse(`openai:${url}/v1#small`, {
      system: [{ text: "Be brief." }],
      toolConfig,
      inferenceConfig: { maxTokens: 50, temperature: 0 },
      messages: [
        { role: "user", content: [{ text: "Train it." }] },
        {
          role: "assistant",
          content: [{ toolUse: { toolUseId: "c1", name: "train", input: { epochs: 0 } } }],
        },
        {
          role: "user",
          content: [
            { toolResult: { toolUseId: "c1", status: "error", content: [{ text: "too few" }] } },
            { text: "Take 3." },
          ],
        },
      ],
    });
    expect(answer).toMatchObject({
      stopReason: "tool_use",
      output: {
        message: { content: [{ text: "I will." }, { toolUse: { name: "train", input: { epochs: 3 } } }] },
      },
      usage: { inputTokens: 7, outputTokens: 2 },
    });
    const call = { id: "c1", type: "function", function: { name: "train", arguments: '{"epochs":0}' } };
    expect(asked).toEqual([
      {
        path: "/v1/chat/completions",
        authorization: "Bearer k-1",
        body: {
          model: "small",
          max_tokens: 50,
          temperature: 0,
          tools: [{ type: "function", function: { name: "train", description: "Trains.", parameters } }],
          tool_choice: "auto",
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "Train it." },
            { role: "assistant", content: "", tool_calls: [call] },
            { role: "tool", tool_call_id: "c1", content: "Error: too few" },
            { role: "user", content: "Take 3." },
          ],
        },
      },
    ]);
  });

  it("takes the server's first model where none is named, and must call where it must", async () => {
    answers.push(said({ content: "…" }, { finish_reason: "length" }));
    const answer = await converse(`openai:${url}/v1`, {
      toolConfig: { ...toolConfig, toolChoice: { tool: { name: "train" } } },
    });
    expect(answer.stopReason).toBe("max_tokens");
    expect(asked.map(({ path }) => path)).toEqual(["/v1/models", "/v1/chat/completions"]);
    expect(asked[1]?.body).toMatchObject({
      model: "first",
      tool_choice: { type: "function", function: { name: "train" } },
    });
  });

  it.each<[string, () => void, object]>([
    ["a busy server", () => answers.push({ status: 429, body: "later" }), { name: "ThrottlingException" }],
    ["one that fails", () => answers.push({ status: 500, body: "oh" }), { name: "ModelErrorException" }],
    ["one that is no such", () => answers.push({ body: "<html>" }), { name: "ModelErrorException" }],
    [
      "a call with broken arguments",
      () => answers.push(said({ tool_calls: [{ function: { name: "train", arguments: "{" } }] })),
      { name: "ModelErrorException", message: expect.stringContaining("no JSON object") as string },
    ],
    [
      "nobody there",
      () => server.close(),
      { name: "ModelErrorException", message: expect.stringContaining("ECONNREFUSED") as string },
    ],
  ])("tells of %s", async (_name, prepare, error) => {
    prepare();
    await expect(converse(`openai:${url}/v1#small`)).rejects.toMatchObject(error);
  });
});

it("ollama:MODEL asks Ollama, where OLLAMA_HOST says it is", async () => {
  vi.stubEnv("OLLAMA_HOST", url.replace("http://", ""));
  answers.push(said({ tool_calls: [{ function: { name: "train", arguments: { epochs: 1 } } }] }));
  const answer = await converse("ollama:qwen3:0.6b", { toolConfig });
  expect(answer.output?.message?.content).toMatchObject([
    { toolUse: { name: "train", input: { epochs: 1 } } },
  ]);
  expect(asked).toMatchObject([{ path: "/v1/chat/completions", body: { model: "qwen3:0.6b" } }]);
});

it.each(["openai:", "openai:not a url", "ollama:", "gguf:"])("%j is refused at the start", async (model) => {
  await expect(startAgentCoreLocal({ model })).rejects.toBeInstanceOf(TypeError);
});
