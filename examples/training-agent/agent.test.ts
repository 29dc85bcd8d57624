/** The README's three programs, and its two questions; between them the agent is killed. Nothing of it knows of the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startAgentCoreLocal } from "agentcore-local";
import { expect, onTestFinished, test } from "vitest";

const memory = "training-0123456789";

test(
  "an agent starts a training, dies, and its successor knows the result",
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "training-agent-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const local = await startAgentCoreLocal();
    onTestFinished(async () => local.close());
    const env = {
      AWS_ENDPOINT_URL: local.url,
      AWS_REGION: "us-west-2",
      AWS_ACCESS_KEY_ID: "any",
      AWS_SECRET_ACCESS_KEY: "any",
    };
    const [trainerPort, port] = [await freePort(), await freePort()];
    const store = `sqlite:${join(folder, "tasks.db")}`;
    const trainer = { PORT: String(trainerPort), TRAINER_STORE: store, TRAINER_MEMORY: memory };
    start("../model-training/server.ts", { ...env, ...trainer });
    const trainerUrl = `http://127.0.0.1:${trainerPort}`;
    const agent = { ...env, PORT: String(port), TRAINER_URL: `${trainerUrl}/mcp` };
    const url = `http://127.0.0.1:${port}`;
    const first = start("agent.ts", agent);
    await Promise.all([answers(trainerUrl), answers(`${url}/ping`)]);

    expect(await ask(url, "Train a model, epochs 8.")).toContain("runs in the background");
    first.kill("SIGKILL");
    await once(first, "exit");
    start("agent.ts", agent);
    await answers(`${url}/ping`);
    await expect
      .poll(async () => ask(url, "How good is it?"), { timeout: 40_000, interval: 1_000 })
      .toMatch(/accuracy/);
  },
);

function start(program: string, env: NodeJS.ProcessEnv): ChildProcess {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function ask(url: string, prompt: string): Promise<string> {
  const answer = await fetch(`${url}/invocations`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "text/event-stream",
      "x-amzn-bedrock-agentcore-runtime-session-id": "session-of-ann-0123456789-0123456789",
    },
    body: JSON.stringify({ prompt, actor_id: "ann" }),
  });
  const text = await answer.text();
  return text.slice(text.indexOf("event: result"));
}

async function answers(url: string): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(50)) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
  }
  throw new Error(`${url} does not answer`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
