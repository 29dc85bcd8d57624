import {
  type BedrockAgentCoreClient,
  CreateEventCommand,
  type CreateEventCommandInput,
  DeleteEventCommand,
  GetMemoryRecordCommand,
  ListActorsCommand,
  ListEventsCommand,
  type ListEventsCommandInput,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

const memoryId = "training-0123456789";
const session = { memoryId, actorId: "ann", sessionId: "session-1" };

let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;

beforeAll(async () => {
  local = await startAgentCoreLocal();
  client = clientOf(local);
});

afterAll(async () => {
  client.destroy();
  await local.close();
});

function create(input: Partial<CreateEventCommandInput>) {
  return client.send(
    new CreateEventCommand({ ...session, eventTimestamp: new Date(0), payload: [], ...input }),
  );
}

const text = (value: string) => ({ conversational: { role: "USER" as const, content: { text: value } } });
const metadata = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, { stringValue: "x" }]));

describe("what the service takes", () => {
  const taken: Record<string, Partial<CreateEventCommandInput>> = {
    "the ARN of a memory": {
      memoryId: `arn:aws:bedrock-agentcore:us-west-2:123456789012:memory/${memoryId}`,
    },
    "an actor of 255 characters": { actorId: "a/b:c-d_".repeat(32).slice(0, 255) },
    "a session of 100 characters": { sessionId: "s".repeat(100) },
    "a text of 100,000 characters": { payload: [text("x".repeat(100_000))] },
    "100,000 characters outside of the first plane": { payload: [text("😀".repeat(100_000))] },
    "100 payloads": { payload: Array.from({ length: 100 }, () => text("x")) },
    "15 pairs of metadata": { metadata: metadata(15) },
    "an empty metadata value": { metadata: { key: { stringValue: "" } } },
    "extraction that is skipped": {
      extractionMode: "SKIP",
      extractionConfig: { namespaceVariables: { team: "a-1" } },
    },
    "a JSON of nearly 100 KB": { payload: [{ json: { content: "x".repeat(102_398) } }] },
  };

  test.each(Object.entries(taken))("%s", async (_name, input) => {
    const { event } = await create(input);
    // What is for the extraction is not part of the event.
    const kept = Object.entries(input).filter(([name]) => !name.startsWith("extraction"));
    expect(event).toMatchObject({ ...session, ...Object.fromEntries(kept), memoryId });
  });
});

