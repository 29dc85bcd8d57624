import {
  BedrockAgentCoreClient,
  CreateEventCommand,
  ListActorsCommand,
  ListEventsCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { clientOf } from "./client.fixture.ts";
import { ManualClock } from "./clock.fixture.ts";
import type { Failure } from "./faults.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "./local.ts";

const memoryId = "training-0123456789";
const session = { memoryId, actorId: "ann", sessionId: "session-1" };

let clock: ManualClock;
let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;

beforeEach(async () => {
  clock = new ManualClock();
  local = await startAgentCoreLocal({ clock });
  client = clientOf(local);
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

const create = (by = client) =>
  by.send(new CreateEventCommand({ ...session, eventTimestamp: new Date(0), payload: [{ blob: 1 }] }));
const count = async () => (await client.send(new ListEventsCommand(session))).events?.length;

test.each([
  ["ValidationException", 400],
  ["InvalidInputException", 400],
  ["ServiceQuotaExceededException", 402],
  ["AccessDeniedException", 403],
  ["ResourceNotFoundException", 404],
  ["RetryableConflictException", 409],
  ["ThrottledException", 429],
  ["ServiceException", 500],
] as [Failure, number][])(
  "%s is what the SDK throws, once, and nothing was done",
  async (error, httpStatusCode) => {
    local.faults.next({ operation: "CreateEvent", error });
    const thrown: unknown = await create().catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ name: error, $metadata: { httpStatusCode } });
    expect(await count()).toBe(0);
    await create();
  },
);

test("a fault waits for its operation, strikes as often as told, and the next follows", async () => {
  const planted = local.faults.next({ operation: "CreateEvent", error: "ThrottledException", times: 2 });
  local.faults.next({ operation: "CreateEvent", error: "ServiceException" });
  await client.send(new ListActorsCommand({ memoryId }));
  for (const name of ["ThrottledException", "ThrottledException", "ServiceException"]) {
    await expect(create()).rejects.toMatchObject({ name });
  }
  expect(planted.struck).toBe(2);
  await create();
});

test("a fault that was removed does not strike", async () => {
  local.faults.next({ error: "ServiceException" }).remove();
  local.faults.next({ error: "ServiceException" });
  local.faults.clear();
  await create();
  expect(await count()).toBe(1);
});

test("a call is carried out and fails all the same", async () => {
  local.faults.next({ operation: "CreateEvent", acceptThenFail: true });
  await expect(create()).rejects.toMatchObject({ name: "ServiceException" });
  expect(await count()).toBe(1);
  local.faults.next({ operation: "CreateEvent", acceptThenFail: "Disconnect" });
  await expect(create()).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(await count()).toBe(2);
});

test("the SDK's own retry after a lost answer writes one event, by its client token", async () => {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  const patient = new BedrockAgentCoreClient({ endpoint: local.url, region: "us-west-2", credentials });
  const planted = local.faults.next({ operation: "CreateEvent", acceptThenFail: true });
  const { event } = await create(patient);
  patient.destroy();
  expect(planted.struck).toBe(1);
  expect(event?.eventId).toBeDefined();
  expect(await count()).toBe(1);
});

test("a slow answer comes when its time has come", async () => {
  local.faults.next({ delayMs: 60_000 });
  const created = create();
  await vi.waitUntil(() => clock.waiting === 1);
  expect(await count()).toBe(0);
  clock.advance(60_000);
  expect((await created).event).toBeDefined();
});

test("a fault that cannot be is refused", () => {
  expect(() => local.faults.next({ error: "NoSuchException" as Failure })).toThrow("There is no error");
  expect(() => local.faults.next({ delayMs: 1, times: 0 })).toThrow("1 or more");
});
