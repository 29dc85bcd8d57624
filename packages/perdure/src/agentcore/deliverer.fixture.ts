/**
 * A server with two tenants that delivers to AgentCore on this machine:
 * `node deliverer.fixture.ts DATABASE_FILE ENDPOINT [before|after]`. Says its address; dies by SIGKILL before it
 * writes its first event, or after that was kept.
 */
import { BedrockAgentCoreClient, CreateEventCommand } from "@aws-sdk/client-bedrock-agentcore";
import { z } from "zod";
import { bearerTokens, perdure } from "../index.ts";
import { agentCoreMemory } from "./index.ts";

const [, , file = "", endpoint = "", death] = process.argv;
const credentials = { accessKeyId: "any", secretAccessKey: "any" };
const inner = new BedrockAgentCoreClient({ endpoint, region: "us-west-2", credentials, maxAttempts: 1 });
const client: Pick<BedrockAgentCoreClient, "send"> = {
  send: async (command: object, options: object) => {
    const writes = command instanceof CreateEventCommand;
    if (writes && death === "before") process.kill(process.pid, "SIGKILL");
    const answer: unknown = await inner.send(command as CreateEventCommand, options);
    if (writes && death === "after") process.kill(process.pid, "SIGKILL");
    return answer;
  },
};

const app = perdure({
  name: "deliverer",
  version: "1.0.0",
  store: `sqlite:${file}`,
  auth: bearerTokens({ "token-of-ada": "ada", "token-of-bob": "bob" }),
  session: {
    composite: true,
    headers: { session: "x-session", memory: "x-memory", actor: "x-actor" },
  },
  memory: agentCoreMemory({ client, patience: { agent: 0, reply: 0 } }),
  deliver: "always",
  delivery: { rate: 1_000, timeout: "1s" },
});
app.task(
  "train",
  { description: "Trains.", input: z.object({ text: z.string(), bytes: z.int().optional() }) },
  ({ text, bytes = 0 }) => text + "x".repeat(bytes),
);

void app.listen({ port: 0 }).then(({ url }) => process.stdout.write(`${url}\n`));