describe("what it refuses, naming the field", () => {
  const refused: [string, Partial<CreateEventCommandInput>, string][] = [
    ["a memory without its suffix", { memoryId: "training-012345" }, "memoryId"],
    ["a suffix of 11", { memoryId: "training-01234567890" }, "memoryId"],
    ["an actor of 256 characters", { actorId: "a".repeat(256) }, "actorId"],
    ["an actor that begins with a slash", { actorId: "/ann" }, "actorId"],
    ["a composite session", { sessionId: "s@@@m@@@a" }, "sessionId"],
    ["a session of 101 characters", { sessionId: "s".repeat(101) }, "sessionId"],
    ["no time", { eventTimestamp: undefined }, "eventTimestamp"],
    ["no payload", { payload: undefined }, "payload"],
    ["101 payloads", { payload: Array.from({ length: 101 }, () => text("x")) }, "payload"],
    ["an empty text", { payload: [text("")] }, "payload.0.conversational.content.text"],
    ["a text of 100,001", { payload: [text("x".repeat(100_001))] }, "payload.0.conversational.content.text"],
    [
      "a JSON above 100 KB",
      { payload: [{ json: { content: "x".repeat(102_399) } }] },
      "payload.0.json.content",
    ],
    ["16 pairs of metadata", { metadata: metadata(16) }, "metadata"],
    ["a metadata key with a bracket", { metadata: { "a[0]": { stringValue: "" } } }, "metadata.a[0]"],
    [
      "a metadata key of 129",
      { metadata: { ["k".repeat(129)]: { stringValue: "" } } },
      `metadata.${"k".repeat(129)}`,
    ],
    [
      "a metadata value with a quote",
      { metadata: { key: { stringValue: '"' } } },
      "metadata.key.stringValue",
    ],
    [
      "a metadata value of 257",
      { metadata: { key: { stringValue: "v".repeat(257) } } },
      "metadata.key.stringValue",
    ],
    ["a branch with a space", { branch: { name: "my branch" } }, "branch.name"],
    ["a root that is no event id", { branch: { name: "b", rootEventId: "root" } }, "branch.rootEventId"],
    ["another extraction mode", { extractionMode: "ALL" as "SKIP" }, "extractionMode"],
    [
      "a reserved namespace variable",
      { extractionConfig: { namespaceVariables: { actorid: "A" } } },
      "extractionConfig.namespaceVariables.actorid",
    ],
  ];

  test.each(refused)("%s", async (_name, input, field) => {
    const error: unknown = await create(input).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "ValidationException",
      reason: "FieldValidationFailed",
      fieldList: [{ name: field }],
      $metadata: { httpStatusCode: 400, requestId: expect.any(String) as string },
    });
  });

  test.each([
    [{ maxResults: 0 }, "greater than or equal to 1"],
    [
      { maxResults: 101 },
      "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
    ],
    [{ nextToken: "made-up" }, "nextToken"],
  ] as [Partial<ListEventsCommandInput>, string][])("%o of a list", async (input, said) => {
    const listed = client.send(new ListEventsCommand({ ...session, ...input }));
    await expect(listed).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining(said) as string,
    });
  });

  test("the token of another list", async () => {
    await create({ actorId: "many" });
    await create({ actorId: "many" });
    const { nextToken } = await client.send(
      new ListEventsCommand({ ...session, actorId: "many", maxResults: 1 }),
    );
    expect(nextToken).toBeDefined();
    const listed = client.send(new ListEventsCommand({ ...session, actorId: "another", nextToken }));
    await expect(listed).rejects.toThrow("nextToken");
  });

  test("ids in paths", async () => {
    const refusal = { name: "ValidationException" };
    await expect(client.send(new DeleteEventCommand({ ...session, eventId: "1" }))).rejects.toMatchObject(
      refusal,
    );
    await expect(
      client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId: "mem-1" })),
    ).rejects.toMatchObject(refusal);
    await expect(client.send(new ListActorsCommand({ memoryId: "short" }))).rejects.toMatchObject(refusal);
  });

  test("two members of a union, and none", async () => {
    const post = (payload: unknown) =>
      fetch(`${local.url}/memories/${memoryId}/events`, {
        method: "POST",
        body: JSON.stringify({ ...session, eventTimestamp: 0, payload: [payload] }),
      });
    for (const payload of [{ blob: 1, json: { content: 1 } }, {}, "text", null]) {
      const response = await post(payload);
      expect(response.status).toBe(400);
      expect(response.headers.get("x-amzn-errortype")).toBe("ValidationException");
    }
    expect((await post({ blob: null })).status).toBe(201);
  });

  test("a value is not repeated in the refusal", async () => {
    const secret = `secret-${"x".repeat(100_001)}`;
    const error: unknown = await create({ payload: [text(secret)] }).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).not.toContain("secret-");
  });
});

describe("memories that are listed", () => {
  test("are all that there are; without a list, every valid id is one", async () => {
    await using listed = await startAgentCoreLocal({ memories: [memoryId] });
    const other = clientOf(listed);
    const actors = (id: string) => other.send(new ListActorsCommand({ memoryId: id }));
    expect((await actors(memoryId)).actorSummaries).toEqual([]);
    await expect(actors("another-0123456789")).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "Memory not found: another-0123456789",
    });
    other.destroy();
    await expect(startAgentCoreLocal({ memories: ["any"] })).rejects.toThrow('"any" came');
  });
});
