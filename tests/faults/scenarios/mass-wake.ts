/**
 * Ten thousand parked tasks wake within one second, and the process is killed twice in the middle of it: each of them
 * ends, once, and has slept once.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openSqliteStore } from "../../../packages/perdure/src/store/sqlite/index.ts";
import { track } from "../children.ts";
import type { MassWakeOrders } from "../program/mass-wake.ts";
import { readRecord } from "../program/read-record.ts";
import type { Scenario } from "../scenario.ts";

const tasks = 10_000;
const killsWhileWaking = 2;
const asleepWithinMs = 25_000;
const finishWithinMs = 40_000;
const asleepNow = "running = 0 AND attempt = 1";
const program = fileURLToPath(new URL("../program/mass-wake.ts", import.meta.url));

export const massWake: Scenario = {
  name: "mass wake",
  async run({ folder, random, report }) {
    mkdirSync(folder, { recursive: true });
    const store = join(folder, "tasks.db");
    // Nobody wakes while others fall asleep: the time is moved up when all of them do.
    const orders: MassWakeOrders = { store, tasks, wakeAt: Date.now() + 3_600_000 };
    const first = life(orders);
    await once(first.stdout, "data");
    const asleep = await waitFor(() => count(store, asleepNow) === tasks, asleepWithinMs);
    await kill(first);
    const reasons = asleep ? [] : [`only ${count(store, asleepNow)} of ${tasks} fell asleep`];
    const wakeAt = Date.now() + 1_000;
    moveUp(store, wakeAt - orders.wakeAt);
    let killed = 0;
    for (; killed < killsWhileWaking; killed++) {
      const child = life(orders);
      await pause(Math.max(0, wakeAt - Date.now()) + random.between(200, 600));
      await kill(child);
    }
    const between = count(store, "ended_at IS NOT NULL");
    const began = Date.now();
    const last = life(orders);
    let said = "";
    last.stdout.on("data", (data: Buffer) => (said += String(data)));
    if (!(await waitFor(() => last.exitCode !== null, finishWithinMs))) {
      reasons.push(`${count(store, "ended_at IS NULL")} still open after ${finishWithinMs} ms`);
      await kill(last);
    }
    const { doneAt = Date.now() } = JSON.parse(/{.*}/.exec(said)?.[0] ?? "{}") as {
      readonly doneAt?: number;
    };
    const record = await readAll(store);
    const ids = new Set(record.map(({ input }) => (input as unknown as { readonly index: number }).index));
    if (ids.size !== tasks || record.length !== tasks)
      reasons.push(`${record.length} tasks, ${ids.size} different`);
    for (const task of record) {
      const of = (type: string): number => task.timeline.filter((event) => event.type === type).length;
      const wokeOnce = of("completed") === 1 && of("parked") >= 1 && task.operations.length === 1;
      if (task.status !== "completed" || !wokeOnce)
        reasons.push(`${task.id} is ${task.status}: ${task.timeline.map(({ type }) => type).join(" ")}`);
    }
    report.claim(
      `${tasks} parked tasks woken within one second, ${killed} kills while they woke (${between} had ended); ` +
        `the last life ended the rest within ${doneAt - began} ms`,
      reasons,
    );
  },
};

function life(orders: MassWakeOrders) {
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  track(child);
  return child;
}

async function kill(child: ReturnType<typeof life>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "close");
}

async function waitFor(holds: () => boolean, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; Date.now() < until;) {
    if (holds()) return true;
    await pause(100);
  }
  return holds();
}

function count(file: string, condition: string): number {
  using db = new DatabaseSync(file, { readOnly: true });
  return Number(db.prepare(`SELECT count(*) AS n FROM tasks WHERE ${condition}`).get()?.["n"]);
}

/** As if the clock had moved: of all that sleeps. */
function moveUp(file: string, byMs: number): void {
  using db = new DatabaseSync(file);
  db.exec(`BEGIN IMMEDIATE;
    UPDATE tasks SET due_at = due_at + ${byMs} WHERE due_at IS NOT NULL;
    UPDATE operations SET wake_at = wake_at + ${byMs},
      wait = json_set(wait, '$.until', json_extract(wait, '$.until') + ${byMs}) WHERE state = 'open';
    COMMIT`);
}

async function readAll(file: string) {
  const store = openSqliteStore({ file });
  const record = await readRecord(store);
  await store.close();
  return record;
}
