/**
 * Two processes on one file, both submitting; one executes. It is killed, and the time is taken until the other runs
 * a task. The dead one is born again, now as the attached one, and so on in turn.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Arena, summary } from "../arena.ts";
import type { Child } from "../children.ts";
import { eventsOf, type JournalEvent, monotonicMs } from "../journal.ts";
import type { Random } from "../random.ts";
import type { Scenario, Stage } from "../scenario.ts";

const rounds = 6;
const births = 4;
/** The promise: an attached process takes over within a second. */
const takeOverMs = 1_000;
const patienceMs = 8_000;
const work = { kind: "stream", window: 8 } as const;

export const takeOver: Scenario = {
  name: "take-over",
  async run(stage) {
    await killOwnerInTurns(stage);
    await bornTogether(stage);
  },
};

async function killOwnerInTurns({ folder, seed, random, report }: Stage): Promise<void> {
  const arena = new Arena(join(folder, "owner-killed"), { seed });
  let owner = arena.spawn({ name: "a", work });
  await owner.ready;
  const times: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const heir = await attach(arena, owner.name === "a" ? "b" : "a", random);
    await pause(random.between(200, 500));
    if (!workersOf(arena.events()).has(owner.pid))
      arena.mishap(`round ${round}: ${owner.name} executed nothing`);
    const at = monotonicMs();
    arena.expectKilled(await owner.kill(), `round ${round}`);
    times.push(await timeUntilWork(arena, heir, at));
    owner = heir;
  }
  arena.stop();
  const last = arena.spawn({ name: owner.name === "a" ? "b" : "a", work });
  await Promise.all([arena.finish(owner), arena.finish(last)]);
  const verdict = await arena.verdict();
  const slow = times.filter((ms) => ms > takeOverMs).map((ms) => `took over after ${ms.toFixed(0)} ms`);
  report.claim(
    `the owner of a file killed ${rounds} times, the attached process took over after ` +
      `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms: ${summary(verdict)}`,
    [...slow, ...overlaps(verdict.events), ...verdict.reasons],
  );
}

async function timeUntilWork(arena: Arena, heir: Child, since: number): Promise<number> {
  while (monotonicMs() - since < patienceMs) {
    const first = arena.events().find((event) => isWork(event) && event.pid === heir.pid && event.at > since);
    if (first !== undefined) return first.at - since;
    await pause(20);
  }
  arena.mishap(`${heir.name} did not take over within ${patienceMs} ms`);
  return patienceMs;
}

/** Every other one that comes up dies once in the middle of a write of its own, which must not trouble the owner. */
async function attach(arena: Arena, name: string, random: Random): Promise<Child> {
  if (random.next() < 0.5) {
    const ambush = { point: random.between(1, 60), signal: "SIGKILL" } as const;
    const short = arena.spawn({ name, work, ambush });
    arena.expectKilled(await short.exitWithin(patienceMs), `attached, at write point ${ambush.point}`);
  }
  const child = arena.spawn({ name, work });
  await child.ready;
  return child;
}

/** Two programs that open a new file at the same moment share its birth, and then its work. */
async function bornTogether({ folder, seed, report }: Stage): Promise<void> {
  const reasons: string[] = [];
  for (let birth = 1; birth <= births; birth++) {
    const arena = new Arena(join(folder, `born-together-${birth}`), { seed });
    const children = ["a", "b"].map((name) => arena.spawn({ name, work }));
    await Promise.all(children.map((child) => child.ready));
    await pause(150);
    arena.stop();
    await Promise.all(children.map((child) => arena.finish(child)));
    const verdict = await arena.verdict();
    reasons.push(...verdict.reasons, ...overlaps(verdict.events));
  }
  report.claim(`two processes opened a new file at the same moment, ${births} times`, reasons);
}

/** One process executes at a time: who works after another has begun to is never the one before. */
export function overlaps(events: readonly JournalEvent[]): readonly string[] {
  const retired = new Set<number>();
  let current: number | undefined;
  return events.filter(isWork).flatMap((event) => {
    if (event.pid === current) return [];
    if (current !== undefined) retired.add(current);
    current = event.pid;
    return retired.has(event.pid) ? [`process ${event.pid} worked again after another had begun to`] : [];
  });
}

export function isWork(event: JournalEvent): boolean {
  return event.event === "begun" || event.event === "effect";
}

function workersOf(events: readonly JournalEvent[]): ReadonlySet<number> {
  return new Set(eventsOf(events, "begun").map((event) => event.pid));
}
