/**
 * Many processes over one Postgres, under fire: the fleet (`fleet.ts`) is given work by clients (`client.ts`), suffers what
 * is drawn (`fire.ts`), and when it is over everything that was begun must have ended rightly (`checker.ts`).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { perdure, type App } from "../../../packages/perdure/src/index.ts";
import { openPostgresStoreForTest } from "../../../packages/perdure/src/store/postgres/store.ts";
import type { TaskStore } from "../../../packages/perdure/src/store/store.ts";
import { PerdureError } from "../../../packages/perdure/src/task/errors.ts";
import { describeExit } from "../arena.ts";
import type { History } from "../history.ts";
import { eventsOf } from "../journal.ts";
import { readRecord } from "../program/read-record.ts";
import { Random } from "../random.ts";
import type { Report } from "../report.ts";
import { check, ruleNames } from "./checker.ts";
import { Client, clientKinds } from "./client.ts";
import { Fire } from "./fire.ts";
import { Fleet, leaseMs } from "./fleet.ts";
import { takeOverTimes } from "./rules.ts";

export interface DistributedRun {
  readonly folder: string;
  readonly seed: number;
  readonly minutes: number;
  readonly report: Report;
  /** Ends everything at once. */
  readonly abandoned: AbortSignal;
}

/** When nothing is done any more, everything ends within this time. */
const finishMs = 60_000;
const deliveredWithinMs = 20_000;

export async function runDistributed({
  folder,
  seed,
  minutes,
  report,
  abandoned,
}: DistributedRun): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const random = new Random(seed, "distributed");
  const fleet = await Fleet.start(folder, random);
  abandoned.addEventListener("abort", () => void fleet.close());
  try {
    await underFire(fleet, { folder, seed, minutes, random, report });
  } finally {
    await fleet.close();
    fleet.journal.close();
  }
}

async function underFire(
  fleet: Fleet,
  { folder, seed, minutes, random, report }: Omit<DistributedRun, "abandoned"> & { random: Random },
): Promise<void> {
  const operator = startOperator(fleet.postgres.url);
  const endWatch = watchMachine(fleet, operator.store);
  const until = performance.now() + minutes * 60_000;
  const stopped = (): boolean => performance.now() > until;
  const clients = clientKinds.flatMap((kind, k) =>
    [1, 2].map((n) => {
      const name = `c${k}${n}`;
      const { url } = fleet.proxy;
      return new Client({
        url,
        journal: fleet.journal,
        seed,
        kind,
        name,
        window: 16,
        signal: operator.signal,
      });
    }),
  );
  const fire = new Fire(fleet, random.derive("fire"));
  const working = Promise.all(clients.map((client) => client.run(stopped)));
  await Promise.race([working, fire.burn(stopped)]);
  await fire.mended();
  const reasons = [...fire.mishaps];
  await renew(fleet);
  const began = performance.now();
  const finished = await Promise.race([working.then(() => true), pause(finishMs, false, { ref: false })]);
  const openInRecord = await settle(operator.store, began + finishMs);
  const quietMs = performance.now() - began;
  for (const client of clients) {
    client.giveUp();
    reasons.push(...client.problems);
    if (client.open.length > 0) reasons.push(`a client still waits for ${client.open.join(", ")}`);
  }
  if (!finished) reasons.push(`not everything ended within ${finishMs} ms after the last fault`);
  if (openInRecord > 0) reasons.push(`${openInRecord} tasks are open ${finishMs} ms after the last fault`);
  const record = await readRecord(operator.store);
  await deliveredAll(
    fleet,
    record.filter(({ delivers, outcome }) => delivers === true && outcome !== undefined).length,
  );
  for (const member of fleet.members) {
    const exit = await fleet.shutDown(member);
    if (exit?.code !== 0)
      reasons.push(`${member.name}, left alone: ${describeExit(exit)} instead of shutting down`);
  }
  endWatch();
  await operator.close();
  reasons.push(...fleet.sink.problems);
  writeFileSync(join(folder, "record.json"), JSON.stringify(record));
  const history: History = { events: fleet.journal.read(), record };
  tell(report, { fire, fleet, history, quietMs }, reasons);
}

