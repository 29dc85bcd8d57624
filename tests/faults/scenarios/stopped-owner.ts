/**
 * The process that executes is stopped (SIGSTOP): it holds the file's lock and its attempts are not dead. The attached
 * process must run nothing, and still reads and submits. After SIGCONT the owner goes on as if nothing had been; or it
 * is killed as it stands, and the other takes over.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Arena, summary } from "../arena.ts";
import type { Child } from "../children.ts";
import { type EventOf, eventsOf, type JournalEvent, monotonicMs } from "../journal.ts";
import type { Scenario, Stage } from "../scenario.ts";
import type { Ambush } from "../write-points.ts";
import { isWork, overlaps } from "./take-over.ts";

const stoppedMs = 2_500;
const takeOverMs = 1_000;
/** After SIGCONT or a kill, so long until something must have run again. */
const resumeMs = 1_500;
const work = { kind: "stream", window: 8 } as const;

export const stoppedOwner: Scenario = {
  name: "stopped owner",
  async run(stage) {
    await continued(stage);
    await killedAsItStood(stage);
    await insideTransaction(stage);
  },
};

interface Pair {
  readonly arena: Arena;
  readonly owner: Child;
  readonly attached: Child;
}

async function pair({ folder, seed }: Stage, name: string, ambush?: Ambush): Promise<Pair> {
  const arena = new Arena(join(folder, name), { seed });
  const owner = arena.spawn({ name: "a", work, stepMs: 15, ...(ambush && { ambush }) });
  await owner.ready;
  const attached = arena.spawn({ name: "b", work, stepMs: 15, probe: true });
  await attached.ready;
  await pause(400);
  return { arena, owner, attached };
}

async function continued(stage: Stage): Promise<void> {
  const { arena, owner, attached } = await pair(stage, "continued");
  const stopped = await stopFor(arena, owner, stoppedMs);
  await pause(resumeMs);
  arena.stop();
  await Promise.all([arena.finish(owner), arena.finish(attached)]);
  const verdict = await arena.verdict();
  const resumed = verdict.events.find((event) => isWork(event) && event.at > stopped.until);
  const wentOn = resumed === undefined || resumed.pid !== owner.pid ? ["the owner did not go on"] : [];
  const probes = probesDuring(verdict.events, attached, stopped);
  stage.report.claim(
    `the owner stopped for ${stoppedMs} ms: nothing ran, the attached process made ${probes.text}; ` +
      `the owner went on ${((resumed?.at ?? 0) - stopped.until).toFixed(0)} ms after SIGCONT: ${summary(verdict)}`,
    [
      ...workDuring(verdict.events, stopped),
      ...probes.reasons,
      ...wentOn,
      ...overlaps(verdict.events),
      ...verdict.reasons,
    ],
  );
}

async function killedAsItStood(stage: Stage): Promise<void> {
  const { arena, owner, attached } = await pair(stage, "killed-as-it-stood");
  await stopOutsideTransaction(arena, owner);
  await pause(1_000);
  const at = monotonicMs();
  arena.expectKilled(await owner.kill(), "stopped");
  await pause(resumeMs);
  arena.stop();
  await Promise.all([arena.finish(attached), arena.finish(arena.spawn({ name: "a", work }))]);
  const verdict = await arena.verdict();
  const first = verdict.events.find((event) => isWork(event) && event.at > at);
  const tookMs = first === undefined ? Number.POSITIVE_INFINITY : first.at - at;
  stage.report.claim(
    `a stopped owner killed: the attached process took over after ${tookMs.toFixed(0)} ms: ${summary(verdict)}`,
    [
      ...(tookMs > takeOverMs ? [`not within ${takeOverMs} ms`] : []),
      ...overlaps(verdict.events),
      ...verdict.reasons,
    ],
  );
}

/**
 * The worst moment: stopped between BEGIN and COMMIT, the owner holds the file's write lock as well. The attached
 * process cannot write until it goes on; a third one, born now, must still come up and read.
 */
