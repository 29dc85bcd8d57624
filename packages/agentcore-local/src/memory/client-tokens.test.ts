import {
  BatchCreateMemoryRecordsCommand,
  CreateEventCommand,
  type BedrockAgentCoreClient,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

const memoryId = "training-0123456789";

let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;

beforeEach(async () => {
  local = await startAgentCoreLocal({ clientTokenMismatch: "refuse" });
  client = clientOf(local);
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

const create = (blob: number, memory = memoryId) =>
  client.send(
    new CreateEventCommand({
      memoryId: memory,
      actorId: "ann",
      sessionId: "s",
      eventTimestamp: new Date(0),
      payload: [{ blob }],
      clientToken: "token",
    }),
  );

test("where it is wished, a token with other parameters is refused", async () => {
  const { event } = await create(1);
  await expect(create(2)).rejects.toMatchObject({
    name: "ValidationException",
    reason: "IdempotentParameterMismatchException",
  });
  expect((await create(1)).event).toEqual(event);
});

test("a token is of one memory and one operation", async () => {
  await create(1);
  expect((await create(2, "another-0123456789")).event?.payload).toEqual([{ blob: 2 }]);
  const records = [
    { requestIdentifier: "r", namespaces: ["a"], content: { text: "b" }, timestamp: new Date(0) },
  ];
  const batch = new BatchCreateMemoryRecordsCommand({ memoryId, records, clientToken: "token" });
  expect((await client.send(batch)).successfulRecords).toHaveLength(1);
});