function tell(
  report: Report,
  { fire, fleet, history, quietMs }: { fire: Fire; fleet: Fleet; history: History; quietMs: number },
  reasons: readonly string[],
): void {
  const { record, events } = history;
  const count = (status: string): number => record.filter((task) => task.status === status).length;
  const deeds = [...fire.counts].map(([what, times]) => `${times} ${what}`).join(", ");
  report.note(`done to ${fleet.members.length} processes: ${deeds}`);
  const acknowledged = new Set(eventsOf(events, "acknowledged").map(({ task }) => task)).size;
  const crashed = record.flatMap(({ timeline }) => timeline.filter(({ type }) => type === "crashed")).length;
  report.note(
    `${record.length} tasks (${acknowledged} acknowledged): ${count("completed")} completed, ` +
      `${count("failed")} failed, ${count("cancelled")} cancelled; ${eventsOf(events, "effect").length} runs of steps, ` +
      `${eventsOf(events, "begun").length} attempts, ${crashed} of them taken over; ` +
      `${fleet.sink.ends} ends delivered in ${fleet.sink.tries} tries`,
  );
  const times = takeOverTimes(history)
    .map(({ ms }) => ms)
    .toSorted((a, b) => a - b);
  const seconds = (ms = 0): string => (ms / 1_000).toFixed(1);
  report.note(
    `taken over after a kill, of the time in which there was somebody to do so: median ${seconds(times[Math.floor(times.length / 2)])} s, ` +
      `worst ${seconds(times.at(-1))} s of ${times.length}; a lease is ${seconds(leaseMs)} s`,
  );
  report.claim(
    `all ended within ${seconds(quietMs)} s after the last fault, and every process shut down`,
    reasons,
  );
  const violations = Map.groupBy(check(history), ({ rule }) => rule);
  for (const rule of ruleNames) {
    const found = violations.get(rule) ?? [];
    report.claim(
      rule,
      found.map(({ task, detail }) => (task === undefined ? detail : `${task}: ${detail}`)),
    );
  }
}

/**
 * A machine under load keeps processes from their leases as signals do. The driver carries all bytes, so it is told when
 * it stood still; and when the database, by a way on which nothing is done, took long to answer.
 */
function watchMachine(fleet: Fleet, store: TaskStore): () => void {
  const [lookMs, longMs] = [100, 300];
  let [looked, asking] = [performance.now(), false];
  const note = (ms: number): void => {
    if (ms > longMs) fleet.journal.append({ event: "stalled", ms: Math.round(ms) });
  };
  const ask = async (): Promise<void> => {
    const began = performance.now();
    await store.list({ limit: 1 }).catch(() => undefined);
    note(performance.now() - began);
    asking = false;
  };
  const timer = setInterval(() => {
    note(performance.now() - looked - lookMs);
    looked = performance.now();
    if (!asking) {
      asking = true;
      void ask();
    }
  }, lookMs);
  return () => clearInterval(timer);
}

/** Both versions of the program are there for what waits for them, whatever the fire left. */
async function renew(fleet: Fleet): Promise<void> {
  for (const member of fleet.members) {
    if (member.child?.running === true && (member.role === "serve" || member.version === "2")) continue;
    await fleet.shutDown(member);
    await fleet.born(member, "2");
  }
}

/** Who signals, and reads the record at the end: in the driver, by a way of its own. */
function startOperator(url: string) {
  const ignore = (): void => undefined;
  const store = openPostgresStoreForTest({ url, leaseMs, timeoutMs: 5_000, warn: ignore });
  const app: App = perdure({ name: "operator", version: "1.0.0", store, role: "serve" });
  return {
    store,
    signal: async (
      task: string,
      name: string,
      value: Parameters<App["tasks"]["signal"]>[2],
    ): Promise<boolean> => {
      try {
        await app.tasks.signal(task, name, value);
        return true;
      } catch (error) {
        if (error instanceof PerdureError && error.retryable) return false;
        throw error;
      }
    },
    close: async (): Promise<void> => {
      await app.close();
      await store.close();
    },
  };
}

/** @returns how many are open at `deadline` */
async function settle(store: TaskStore, deadline: number): Promise<number> {
  for (;;) {
    const pages = await Promise.all([
      store.list({ status: "working", limit: 200 }),
      store.list({ status: "input_required", limit: 200 }),
    ]);
    const open = pages.reduce((sum, { tasks }) => sum + tasks.length, 0);
    if (open === 0 || performance.now() > deadline) return open;
    await pause(200);
  }
}

async function deliveredAll(fleet: Fleet, expected: number): Promise<void> {
  fleet.sink.good = true;
  for (const until = performance.now() + deliveredWithinMs; performance.now() < until;) {
    if (fleet.sink.ends >= expected) break;
    await pause(100);
  }
  // Whatever comes twice, comes soon.
  await pause(1_000);
}
