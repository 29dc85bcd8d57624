/** `gguf:FILE`, without a model: `npm run test:model` tries it with one. */
import { fileURLToPath } from "node:url";
import { ConverseCommand } from "@aws-sdk/client-bedrock-runtime";
import { expect, it, onTestFinished } from "vitest";
import { startAgentCoreLocal } from "../../local.ts";
import { bedrockOf } from "../client.fixture.ts";
import { toHistory } from "./gguf.ts";

async function converse(model: string) {
  const local = await startAgentCoreLocal({ model });
  const client = bedrockOf(local);
  onTestFinished(async () => {
    client.destroy();
    await local.close();
  });
  const json = { type: "object", properties: { epochs: { type: "integer" } }, required: ["epochs"] };
  return client.send(
    new ConverseCommand({
      modelId: "any",
      messages: [{ role: "user", content: [{ text: "Call the tool train with 3 epochs." }] }],
      toolConfig: { tools: [{ toolSpec: { name: "train", description: "Trains.", inputSchema: { json } } }] },
      inferenceConfig: { temperature: 0, maxTokens: 200 },
    }),
  );
}

it("without node-llama-cpp it says what to install", async () => {
  await expect(converse(`gguf:${fileURLToPath(import.meta.url)}`)).rejects.toMatchObject({
    name: "ModelNotReadyException",
    message: expect.stringContaining("npm install node-llama-cpp") as string,
  });
});

it("a conversation is told as node-llama-cpp has it: a call with its result, in what the model said", () => {
  const history = toHistory("Be brief.", [
    { role: "user", content: [{ text: "Train." }] },
    {
      role: "assistant",
      content: [{ text: "I will." }, { toolUse: { toolUseId: "c1", name: "train", input: { epochs: 3 } } }],
    },
    { role: "user", content: [{ toolResult: { toolUseId: "c1", content: [{ text: "started" }] } }] },
  ]);
  expect(history).toEqual([
    { type: "system", text: "Be brief." },
    { type: "user", text: "Train." },
    {
      type: "model",
      response: [
        "I will.",
        { type: "functionCall", name: "train", params: { epochs: 3 }, result: "started" },
      ],
    },
  ]);
});
