import {
  BatchCreateMemoryRecordsCommand,
  type BatchCreateMemoryRecordsCommandInput,
  BatchDeleteMemoryRecordsCommand,
  BatchUpdateMemoryRecordsCommand,
  type BedrockAgentCoreClient,
  DeleteMemoryRecordCommand,
  GetMemoryRecordCommand,
  IngestDataCommand,
  ListMemoryExtractionJobsCommand,
  ListMemoryRecordsCommand,
  type ListMemoryRecordsCommandInput,
  type MemoryRecordOperatorType,
  type MemoryRecordMetadataValue,
  paginateListMemoryRecords,
  RetrieveMemoryRecordsCommand,
  StartMemoryExtractionJobCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

const memoryId = "training-0123456789";
const unknown = `mem-${"0".repeat(36)}`;
const timestamp = new Date("2026-03-01T10:00:00.500Z");
type Input = NonNullable<BatchCreateMemoryRecordsCommandInput["records"]>[number];

let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;

beforeEach(async () => {
  local = await startAgentCoreLocal();
  client = clientOf(local);
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

function record(text: string, input: Partial<Input> = {}): Input {
  return { requestIdentifier: "r", namespaces: ["/facts/ann"], content: { text }, timestamp, ...input };
}

async function write(...records: Input[]): Promise<string[]> {
  const answer = await client.send(new BatchCreateMemoryRecordsCommand({ memoryId, records }));
  return (answer.successfulRecords ?? []).map(({ memoryRecordId }) => memoryRecordId ?? "");
}

async function listed(input: Partial<ListMemoryRecordsCommandInput> = { namespace: "/facts/ann" }) {
  const answer = await client.send(new ListMemoryRecordsCommand({ memoryId, ...input }));
  return (answer.memoryRecordSummaries ?? []).map(({ content }) => content?.text);
}

async function found(searchQuery: string, topK = 10) {
  const answer = await client.send(
    new RetrieveMemoryRecordsCommand({
      memoryId,
      namespacePath: "/facts",
      searchCriteria: { searchQuery, topK },
    }),
  );
  return (answer.memoryRecordSummaries ?? []).map(({ content, score }) => [content?.text, score]);
}

describe("a memory record", () => {
  test("is read as it was written", async () => {
    const metadata = { tries: { numberValue: 3 }, at: { dateTimeValue: timestamp } };
    const [memoryRecordId = ""] = await write(record("likes tea", { memoryStrategyId: "facts", metadata }));
    expect(memoryRecordId).toMatch(/^mem-[0-9a-f-]{36}$/);
    const answer = await client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId }));
    expect(answer.memoryRecord).toMatchObject({
      memoryRecordId,
      content: { text: "likes tea" },
      memoryStrategyId: "facts",
      namespaces: ["/facts/ann"],
      metadata,
    });
    expect(answer.memoryRecord?.createdAt).toBeInstanceOf(Date);
  });

  test("is changed in what is given, and else stays", async () => {
    const [memoryRecordId = ""] = await write(record("likes tea", { metadata: { a: { stringValue: "1" } } }));
    const update = { memoryRecordId, timestamp, content: { text: "likes coffee" } };
    const answer = await client.send(
      new BatchUpdateMemoryRecordsCommand({
        memoryId,
        records: [update, { memoryRecordId: unknown, timestamp }],
      }),
    );
    expect(answer.successfulRecords).toMatchObject([{ memoryRecordId, status: "SUCCEEDED" }]);
    expect(answer.failedRecords).toMatchObject([
      { memoryRecordId: unknown, status: "FAILED", errorCode: 404 },
    ]);
    const { memoryRecord } = await client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId }));
    expect(memoryRecord).toMatchObject({
      content: { text: "likes coffee" },
      namespaces: ["/facts/ann"],
      metadata: { a: { stringValue: "1" } },
    });
  });

  test("is gone when it was deleted, alone or in a batch", async () => {
    const [one = "", two = "", three] = await write(record("1"), record("2"), record("3"));
    await client.send(
      new DeleteMemoryRecordCommand({ memoryId, memoryRecordId: one, namespace: "/facts/ann" }),
    );
    const answer = await client.send(
      new BatchDeleteMemoryRecordsCommand({
        memoryId,
        records: [{ memoryRecordId: two }, { memoryRecordId: one }],
      }),
    );
    expect(answer.successfulRecords).toMatchObject([{ memoryRecordId: two }]);
    expect(answer.failedRecords).toMatchObject([{ memoryRecordId: one, errorCode: 404 }]);
    const gone = { name: "ResourceNotFoundException" };
    await expect(
      client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId: two })),
    ).rejects.toMatchObject(gone);
    await expect(
      client.send(new DeleteMemoryRecordCommand({ memoryId, memoryRecordId: two })),
    ).rejects.toMatchObject(gone);
    expect(
      (await client.send(new GetMemoryRecordCommand({ memoryId, memoryRecordId: three }))).memoryRecord,
    ).toBeDefined();
  });

  test("is written once under one client token", async () => {
    const input = { memoryId, records: [record("once")], clientToken: "token" };
    const first = await client.send(new BatchCreateMemoryRecordsCommand(input));
    const again = await client.send(new BatchCreateMemoryRecordsCommand(input));
    expect(again.successfulRecords).toEqual(first.successfulRecords);
    expect(await listed()).toEqual(["once"]);
  });
});

