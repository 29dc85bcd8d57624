import {
  type BedrockAgentCoreClient,
  CreateEventCommand,
  type CreateEventCommandInput,
  DeleteEventCommand,
  GetEventCommand,
  ListActorsCommand,
  ListEventsCommand,
  ListSessionsCommand,
  paginateListEvents,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";
import { clientOf } from "../client.fixture.ts";

const memoryId = "training-0123456789";
const session = { memoryId, actorId: "user/ada:1", sessionId: "session-1" };

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

const said = (text: string) => [{ conversational: { role: "USER" as const, content: { text } } }];

function create(input: Partial<CreateEventCommandInput> = {}) {
  const eventTimestamp = new Date("2026-03-01T10:00:00.123Z");
  return client.send(
    new CreateEventCommand({ ...session, eventTimestamp, payload: said("hello"), ...input }),
  );
}

async function list(input: object = {}) {
  const { events = [] } = await client.send(new ListEventsCommand({ ...session, ...input }));
  return events;
}

describe("an event", () => {
  test("is answered, read and listed as it was written", async () => {
    const payload = [
      ...said("hello \ud83d\ude80 \u0000"),
      { blob: { deep: [1, null, "\ud800"] } },
      { blob: "text" },
      { json: { content: { epoch: 3 } } },
    ];
    const metadata = { taskId: { stringValue: "t 1/2" } };
    const { event } = await create({ payload, metadata });
    expect(event).toEqual({
      ...session,
      eventId: expect.stringMatching(/^0000001772359200123#[0-9a-f]{8}$/) as string,
      eventTimestamp: new Date("2026-03-01T10:00:00.123Z"),
      payload,
      metadata,
      branch: { name: "main" },
    });
    const read = await client.send(new GetEventCommand({ ...session, eventId: event?.eventId }));
    expect(read.event).toEqual(event);
    expect(await list()).toEqual([event]);
  });

  test("is listed without its payload where that is wished", async () => {
    await create();
    const [event] = await list({ includePayloads: false });
    expect(Object.keys(event ?? {})).not.toContain("payload");
  });

  test("is gone when it was deleted", async () => {
    const eventId = (await create()).event?.eventId;
    expect(await client.send(new DeleteEventCommand({ ...session, eventId }))).toMatchObject({ eventId });
    expect(await list()).toEqual([]);
    const gone = { name: "ResourceNotFoundException", $metadata: { httpStatusCode: 404 } };
    await expect(client.send(new GetEventCommand({ ...session, eventId }))).rejects.toMatchObject(gone);
    await expect(client.send(new DeleteEventCommand({ ...session, eventId }))).rejects.toMatchObject(gone);
  });

  test("of another session is not found", async () => {
    const eventId = (await create()).event?.eventId;
    const foreign = { ...session, sessionId: "session-2", eventId };
    await expect(client.send(new GetEventCommand(foreign))).rejects.toThrow("Unable to find event");
    await expect(client.send(new DeleteEventCommand(foreign))).rejects.toThrow("Unable to find event");
    expect(await list()).toHaveLength(1);
  });

  test("makes its session where none is named", async () => {
    const { event } = await create({ sessionId: undefined });
    expect(await list({ sessionId: event?.sessionId })).toEqual([event]);
  });

  test("is written once under one client token", async () => {
    const first = await create({ clientToken: "once" });
    const again = await create({ clientToken: "once", payload: said("other") });
    expect(again.event).toEqual(first.event);
    expect(await list()).toEqual([first.event]);
  });

  test("that was deleted is not written again under its token", async () => {
    const { event } = await create({ clientToken: "once" });
    await client.send(new DeleteEventCommand({ ...session, eventId: event?.eventId }));
    expect((await create({ clientToken: "once" })).event).toEqual(event);
    expect(await list()).toEqual([]);
  });
});

describe("a list of events", () => {
  test("is newest first by their own time, and by their writing where that is equal", async () => {
    const times = [3, 1, 2, 2];
    for (const [i, second] of times.entries()) {
      await create({ eventTimestamp: new Date(second * 1000), payload: said(String(i)) });
    }
    const texts = (await list()).map((event) => event.payload?.[0]?.conversational?.content?.text);
    expect(texts).toEqual(["0", "3", "2", "1"]);
  });

  test("of nothing is empty", async () => {
    expect(await list({ sessionId: "unknown" })).toEqual([]);
  });

  test("has 20 on a page, or as many as asked for, and the pages are the whole", async () => {
    for (let i = 0; i < 45; i += 1) await create({ eventTimestamp: new Date(1000 * i) });
    expect(await list()).toHaveLength(20);
    const sizes = [];
    const ids = new Set<string | undefined>();
    for await (const page of paginateListEvents({ client, pageSize: 22 }, { ...session })) {
      sizes.push(page.events?.length);
      for (const event of page.events ?? []) ids.add(event.eventId);
    }
    expect(sizes).toEqual([22, 22, 1]);
    expect(ids.size).toBe(45);
  });
});

describe("sessions and actors", () => {
  test("come with their events", async () => {
    const before = new Date(Math.floor(Date.now() / 1000) * 1000);
    await create();
    await create({ actorId: "bob", sessionId: "session-2" });
    const { actorSummaries } = await client.send(new ListActorsCommand({ memoryId }));
    expect(actorSummaries).toEqual([{ actorId: "bob" }, { actorId: "user/ada:1" }]);
    const { sessionSummaries = [] } = await client.send(
      new ListSessionsCommand({ memoryId, actorId: session.actorId }),
    );
    expect(sessionSummaries).toMatchObject([{ sessionId: "session-1", actorId: "user/ada:1" }]);
    expect(sessionSummaries[0]?.createdAt?.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });
});
