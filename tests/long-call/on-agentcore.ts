/** Long calls the whole way, in real time: the AWS SDK, an agent on the Runtime, its server on the Runtime, and back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createDatabaseOn } from "../../packages/perdure/src/store/postgres/postgres.fixture.ts";
import { type Conversation, Deployment, eventually, minuteMs } from "../story/deployment.ts";

const server = join(import.meta.dirname, "server.ts");

const conversationOf = (actorId: string): Conversation => ({
  actorId,
  sessionId: `conversation-of-${actorId}-0123456789-0123456789`,
});

/** It is waited for: the answer holds the result, and memory is not told a second time. */
export async function holdForThreeMinutes(postgresUrl: string): Promise<void> {
  const sue = conversationOf("sue");
  await using there = await deployed(postgresUrl);
  const { text, tookMs } = await there.ask(sue, "Please reserve a cluster, minutes 3.");
  assert(tookMs >= 3 * minuteMs, `it took ${tookMs} ms`);
  assert.match(text, /^reserve_cluster is completed: cluster blue-17/);
  const taskId = await there.latestTask();
  await eventually("the end to be settled", async () =>
    (await there.record.get({ taskId }))?.delivery === undefined ? undefined : true,
  );
  assert.deepEqual(await there.delivered(sue), []);
  assert.deepEqual(there.calls.names, ["reserve_cluster"]);
  console.log(`on AgentCore, 3 minutes: held for ${(tookMs / 1_000).toFixed(1)} s, and answered`);
}

/** A Gateway cuts a call after 5 minutes: the server has handed it over before. */
export async function handOverBehindGateway(postgresUrl: string): Promise<void> {
  const tom = conversationOf("tom");
  await using there = await deployed(postgresUrl, true);
  const { text, tookMs } = await there.ask(tom, "Please reserve a cluster, minutes 30.");
  const taskId = await there.latestTask();
  assert(text.includes(`task ${taskId}, and runs in the background`), text);
  assert(tookMs >= 4.5 * minuteMs && tookMs < 5 * minuteMs, `it took ${tookMs} ms`);
  assert.equal((await there.record.summary({ taskId }))?.status, "working");
  await there.ask(tom, "Cancel it.");
  assert.equal((await there.record.summary({ taskId }))?.status, "cancelled");
  console.log(
    `behind a Gateway, 30 minutes: held for ${(tookMs / 1_000).toFixed(1)} s, then handed over, and goes on`,
  );
}

async function deployed(postgresUrl: string, isBehindGateway = false): Promise<Deployment> {
  const { url: databaseUrl } = await createDatabaseOn(postgresUrl);
  return Deployment.start({ databaseUrl, isBehindGateway, server });
}
