/** What time does: events expire, empty sessions go, conversational events are rationed. */
import {
  type BedrockAgentCoreClient,
  CreateEventCommand,
  type CreateEventCommandInput,
  DeleteEventCommand,
  GetEventCommand,
  ListActorsCommand,
  ListEventsCommand,
  ListSessionsCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { ManualClock } from "../clock.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

const memoryId = "training-0123456789";
const session = { memoryId, actorId: "ann", sessionId: "session-1" };
const dayMs = 24 * 60 * 60 * 1000;
const conversational = [{ conversational: { role: "USER" as const, content: { text: "hello" } } }];

let clock: ManualClock;
let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;

beforeEach(async () => {
  clock = new ManualClock();
  local = await startAgentCoreLocal({ clock, eventExpiryDays: 7, throttle: true });
  client = clientOf(local);
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

async function create(input: Partial<CreateEventCommandInput> = {}) {
  const { event } = await client.send(
    new CreateEventCommand({
      ...session,
      eventTimestamp: new Date(clock.now()),
      payload: [{ blob: 1 }],
      ...input,
    }),
  );
  return event;
}

const sessions = async (filter?: { eventFilter: "HAS_EVENTS" }) => {
  const command = new ListSessionsCommand({ memoryId, actorId: "ann", ...(filter && { filter }) });
  return ((await client.send(command)).sessionSummaries ?? []).map(({ sessionId }) => sessionId);
};

describe("an event", () => {
  test("is gone after its days, with its session", async () => {
    const event = await create({ clientToken: "token" });
    clock.advance(7 * dayMs - 1);
    expect((await client.send(new ListEventsCommand(session))).events).toHaveLength(1);
    clock.advance(1);
    expect((await client.send(new ListEventsCommand(session))).events).toEqual([]);
    const get = new GetEventCommand({ ...session, eventId: event?.eventId });
    await expect(client.send(get)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    expect(await sessions()).toEqual([]);
    expect((await client.send(new ListActorsCommand({ memoryId }))).actorSummaries).toEqual([]);
    // Its room and its token are free.
    const again = await create({ clientToken: "token" });
    expect(again?.eventId).not.toBe(event?.eventId);
    expect(await sessions()).toEqual(["session-1"]);
  });
});

describe("a session", () => {
  test("stays for a day after its last event was deleted", async () => {
    const event = await create();
    await client.send(new DeleteEventCommand({ ...session, eventId: event?.eventId }));
    expect(await sessions()).toEqual(["session-1"]);
    expect(await sessions({ eventFilter: "HAS_EVENTS" })).toEqual([]);
    clock.advance(dayMs);
    expect(await sessions()).toEqual([]);
    await create();
    const { sessionSummaries } = await client.send(new ListSessionsCommand({ memoryId, actorId: "ann" }));
    expect(sessionSummaries).toMatchObject([{ createdAt: new Date(clock.now()) }]);
  });

  test("that is newer comes first, page after page", async () => {
    for (const sessionId of ["s1", "s2", "s3"]) {
      await create({ sessionId });
      clock.advance(1);
    }
    const page = async (nextToken?: string) =>
      client.send(new ListSessionsCommand({ memoryId, actorId: "ann", maxResults: 2, nextToken }));
    const first = await page();
    expect(first.sessionSummaries).toMatchObject([{ sessionId: "s3" }, { sessionId: "s2" }]);
    const second = await page(first.nextToken);
    expect(second.sessionSummaries).toMatchObject([{ sessionId: "s1" }]);
    expect(second.nextToken).toBeUndefined();
  });
});

describe("the throttle", () => {
  const throttled = { name: "ThrottledException", $metadata: { httpStatusCode: 429 } };

  test("lets a conversational event pass every four seconds, for each actor and session", async () => {
    const payload = conversational;
    await create({ payload });
    await expect(create({ payload })).rejects.toMatchObject(throttled);
    await create({ payload, sessionId: "session-2" });
    await create({ payload, actorId: "bob" });
    await create();
    clock.advance(3999);
    await expect(create({ payload })).rejects.toMatchObject(throttled);
    clock.advance(1);
    await create({ payload });
  });
});
