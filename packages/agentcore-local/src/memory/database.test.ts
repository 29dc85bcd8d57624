/** The file: what was acknowledged is on it, whatever happens to the process. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type BedrockAgentCoreClient,
  CreateEventCommand,
  ListActorsCommand,
  ListSessionsCommand,
  paginateListActors,
  paginateListEvents,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { startAgentCoreLocal } from "../local.ts";
import { startServer } from "../server.fixture.ts";

const memoryId = "training-0123456789";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentcore-local-"));
  file = join(folder, "memory.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

function create(client: BedrockAgentCoreClient, actorId: string, n: number) {
  const [payload, eventTimestamp] = [[{ blob: n }], new Date(1000 * n)];
  return client.send(new CreateEventCommand({ memoryId, actorId, sessionId: "s", eventTimestamp, payload }));
}

async function blobsOf(client: BedrockAgentCoreClient, actorId: string): Promise<unknown[]> {
  const found = [];
  const input = { memoryId, actorId, sessionId: "s" };
  for await (const { events = [] } of paginateListEvents({ client, pageSize: 100 }, input)) {
    found.push(...events.map(({ payload }) => payload?.[0]?.blob));
  }
  return found;
}

test("what was written is there after a restart, and a client token is still known", async () => {
  const input = {
    memoryId,
    actorId: "ann",
    sessionId: "s",
    eventTimestamp: new Date(0),
    clientToken: "token",
  };
  const command = new CreateEventCommand({ ...input, payload: [{ blob: 1 }] });
  const ids = [];
  for (let start = 1; start <= 2; start += 1) {
    await using local = await startAgentCoreLocal({ file });
    const client = clientOf(local);
    ids.push((await client.send(command)).event?.eventId);
    expect(await blobsOf(client, "ann")).toEqual([1]);
    client.destroy();
  }
  expect(ids[0]).toBe(ids[1]);
});

test(
  "nothing that was acknowledged is lost by SIGKILL, and nothing is there twice",
  { timeout: 60_000 },
  async () => {
    const acknowledged = new Map<string, number[]>();
    for (let round = 0; round < 4; round += 1) {
      await using server = await startServer("--file", file);
      const client = clientOf(server);
      for (const [actorId, written] of acknowledged) {
        const found = (await blobsOf(client, actorId)) as number[];
        // The one in flight may have been written; no other.
        expect(found.filter((n) => written.includes(n)).toReversed()).toEqual(written);
        expect(found.length - written.length).toBeLessThanOrEqual(round);
        expect(new Set(found).size).toBe(found.length);
      }
      let total = 0;
      const writer = async (actorId: string): Promise<void> => {
        const written = acknowledged.get(actorId) ?? [];
        acknowledged.set(actorId, written);
        for (let n = round * 1000; ; n += 1) {
          await create(client, actorId, n);
          written.push(n);
          total += 1;
          if (total === 150) server.child.kill("SIGKILL");
        }
      };
      const ended = await Promise.allSettled(["ann", "bob", "cleo", "dan"].map(writer));
      expect(ended.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
      await server.kill("SIGKILL");
      client.destroy();
    }
    expect([...acknowledged.values()].flat().length).toBeGreaterThanOrEqual(600);
  },
);

test("many actors come in pages", async () => {
  await using local = await startAgentCoreLocal({ file });
  const client = clientOf(local);
  const names = Array.from({ length: 45 }, (_, i) => `actor-${i + 10}`);
  for (const name of names) await create(client, name, 1);
  const pages = [];
  for await (const { actorSummaries = [] } of paginateListActors({ client, pageSize: 22 }, { memoryId })) {
    pages.push(actorSummaries.map(({ actorId }) => actorId));
  }
  expect(pages.map(({ length }) => length)).toEqual([22, 22, 1]);
  expect(pages.flat()).toEqual(names);
  client.destroy();
});

test("a file has one process", async () => {
  await using first = await startAgentCoreLocal({ file });
  await expect(startAgentCoreLocal({ file })).rejects.toThrow(
    `agentcore-local cannot open ${file}: another process has it open; give each its own file.`,
  );
  const client = clientOf(first);
  expect((await client.send(new ListActorsCommand({ memoryId }))).actorSummaries).toEqual([]);
  expect((await client.send(new ListSessionsCommand({ memoryId, actorId: "a" }))).sessionSummaries).toEqual(
    [],
  );
  client.destroy();
});

test("a file of somebody else is left as it is", async () => {
  const other = new DatabaseSync(file);
  other.exec("CREATE TABLE precious (x)");
  other.close();
  await expect(startAgentCoreLocal({ file })).rejects.toThrow("it is not a file of agentcore-local");
  const reopened = new DatabaseSync(file);
  expect(reopened.prepare("SELECT name FROM sqlite_master").all()).toEqual([{ name: "precious" }]);
  reopened.close();
});

test("a file that is no database, and a folder that there is not, are said", async () => {
  writeFileSync(file, "a shopping list, longer than the header of a database would be".repeat(10));
  await expect(startAgentCoreLocal({ file })).rejects.toThrow(/cannot open .*not a database/);
  const nowhere = join(folder, "no/such/memory.db");
  await expect(startAgentCoreLocal({ file: nowhere })).rejects.toThrow(`cannot open ${nowhere}: `);
  expect(existsSync(join(folder, "no"))).toBe(false);
});
