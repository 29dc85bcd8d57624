/** Whose conversation an invocation is of, where callers are authenticated, and in whose name its tools are called. */
import { once } from "node:events";
import { createServer } from "node:net";
import { Agent, BeforeModelCallEvent } from "@strands-agents/sdk";
import type { BedrockAgentCoreApp } from "bedrock-agentcore/runtime";
import { expect, onTestFinished, test, vi } from "vitest";
import { platformAuth } from "../agentcore/index.ts";
import { bearerTokens } from "../wire/http/authenticate.ts";
import { agentApp } from "./agent-app.ts";
import { ScriptedModel } from "./scripted-model.fixture.ts";
import { startSession } from "./session.fixture.ts";

test("the principal is the actor, and a call has the headers of the invocation that runs", async () => {
  const session = await startSession();
  const { memoryId, actorId, sessionId } = session.place;
  const named: unknown[] = [];
  const app = await agentApp(
    ({ sessionManager, session: { actor }, header }) => {
      const model = new ScriptedModel("Hello.", "Hello again.");
      const agent = new Agent({ model, plugins: [sessionManager], printer: false });
      agent.addHook(BeforeModelCallEvent, () => void named.push([actor, header("authorization")]));
      return agent;
    },
    {
      memoryId,
      auth: bearerTokens({ first: actorId, renewed: actorId, e: "eve" }),
      manager: { client: session.client, wait: "1s" },
      config: { logging: { enabled: false } },
    },
  );
  const url = await run(app);
  const ask = async (token: string | undefined, payload: object) => {
    const answer = await fetch(`${url}/invocations`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        "x-amzn-bedrock-agentcore-runtime-session-id": sessionId,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ prompt: "I am here.", ...payload }),
    });
    return answer.text();
  };
  expect(await ask("first", {})).toContain("Hello.");
  expect(await ask("renewed", { actor_id: actorId })).toContain("Hello again.");
  expect(await ask("e", { actor_id: actorId })).toContain("actor_id must be the principal");
  expect(await ask("unknown", {})).toContain("not authenticated");
  expect(await ask(undefined, { actor_id: actorId })).toContain("not authenticated");
  expect(named).toEqual([
    [actorId, "Bearer first"],
    [actorId, "Bearer renewed"],
  ]);
});

test("tokens that a platform would have verified are believed on a platform only", async () => {
  const make = (): Agent => new Agent();
  await expect(agentApp(make, { auth: platformAuth() })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  vi.stubEnv("PERDURE_HOSTING", "agentcore-runtime");
  onTestFinished(() => void vi.unstubAllEnvs());
  await agentApp(make, { auth: platformAuth(), config: { logging: { enabled: false } } });
});

async function run(app: BedrockAgentCoreApp): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  app.run({ port, host: "127.0.0.1" });
  onTestFinished(() => (app as unknown as Record<string, { close(): Promise<void> }>)["_app"]?.close());
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/ping`)).status).toBe(200), 5_000);
  return url;
}