async function insideTransaction(stage: Stage): Promise<void> {
  const ambush = { point: stage.random.between(1, 200), signal: "SIGSTOP" } as const;
  const { arena, owner, attached } = await pair(stage, "inside-transaction", ambush);
  owner.signal("SIGUSR2");
  const hit = await waitForHit(arena);
  const since = monotonicMs();
  const third = arena.spawn({ name: "c", work: { kind: "list", items: [] } });
  await pause(stoppedMs);
  const stopped = { since, until: monotonicMs() };
  const bornMs = eventsOf(arena.events(), "ready").find((event) => event.pid === third.pid)?.at;
  owner.signal("SIGCONT");
  await pause(resumeMs);
  arena.stop();
  await Promise.all([owner, attached, third].map((child) => arena.finish(child)));
  const verdict = await arena.verdict();
  const probes = eventsOf(verdict.events, "probe").filter((probe) => probe.at > since);
  const stillMs = longestSilence(verdict.events, attached, since);
  const codes = new Set(probes.flatMap((probe) => (probe.code === undefined ? [] : [probe.code])));
  const born = bornMs === undefined ? "did not come up" : `came up after ${(bornMs - since).toFixed(0)} ms`;
  stage.report.claim(
    `the owner stopped for ${stoppedMs} ms inside a transaction (${hit?.label}): nothing ran, a third process ` +
      `${born}, the attached one stood still for ${stillMs.toFixed(0)} ms ` +
      `(${codes.size === 0 ? "none refused" : [...codes].join(", ")}): ${summary(verdict)}`,
    [
      ...(hit === undefined ? ["the write point never came"] : []),
      ...(bornMs === undefined ? [`a third process did not come up within ${stoppedMs} ms`] : []),
      ...[...codes].filter((code) => code !== "STORE_BUSY").map((code) => `a probe was answered ${code}`),
      ...workDuring(verdict.events, stopped),
      ...overlaps(verdict.events),
      ...verdict.reasons,
    ],
  );
}

/** A write that waits for another process's lock holds up the whole event loop. */
function longestSilence(events: readonly JournalEvent[], child: Child, since: number): number {
  const times = events
    .filter((event) => event.pid === child.pid && event.at > since)
    .map((event) => event.at);
  return Math.max(0, ...times.map((time, i) => time - (times[i - 1] ?? since)));
}

async function waitForHit(arena: Arena): Promise<EventOf<"hit"> | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    const hit = eventsOf(arena.events(), "hit")[0];
    if (hit !== undefined) return hit;
    await pause(20);
  }
  return undefined;
}

interface Span {
  readonly since: number;
  readonly until: number;
}

async function stopFor(arena: Arena, child: Child, ms: number): Promise<Span> {
  await stopOutsideTransaction(arena, child);
  const since = monotonicMs();
  await pause(ms);
  const until = monotonicMs();
  child.signal("SIGCONT");
  return { since, until };
}

/** A busy process is often in the middle of a commit. That case has its own claim; here it is let go and stopped anew. */
async function stopOutsideTransaction(arena: Arena, child: Child): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    child.signal("SIGSTOP");
    await pause(20);
    if (arena.canWrite()) return;
    child.signal("SIGCONT");
    await pause(5);
  }
  arena.mishap("the owner was always inside a transaction");
}

function workDuring(events: readonly JournalEvent[], { since, until }: Span): readonly string[] {
  const ran = events.filter((event) => isWork(event) && event.at > since && event.at < until);
  return ran.length === 0 ? [] : [`${ran.length} begins and steps ran while the owner was stopped`];
}

/** The probes must all have been answered, and there must have been enough of them to say so. */
function probesDuring(events: readonly JournalEvent[], child: Child, { since, until }: Span) {
  const probes = eventsOf(events, "probe").filter(
    ({ pid, at }) => pid === child.pid && at > since && at < until,
  );
  const of = (what: "read" | "submit") => probes.filter((probe) => probe.what === what);
  const slowest = (some: readonly EventOf<"probe">[]) =>
    Math.max(0, ...some.map((probe) => probe.tookMs)).toFixed(1);
  const [reads, submits] = [of("read"), of("submit")];
  const refused = probes.flatMap(({ what, code }) =>
    code === undefined ? [] : [`a ${what} was answered ${code}`],
  );
  const few =
    Math.min(reads.length, submits.length) < 5
      ? [`only ${reads.length} reads, ${submits.length} submits`]
      : [];
  return {
    text: `${reads.length} reads (≤ ${slowest(reads)} ms) and ${submits.length} submits (≤ ${slowest(submits)} ms)`,
    reasons: [...refused, ...few],
  };
}