describe("a list of records", () => {
  test("is newest first, in pages", async () => {
    const texts = Array.from({ length: 45 }, (_, i) => `fact ${i}`);
    await write(...texts.map((text) => record(text)));
    const pages = [];
    for await (const page of paginateListMemoryRecords(
      { client, pageSize: 22 },
      { memoryId, namespace: "/facts/ann" },
    )) {
      pages.push((page.memoryRecordSummaries ?? []).map(({ content }) => content?.text));
    }
    expect(pages.map(({ length }) => length)).toEqual([22, 22, 1]);
    expect(pages.flat()).toEqual(texts.toReversed());
  });

  test("is of a namespace, or of all below a path", async () => {
    await write(
      record("ann"),
      record("anna", { namespaces: ["/facts/anna"] }),
      record("ann's dog", { namespaces: ["/facts/ann/dog"] }),
      record("nowhere", { namespaces: [] }),
    );
    expect(await listed({ namespace: "/facts/ann" })).toEqual(["ann"]);
    expect(await listed({ namespacePath: "/facts/ann" })).toEqual(["ann's dog", "ann"]);
    expect(await listed({ namespacePath: "/facts/" })).toEqual(["ann's dog", "anna", "ann"]);
    const one = { name: "ValidationException", message: expect.stringContaining("Exactly one of") as string };
    await expect(listed({})).rejects.toMatchObject(one);
    await expect(listed({ namespace: "/a", namespacePath: "/a" })).rejects.toMatchObject(one);
  });

  test("is of a strategy", async () => {
    await write(record("a", { memoryStrategyId: "facts" }), record("b"));
    expect(await listed({ namespace: "/facts/ann", memoryStrategyId: "facts" })).toEqual(["a"]);
  });

  const day = (n: number) => new Date(Date.UTC(2026, 0, n));
  const cases: [MemoryRecordOperatorType, string, MemoryRecordMetadataValue | undefined, boolean][] = [
    ["EXISTS", "n", undefined, true],
    ["EXISTS", "no", undefined, false],
    ["NOT_EXISTS", "no", undefined, true],
    ["EQUALS_TO", "s", { stringValue: "x" }, true],
    ["EQUALS_TO", "s", { stringValue: "y" }, false],
    ["CONTAINS", "l", { stringValue: "b" }, true],
    ["CONTAINS", "l", { stringListValue: ["a", "c"] }, false],
    ["BEFORE", "d", { dateTimeValue: day(6) }, true],
    ["BEFORE", "d", { dateTimeValue: day(5) }, false],
    ["AFTER", "d", { dateTimeValue: day(4) }, true],
    ["GREATER_THAN", "n", { numberValue: 3 }, false],
    ["GREATER_THAN_OR_EQUALS", "n", { numberValue: 3 }, true],
    ["LESS_THAN", "n", { numberValue: 3 }, false],
    ["LESS_THAN_OR_EQUALS", "n", { numberValue: 3 }, true],
    ["LESS_THAN", "s", { numberValue: 3 }, false],
  ];

  test.each(cases)("by metadata: %s %s %o is %s", async (operator, metadataKey, metadataValue, fits) => {
    const metadata = {
      n: { numberValue: 3 },
      s: { stringValue: "x" },
      l: { stringListValue: ["a", "b"] },
      d: { dateTimeValue: day(5) },
    };
    await write(record("it", { metadata }));
    const right = metadataValue && { metadataValue };
    const metadataFilters = [{ left: { metadataKey }, operator, right }];
    expect(await listed({ namespace: "/facts/ann", metadataFilters })).toEqual(fits ? ["it"] : []);
  });
});

describe("a search", () => {
  test("is by words: the share of the query's words is the score, and the best come first", async () => {
    await write(record("Ann likes GREEN tea"), record("Ann likes coffee"), record("nothing of it"));
    expect(await found("who likes green-tea?")).toEqual([
      ["Ann likes GREEN tea", 0.75],
      ["Ann likes coffee", 0.25],
    ]);
    expect(await found("who likes green-tea?", 1)).toHaveLength(1);
    expect(await found("automobile")).toEqual([]);
    expect(await found("!?")).toEqual([]);
  });

  test("says that it is none by meaning", async () => {
    const response = await fetch(`${local.url}/memories/${memoryId}/retrieve`, {
      method: "POST",
      body: JSON.stringify({ namespace: "/a", searchCriteria: { searchQuery: "a" } }),
    });
    expect(response.headers.get("x-agentcore-local-search")).toBe("by words, not by meaning");
  });
});

describe("extraction", () => {
  test("takes what is ingested, and makes nothing of it", async () => {
    const payload = [{ conversational: { role: "USER" as const, content: { text: "I like tea" } } }];
    const answer = await client.send(
      new IngestDataCommand({
        memoryId,
        actorId: "ann",
        contentTimestamp: timestamp,
        source: { inline: { payload } },
      }),
    );
    expect(answer.$metadata.httpStatusCode).toBe(202);
    expect(answer.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await listed({ namespacePath: "/" })).toEqual([]);
  });

  test("never has jobs that failed", async () => {
    expect((await client.send(new ListMemoryExtractionJobsCommand({ memoryId }))).jobs).toEqual([]);
    const start = new StartMemoryExtractionJobCommand({ memoryId, extractionJob: { jobId: "job" } });
    await expect(client.send(start)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});
