/** A long session, written without HTTP (which would be most of the time) and read by the SDK. */
import { ListEventsCommand, paginateListEvents } from "@aws-sdk/client-bedrock-agentcore";
import { expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { systemClock } from "../clock.ts";
import { Faults } from "../faults.ts";
import { Listener } from "../http/listener.ts";
import { openMemory } from "./memory.ts";

const session = { memoryId: "training-0123456789", actorId: "ann", sessionId: "session-1" };
const many = Array.from({ length: 10_000 }, (_, n) => n);

test("10,000 events come back whole, in pages, newest first, whatever is written meanwhile", async () => {
  const memory = openMemory({}, systemClock);
  const { operations } = memory;
  const create = operations.find(({ name }) => name === "CreateEvent");
  const { signal } = new AbortController();
  const write = (n: number) =>
    create?.run({ ...session, eventTimestamp: n, payload: [{ blob: n }] }, signal, {} as never);
  for (const n of many) await write(n);
  const log = (): void => undefined;
  const listener = new Listener({
    operations,
    faults: new Faults(),
    clock: systemClock,
    maxBodyBytes: 1e6,
    log,
  });
  const client = clientOf({ url: await listener.listen(0) });

  const found: unknown[] = [];
  let pages = 0;
  // A copy: the SDK's paginator writes its token into the input.
  for await (const { events = [] } of paginateListEvents({ client, pageSize: 100 }, { ...session })) {
    pages += 1;
    found.push(...events.map(({ payload }) => payload?.[0]?.blob));
    await write(many.length + pages);
  }
  expect(pages).toBe(100);
  expect(found).toEqual(many.toReversed());
  const { events } = await client.send(new ListEventsCommand({ ...session, maxResults: 1 }));
  expect(events).toMatchObject([{ payload: [{ blob: many.length + pages }] }]);

  client.destroy();
  await listener.close();
  memory.close();
});
