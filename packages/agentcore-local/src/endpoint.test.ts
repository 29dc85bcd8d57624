/** Programs that know nothing of a local AgentCore, turned to it by the environment alone. */
import {
  BatchCreateMemoryRecordsCommand,
  BatchDeleteMemoryRecordsCommand,
  BatchUpdateMemoryRecordsCommand,
  BedrockAgentCoreClient,
  CreateEventCommand,
  DeleteEventCommand,
  DeleteMemoryRecordCommand,
  GetEventCommand,
  GetMemoryRecordCommand,
  IngestDataCommand,
  ListActorsCommand,
  ListEventsCommand,
  ListMemoryExtractionJobsCommand,
  ListMemoryRecordsCommand,
  ListSessionsCommand,
  RetrieveMemoryRecordsCommand,
  StartMemoryExtractionJobCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { AgentCoreMemoryStore } from "bedrock-agentcore/memory/strands";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clientOf } from "./client.fixture.ts";
import { systemClock } from "./clock.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "./local.ts";
import { openMemory } from "./memory/memory.ts";

const session = { memoryId: "training-0123456789", actorId: "ann", sessionId: "session-1" };

let local: AgentCoreLocal;
let asked: Set<string | undefined>;

beforeEach(async () => {
  asked = new Set();
  local = await startAgentCoreLocal({ log: ({ operation }) => void asked.add(operation) });
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

describe.each(["endpoint", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"])("by %s", (setting) => {
  test("the AWS SDK is turned to it with every memory operation", async () => {
    if (setting !== "endpoint") vi.stubEnv(setting, local.url);
    const endpoint = setting === "endpoint" ? { endpoint: local.url } : {};
    const client = new BedrockAgentCoreClient({ region: "us-west-2", maxAttempts: 1, ...endpoint });
    const { memoryId, actorId, sessionId } = session;
    const timestamp = new Date(1_000);
    const payload = [{ conversational: { role: "USER" as const, content: { text: "hello" } } }];
    const { event } = await client.send(
      new CreateEventCommand({ ...session, eventTimestamp: timestamp, payload }),
    );
    const key = { ...session, eventId: event?.eventId };
    expect((await client.send(new GetEventCommand(key))).event).toEqual(event);
    expect((await client.send(new ListEventsCommand(session))).events).toEqual([event]);
    const { sessionSummaries } = await client.send(new ListSessionsCommand({ memoryId, actorId }));
    expect(sessionSummaries).toMatchObject([{ sessionId }]);
    const { actorSummaries } = await client.send(new ListActorsCommand({ memoryId }));
    expect(actorSummaries).toEqual([{ actorId }]);
    expect((await client.send(new DeleteEventCommand(key))).eventId).toBe(key.eventId);

    const record = { requestIdentifier: "r", namespaces: ["/facts"], content: { text: "tea" }, timestamp };
    const written = await client.send(
      new BatchCreateMemoryRecordsCommand({ memoryId, records: [record, record] }),
    );
    const [one = "", two = ""] = (written.successfulRecords ?? []).map(
      ({ memoryRecordId = "" }) => memoryRecordId,
    );
    const update = { memoryRecordId: one, timestamp, content: { text: "green tea" } };
    await client.send(new BatchUpdateMemoryRecordsCommand({ memoryId, records: [update] }));
    const { memoryRecord } = await client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId: one }));
    expect(memoryRecord?.content).toEqual({ text: "green tea" });
    const found = await client.send(
      new RetrieveMemoryRecordsCommand({
        memoryId,
        namespace: "/facts",
        searchCriteria: { searchQuery: "green" },
      }),
    );
    expect(found.memoryRecordSummaries).toMatchObject([{ memoryRecordId: one }]);
    await client.send(new DeleteMemoryRecordCommand({ memoryId, memoryRecordId: one }));
    await client.send(new BatchDeleteMemoryRecordsCommand({ memoryId, records: [{ memoryRecordId: two }] }));
    const listed = await client.send(new ListMemoryRecordsCommand({ memoryId, namespace: "/facts" }));
    expect(listed.memoryRecordSummaries).toEqual([]);

    const source = { inline: { payload } };
    await client.send(new IngestDataCommand({ memoryId, actorId, contentTimestamp: timestamp, source }));
    expect((await client.send(new ListMemoryExtractionJobsCommand({ memoryId }))).jobs).toEqual([]);
    const job = new StartMemoryExtractionJobCommand({ memoryId, extractionJob: { jobId: "job" } });
    await expect(client.send(job)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    client.destroy();

    const memory = openMemory({}, systemClock);
    expect(asked).toEqual(new Set(memory.operations.map(({ name }) => name)));
    memory.close();
  });
});
