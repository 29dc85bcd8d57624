/**
 * 1,000 held calls of handlers that say nothing: how far from their due times the heartbeats come, of 100 the one that
 * is the latest but one. A heartbeat is due each interval after the call was sent, so that delays add up.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../report.ts";
import { Connection } from "./connection.ts";
import { request2026 } from "./requests.ts";
import { startServer } from "./server-process.ts";

const name = "1,000 held calls, 99 % of heartbeats";
const calls = 1_000;
const opening = 50;
/** Of the tool that is called. */
const intervalMs = 2_000;
const beats = 4;
const limitMs = 1_000;

export const heartbeats = { name, run };

async function run(folder: string): Promise<Outcome> {
  using server = await startServer("waits.server.ts", join(folder, "heartbeats.db"));
  const connections: Connection[] = [];
  while (connections.length < calls) {
    const opened = Array.from({ length: opening }, () => Connection.open(server.url));
    connections.push(...(await Promise.all(opened)));
  }
  const heard = connections.map((connection) => listenTo(connection));
  await sleep((beats + 0.5) * intervalMs + limitMs);
  for (const connection of connections) connection.close();
  const late = heard.flatMap(latenesses).toSorted((a, b) => a - b);
  const subject = late[Math.ceil(late.length * 0.99) - 1] ?? Number.NaN;
  return {
    name,
    unit: "ms",
    subject,
    reference: limitMs,
    ratio: limitMs / subject,
    target: 1,
    ok: subject <= limitMs,
    details: { calls, beats, medianMs: late[late.length >> 1], latestMs: late.at(-1) },
  };
}

/** When the call was sent, and then each heartbeat came. */
function listenTo(connection: Connection): number[] {
  const times = [performance.now()];
  const call = request2026("tools/call", { name: "silent", arguments: {} }, { tasks: false });
  const onPart = (text: string): void => {
    for (const _ of text.matchAll(/"notifications\/progress"/g)) times.push(performance.now());
  };
  connection.send(call, onPart).catch(() => undefined);
  return times;
}

/** A heartbeat that did not come is infinitely late. */
function latenesses([sent = 0, ...came]: readonly number[]): number[] {
  return Array.from({ length: beats }, (_, i) => {
    const at = came[i];
    return at === undefined ? Number.POSITIVE_INFINITY : Math.abs(at - (sent + (i + 1) * intervalMs));
  });
}
