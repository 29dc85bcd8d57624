/** Programs that know nothing of a local AgentCore, turned to it by the environment alone. */
import { BatchCreateMemoryRecordsCommand, ListEventsCommand } from "@aws-sdk/client-bedrock-agentcore";
import { AgentCoreMemoryStore } from "bedrock-agentcore/memory/strands";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clientOf } from "./client.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "./local.ts";

const session = { memoryId: "training-0123456789", actorId: "ann", sessionId: "session-1" };

let local: AgentCoreLocal;

beforeEach(async () => {
  local = await startAgentCoreLocal();
  vi.stubEnv("AWS_ACCESS_KEY_ID", "any");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "any");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await local.close();
});

const message = (role: "user" | "assistant", text: string) => ({ role, content: [{ text }] });

describe.each(["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"])("%s", (variable) => {
  test("turns bedrock-agentcore/memory/strands to it: what it writes is an event, what it searches are records", async () => {
    vi.stubEnv(variable, local.url);
    const namespace = "/facts/{actorId}/";
    const store = new AgentCoreMemoryStore({ ...session, namespace, writable: true, minScore: 0.2 });
    const client = clientOf(local);

    const turns = [message("user", "I like green tea"), message("assistant", "Noted.")];
    const context = { sequenceNumbers: [0, 1] };
    await store.addMessages(turns, context);
    // A second delivery of the same turns carries the same token, and another time.
    await store.addMessages(turns, context);
    const { events = [] } = await client.send(new ListEventsCommand(session));
    expect(events.map(({ payload }) => payload)).toEqual([
      [
        { conversational: { role: "USER", content: { text: "I like green tea" } } },
        { conversational: { role: "ASSISTANT", content: { text: "Noted." } } },
      ],
    ]);

    const record = { requestIdentifier: "r", namespaces: ["/facts/ann/"], timestamp: new Date(0) };
    const records = [{ ...record, content: { text: "Ann likes green tea" } }];
    await client.send(new BatchCreateMemoryRecordsCommand({ memoryId: session.memoryId, records }));
    expect(await store.search("green tea")).toMatchObject([
      { content: "Ann likes green tea", metadata: { _score: 1, _namespaces: ["/facts/ann/"] } },
    ]);
    client.destroy();
  });
});
