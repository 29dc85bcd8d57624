import {
  type BedrockAgentCoreClient,
  CreateEventCommand,
  type Branch,
  type EventMetadataFilterExpression,
  type FilterInput,
  paginateListEvents,
  ListEventsCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { type AgentCoreLocal, startAgentCoreLocal } from "../local.ts";

const session = { memoryId: "training-0123456789", actorId: "ann", sessionId: "session-1" };

let local: AgentCoreLocal;
let client: BedrockAgentCoreClient;
let second = 0;

beforeEach(async () => {
  local = await startAgentCoreLocal();
  client = clientOf(local);
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

interface Written {
  readonly branch?: Branch;
  readonly metadata?: Record<string, { stringValue: string }>;
  readonly sessionId?: string;
}

async function write(text: string, written: Written = {}): Promise<string | undefined> {
  const payload = [{ conversational: { role: "USER" as const, content: { text } } }];
  const eventTimestamp = new Date(1000 * (second += 1));
  const { event } = await client.send(
    new CreateEventCommand({ ...session, eventTimestamp, payload, ...written }),
  );
  return event?.eventId;
}

async function listed(filter: FilterInput, pageSize = 100): Promise<{ texts: unknown[]; sizes: unknown[] }> {
  const texts = [];
  const sizes = [];
  for await (const { events = [] } of paginateListEvents({ client, pageSize }, { ...session, filter })) {
    sizes.push(events.length);
    texts.push(...events.map(({ payload }) => payload?.[0]?.conversational?.content?.text));
  }
  return { texts, sizes };
}

describe("by metadata", () => {
  const where = (
    operator: EventMetadataFilterExpression["operator"],
    metadataKey: string,
    stringValue?: string,
  ): EventMetadataFilterExpression => ({
    left: { metadataKey },
    operator,
    ...(stringValue !== undefined && { right: { metadataValue: { stringValue } } }),
  });

  beforeEach(async () => {
    await write("plain");
    await write("tagged", { metadata: { kind: { stringValue: "a" }, who: { stringValue: "x" } } });
    await write("other", { metadata: { kind: { stringValue: "b" } } });
  });

  test("an event fits when all expressions hold", async () => {
    const texts = async (...eventMetadata: EventMetadataFilterExpression[]) =>
      (await listed({ eventMetadata })).texts;
    expect(await texts(where("EQUALS_TO", "kind", "a"))).toEqual(["tagged"]);
    expect(await texts(where("EXISTS", "kind"))).toEqual(["other", "tagged"]);
    expect(await texts(where("NOT_EXISTS", "kind"))).toEqual(["plain"]);
    expect(await texts(where("EXISTS", "kind"), where("NOT_EXISTS", "who"))).toEqual(["other"]);
    expect(await texts(where("EXISTS", "constructor"))).toEqual([]);
  });

  test("a page counts what was looked at: it may be empty and not the last", async () => {
    expect(await listed({ eventMetadata: [where("NOT_EXISTS", "kind")] }, 1)).toEqual({
      texts: ["plain"],
      sizes: [0, 0, 1],
    });
  });

  test("there are 1 to 5 expressions, and equality needs a value", async () => {
    const refused = { name: "ValidationException" };
    const six = Array.from({ length: 6 }, () => where("EXISTS", "kind"));
    await expect(listed({ eventMetadata: [] })).rejects.toMatchObject(refused);
    await expect(listed({ eventMetadata: six })).rejects.toMatchObject(refused);
    await expect(listed({ eventMetadata: [where("EQUALS_TO", "kind")] })).rejects.toThrow(
      "'filter.eventMetadata.0.right'",
    );
  });
});

describe("by branch", () => {
  test("a branch has its own events, or those of its parents up to its root as well", async () => {
    await write("m1");
    const root = await write("m2");
    await write("m3");
    await write("b1", { branch: { name: "b", rootEventId: root } });
    const rootOfC = await write("b2", { branch: { name: "b" } });
    await write("b3", { branch: { name: "b" } });
    await write("c1", { branch: { name: "c", rootEventId: rootOfC } });

    expect((await listed({ branch: { name: "b" } })).texts).toEqual(["b3", "b2", "b1"]);
    expect((await listed({ branch: { name: "main" } })).texts).toEqual(["m3", "m2", "m1"]);
    expect((await listed({ branch: { name: "unknown" } })).texts).toEqual([]);
    const whole = (name: string, pageSize?: number) =>
      listed({ branch: { name, includeParentBranches: true } }, pageSize);
    expect((await whole("b")).texts).toEqual(["b3", "b2", "b1", "m2", "m1"]);
    expect(await whole("c", 2)).toEqual({ texts: ["c1", "b2", "b1", "m2", "m1"], sizes: [2, 2, 1] });
    expect((await listed({})).texts).toHaveLength(7);
  });

  test("an event says its branch and where that begins", async () => {
    const rootEventId = await write("m1");
    await write("b1", { branch: { name: "b", rootEventId } });
    await write("b2", { branch: { name: "b" } });
    const { events = [] } = await client.send(new ListEventsCommand(session));
    expect(events.map(({ branch }) => branch)).toEqual([
      { name: "b", rootEventId },
      { name: "b", rootEventId },
      { name: "main" },
    ]);
  });

  test("a root is an event of the same session", async () => {
    const foreign = await write("elsewhere", { sessionId: "session-2" });
    await expect(write("b1", { branch: { name: "b", rootEventId: foreign } })).rejects.toMatchObject({
      name: "ValidationException",
      reason: "EventInOtherSession",
    });
    const nowhere = { name: "b", rootEventId: "123#abc" };
    await expect(write("b1", { branch: nowhere })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    expect((await listed({})).texts).toEqual([]);
  });
});
