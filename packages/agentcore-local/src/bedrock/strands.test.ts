/** The unmodified `BedrockModel` of Strands, turned here by nothing but the endpoint setting. */
import { Agent, BedrockModel, tool } from "@strands-agents/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

let local: AgentCoreLocal;

beforeEach(async () => {
  local = await startAgentCoreLocal();
  vi.stubEnv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", local.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "any");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "any");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await local.close();
});

test.each([true, false])(
  "calls a tool, is given its result, and tells it (streaming: %s)",
  async (stream) => {
    const given: unknown[] = [];
    const trainModel = tool({
      name: "train_model",
      description: "Trains a classifier.",
      inputSchema: z.object({ dataset: z.string(), epochs: z.int() }),
      callback: (input) => {
        given.push(input);
        return { accuracy: 0.93 };
      },
    });
    const agent = new Agent({
      model: new BedrockModel({ modelId: "any", region: "us-west-2", stream }),
      systemPrompt: "You train classifiers.",
      tools: [trainModel],
      printer: false,
    });
    const { stopReason, lastMessage } = await agent.invoke("Train a classifier on mnist for 3 epochs.");
    expect(given).toEqual([{ dataset: "mnist", epochs: 3 }]);
    expect(stopReason).toBe("endTurn");
    expect(lastMessage.content).toMatchObject([{ text: expect.stringContaining("accuracy 0.93") as string }]);
  },
);
