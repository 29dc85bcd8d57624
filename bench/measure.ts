/**
 * A rate alone says little on a machine that others use too, so each benchmark is a *ratio*: the subject (perdure) and
 * a reference (what the disk and SQLite can do at best) run in turns of a fraction of a second, in one process, on one
 * disk, and the order changes at each turn. Three rounds of such turns make three ratios; the median counts.
 */
import { setFlagsFromString } from "node:v8";
import { setImmediate } from "node:timers/promises";
import { runInNewContext } from "node:vm";

/** Repeats its operation until `performance.now()` has reached `untilMs`; returns how often. */
export type Run = (untilMs: number) => number | Promise<number>;

export interface Contest {
  readonly subject: Run;
  readonly reference: Run;
}

/** Operations per second, and their quotient. */
export interface Round {
  readonly subject: number;
  readonly reference: number;
  readonly ratio: number;
}

const rounds = 3;
const turnsPerRound = 8;
const turnMs = 200;
const warmUpMs = 500;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** @returns the median of each number over the rounds, and the rounds. */
export async function measure(contest: Contest): Promise<Round & { readonly rounds: readonly Round[] }> {
  await turn(contest.reference, warmUpMs);
  await turn(contest.subject, warmUpMs);
  const measured: Round[] = [];
  while (measured.length < rounds) measured.push(await round(contest));
  return {
    subject: median(measured.map((each) => each.subject)),
    reference: median(measured.map((each) => each.reference)),
    ratio: median(measured.map((each) => each.ratio)),
    rounds: measured,
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function round(contest: Contest): Promise<Round> {
  const total = { subject: { count: 0, ms: 0 }, reference: { count: 0, ms: 0 } };
  for (let i = 0; i < turnsPerRound; i++) {
    const order = i % 2 === 0 ? (["subject", "reference"] as const) : (["reference", "subject"] as const);
    for (const side of order) {
      const took = await turn(contest[side], turnMs);
      total[side].count += took.count;
      total[side].ms += took.ms;
    }
  }
  const subject = perSecond(total.subject);
  const reference = perSecond(total.reference);
  return { subject, reference, ratio: subject / reference };
}

/** The time is what the turn really took: a group that was begun in time is finished. */
async function turn(run: Run, ms: number): Promise<{ count: number; ms: number }> {
  collectGarbage(); // neither side pays for what the other left behind
  await setImmediate();
  const begin = performance.now();
  const count = await run(begin + ms);
  return { count, ms: performance.now() - begin };
}

function perSecond(total: { readonly count: number; readonly ms: number }): number {
  return (total.count / total.ms) * 1_000;
}
