/**
 * How long after the handler's return the result, or the word of it, has reached whoever waits for it: the commit of
 * the end included. Each way of waiting by itself, a few clients at a time; the slowest way's median counts.
 */
import { join } from "node:path";
import { median } from "../measure.ts";
import type { Outcome } from "../report.ts";
import { type Caller, openCallers } from "./load.ts";
import { request2025, request2026 } from "./requests.ts";
import { startServer } from "./server-process.ts";

const name = "completion to the slowest waiter";
const limitMs = 5;
const clients = 4;
const waitsOfEach = 12;
const [leastMs, spreadMs] = [40, 40];

/** Waits for a task that takes `ms`; tells when it knew of the end (ms of this clock), and whom to ask for the result. */
type Wait = (caller: Caller, ms: number) => Promise<{ readonly heard: number; readonly said: string }>;

const waits: Readonly<Record<string, Wait>> = {
  "held call, 2026": async (caller, ms) =>
    hear(caller, request2026("tools/call", timed(ms), { tasks: false }), '"ended"'),
  "held call, 2025": async (caller, ms) =>
    hear(caller, request2025("tools/call", timed(ms), caller.session), '"ended"'),
  "tasks/result": async (caller, ms) => {
    const start = request2025("tools/call", { ...timed(ms), task: {} }, caller.session);
    const taskId = taskIdIn(await caller.call(start, '"taskId"'));
    return hear(caller, request2025("tasks/result", { taskId }, caller.session), '"ended"');
  },
  listen: async (caller, ms) => {
    const start = request2026("tools/call", timed(ms), { tasks: true });
    const taskId = taskIdIn(await caller.call(start, '"taskId"'));
    const notifications = { taskIds: [taskId] };
    return hear(caller, request2026("subscriptions/listen", { notifications }, { tasks: true }), '"ended"');
  },
  check_task_status: async (caller, ms) => {
    const start = request2026("tools/call", timed(ms), { tasks: true });
    const task_id = taskIdIn(await caller.call(start, '"taskId"'));
    const wait = { name: "check_task_status", arguments: { task_id, wait_seconds: 50 } };
    const { heard } = await hear(caller, request2026("tools/call", wait, { tasks: false }), '"completed"');
    const result = { name: "get_task_results", arguments: { task_id } };
    return { heard, said: await caller.call(request2026("tools/call", result, { tasks: false }), '"ended"') };
  },
};

export const completions = { name, run };

async function run(folder: string): Promise<Outcome> {
  using server = await startServer("waits.server.ts", join(folder, "waits.db"));
  const callers = await openCallers(server.url, clients, { sessions: true });
  for (const wait of Object.values(waits)) await delays(wait, callers, 4); // the first of each loads and compiles
  const medians: Record<string, number> = {};
  for (const [way, wait] of Object.entries(waits)) medians[way] = median(await delays(wait, callers));
  for (const caller of callers) caller.close();
  const slowest = Math.max(...Object.values(medians));
  return {
    name,
    unit: "ms",
    subject: slowest,
    reference: limitMs,
    ratio: limitMs / slowest,
    target: 1,
    ok: slowest <= limitMs,
    details: medians,
  };
}

async function delays(wait: Wait, callers: readonly Caller[], times = waitsOfEach): Promise<number[]> {
  const all: number[] = [];
  await Promise.all(
    callers.map(async (caller) => {
      for (let i = 0; i < times; i++) {
        const { heard, said } = await wait(caller, leastMs + Math.random() * spreadMs);
        all.push(heard - endedIn(said));
      }
    }),
  );
  return all;
}

function timed(ms: number) {
  return { name: "timed", arguments: { ms } };
}

/** On a stream the end is heard before the stream has ended. */
async function hear(caller: Caller, request: Uint8Array, end: string) {
  let heard: number | undefined;
  const said = await caller.call(request, end, (text) => {
    if (text.includes(end)) heard ??= Number(process.hrtime.bigint()) / 1e6;
  });
  if (heard === undefined) throw new Error(`${end} came in pieces: ${said}`);
  return { heard, said };
}

function taskIdIn(body: string): string {
  const id = /"taskId":"([^"]+)"/.exec(body)?.[1];
  if (id === undefined) throw new Error(`no task was started: ${body}`);
  return id;
}

function endedIn(said: string): number {
  return Number(/\\?"ended\\?":([\d.]+)/.exec(said)?.[1]);
}
