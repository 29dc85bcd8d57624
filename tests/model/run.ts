/**
 * `npm run test:model`: the story with a real model. A user asks an agent of Strands for a training; the tool hands over,
 * the agent is gone, the result comes to its memory; an agent made anew is asked for the accuracy. Whether a small model
 * gets it right is luck, so it is played 20 times (`-- --runs N`) and the rate of success is told. What counts: the tool
 * was called with valid arguments; later the answer holds the accuracy; no tool was asked for a status.
 *
 * The model is named by PERDURE_MODEL, as `--model` of agentcore-local takes it: `gguf:FILE`, `ollama:MODEL`,
 * `openai:URL#MODEL`. Without one nothing is tried, and that is said. `scripted` shows that the story itself is sound.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { BedrockAgentCoreClient, ListEventsCommand } from "@aws-sdk/client-bedrock-agentcore";
import { Agent, BedrockModel, McpClient, type MessageData } from "@strands-agents/sdk";
import { z } from "zod";
import { startAgentCoreLocal } from "../../packages/agentcore-local/src/index.ts";
import { agentCoreMemory } from "../../packages/perdure/src/agentcore/index.ts";
import { perdure } from "../../packages/perdure/src/index.ts";
import { AgentCoreSessionManager, longCalls } from "../../packages/perdure/src/strands/index.ts";

const named = process.env["PERDURE_MODEL"];
const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);

const memoryId = "training-0123456789";
const actorId = "ann";
const accuracy = 0.9371;
/** Of a real model too, unless it is slow. */
const deliveredMs = 60_000;

if (named === undefined) {
  console.log(
    "SKIPPED: no real model was tried. PERDURE_MODEL=gguf:FILE (with node-llama-cpp), ollama:MODEL or openai:URL names one.",
  );
} else {
  await playAll(named);
}

async function playAll(model: string): Promise<void> {
  await using local = await startAgentCoreLocal({ model });
  process.env["AWS_ENDPOINT_URL"] = local.url;
  process.env["AWS_REGION"] = "us-west-2";
  process.env["AWS_ACCESS_KEY_ID"] = process.env["AWS_SECRET_ACCESS_KEY"] = "any";
  const app = perdure({
    name: "trainer",
    version: "1.0.0",
    store: "sqlite::memory:",
    memory: agentCoreMemory({ memoryId }),
    delivery: { grace: "0s", rate: 10 },
  });
  app.task(
    "train_model",
    {
      description: "Train a classifier on a data set. Takes a while, in the background.",
      input: z.object({
        dataset: z.string().describe("The name of the data set"),
        epochs: z.int().min(1).max(100),
      }),
      start: "background",
    },
    async (input, task) => {
      await task.sleep("100ms");
      return { ...input, accuracy };
    },
  );
  const { url } = await app.listen({ port: 0 });
  const failures: string[] = [];
  for (let run = 1; run <= runs; run++) {
    const failure = await play(url, `session-${run}`).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    console.log(`${run}/${runs}: ${failure === undefined ? "told the accuracy" : failure.slice(0, 300)}`);
    if (failure !== undefined) failures.push(failure);
  }
  await app.close({ drainMs: 0 });
  const succeeded = runs - failures.length;
  console.log(`${model}: ${succeeded} of ${runs} (${Math.round((100 * succeeded) / runs)} %)`);
  // The scripted one has no luck to wait for.
  if (succeeded < (model === "scripted" ? runs : 1)) process.exitCode = 1;
}

async function play(url: string, sessionId: string): Promise<void> {
  const asked = await say(url, sessionId, "Train a classifier on the data set mnist, for 3 epochs.");
  const [input] = callsIn(asked).filter(({ name }) => name === "train_model");
  assert(input !== undefined, `train_model was not called: ${lastText(asked)}`);
  assert.deepEqual(input.input, { dataset: "mnist", epochs: 3 });
  await delivered(sessionId);

  const answered = await say(url, sessionId, "What accuracy did the training reach?");
  assert.match(lastText(answered), /0\.937|93\.7/, `it told no accuracy: ${lastText(answered)}`);
  const statusTools = callsIn(answered).filter(({ name }) => /check_task_status|get_task_results/.test(name));
  assert.deepEqual(statusTools, [], "a tool was asked for a status");
}

/** By an agent of its own, which is gone afterwards. */
async function say(url: string, sessionId: string, prompt: string): Promise<MessageData[]> {
  const session = { session: sessionId, memory: memoryId, actor: actorId };
  await using client = longCalls(new McpClient({ url }), { session });
  const sessionManager = new AgentCoreSessionManager({ memoryId, actorId, sessionId });
  const agent = new Agent({
    model: new BedrockModel({ modelId: "local", temperature: 0.2, maxTokens: 400 }),
    systemPrompt: "You train classifiers by your tools, and answer in a sentence or two.",
    tools: [client],
    plugins: [sessionManager],
    printer: false,
  });
  await agent.invoke(prompt);
  await sessionManager.flush();
  return agent.messages.map((message) => message.toJSON());
}

/** Until the result is an event of the session. */
async function delivered(sessionId: string): Promise<void> {
  const client = new BedrockAgentCoreClient({});
  const until = performance.now() + deliveredMs;
  try {
    while (performance.now() < until) {
      const { events = [] } = await client.send(new ListEventsCommand({ memoryId, actorId, sessionId }));
      if (events.some(({ metadata }) => metadata?.["taskId"] !== undefined)) return;
      await sleep(100);
    }
  } finally {
    client.destroy();
  }
  throw new Error("the result did not come to the memory");
}

function callsIn(messages: readonly MessageData[]) {
  return messages.flatMap(({ content }) =>
    content.flatMap((block) => ("toolUse" in block ? [block.toolUse] : [])),
  );
}

function lastText(messages: readonly MessageData[]): string {
  const { content = [] } = messages.at(-1) ?? {};
  return content.flatMap((block) => ("text" in block ? [block.text] : [])).join("\n");
}
