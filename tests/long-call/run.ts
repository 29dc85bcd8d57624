/**
 * `npm run test:long-call`: calls of 90 s by a real agent of Strands, one with progress and one without. As it is, Strands
 * cuts both after 60 s. At the same time, on a local AgentCore, a call of 3 minutes, and one of 30 behind a Gateway.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, McpClient } from "@strands-agents/sdk";
import { z } from "zod";
import { startPostgres } from "../../packages/perdure/src/store/postgres/server.fixture.ts";
import { perdure } from "../../packages/perdure/src/index.ts";
import { longCalls } from "../../packages/perdure/src/strands/index.ts";
import { handOverBehindGateway, holdForThreeMinutes } from "./on-agentcore.ts";
import { ScriptedModel } from "../../packages/perdure/src/strands/scripted-model.fixture.ts";

const seconds = 90;
const app = perdure({ name: "long", version: "1.0.0", store: "sqlite::memory:", hold: "3m" });
app.task("busy", { description: "Says what it does.", input: z.object({}) }, async (_, task) => {
  for (let second = 1; second <= seconds; second++) {
    await sleep(1_000);
    task.progress(second, seconds, `second ${second}`);
  }
  return "busy: done";
});
app.task("silent", { description: "Says nothing.", input: z.object({}) }, async () => {
  await sleep(seconds * 1_000);
  return "silent: done";
});
const { url } = await app.listen({ port: 0 });

const postgres = await startPostgres();
try {
  await Promise.all([
    call("busy", seconds - 1),
    call("silent", 1),
    holdForThreeMinutes(postgres.url),
    handOverBehindGateway(postgres.url),
  ]);
} finally {
  await app.close({ drainMs: 0 });
  await postgres.dispose();
}

async function call(tool: string, leastProgress: number): Promise<void> {
  await using client = longCalls(new McpClient({ url }), { asTask: false });
  const model = new ScriptedModel({ call: tool }, "Done.");
  const agent = new Agent({ model, tools: [client], printer: false });
  const begin = performance.now();
  let progress = 0;
  for await (const event of agent.stream("Go.")) if (event.type === "toolStreamUpdateEvent") progress += 1;
  const took = (performance.now() - begin) / 1_000;
  assert(JSON.stringify(agent.messages).includes(`${tool}: done`), JSON.stringify(agent.messages));
  assert(took >= seconds - 1 && progress >= leastProgress, `${took} s, ${progress} times progress`);
  console.log(`${tool}: ${took.toFixed(1)} s, ${progress} signs of life`);
}
