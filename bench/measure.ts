/**
 * A rate alone says little on a machine that others use too, so each benchmark is a *ratio*: the subject (perdure) and
 * a reference (what the disk and SQLite can do at best) run in turns of a tenth of a second, in one process, on one
 * disk, and the order changes at each turn. Two neighbouring turns make a ratio; the median of its ratios is that of a
 * round, so that a neighbour's flush of the disk falls out; and of three rounds the median counts.
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
const pairsPerRound = 15;
const turnMs = 100;
const warmUpMs = 500;

setFlagsFromString("--expose-gc");
/**
 * Of the young objects only. A full collection between the turns also throws away what V8 has learnt of objects that
 * are not there at that moment, and with it optimised code: end to end came out at 0.5 instead of 0.7.
 */
const collectGarbage = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;

/** @returns the median of each number over the rounds, and the rounds. */
export async function measure(contest: Contest): Promise<Round & { readonly rounds: readonly Round[] }> {
  await turn(contest.reference, warmUpMs);
  await turn(contest.subject, warmUpMs);
  const measured: Round[] = [];
  while (measured.length < rounds) measured.push(await round(contest));
  return { ...medians(measured), rounds: measured };
}

function medians(all: readonly Round[]): Round {
  return {
    subject: median(all.map(({ subject }) => subject)),
    reference: median(all.map(({ reference }) => reference)),
    ratio: median(all.map(({ ratio }) => ratio)),
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function round(contest: Contest): Promise<Round> {
  const pairs: Round[] = [];
  while (pairs.length < pairsPerRound) {
    const subjectFirst = pairs.length % 2 === 0;
    const first = await turn(subjectFirst ? contest.subject : contest.reference, turnMs);
    const second = await turn(subjectFirst ? contest.reference : contest.subject, turnMs);
    const [subject, reference] = subjectFirst ? [first, second] : [second, first];
    pairs.push({ subject, reference, ratio: subject / reference });
  }
  return medians(pairs);
}

/** The time is what the turn really took: a group that was begun in time is finished. */
async function turn(run: Run, ms: number): Promise<number> {
  collectGarbage({ type: "minor" }); // neither side pays for what the other left behind
  await setImmediate();
  const begin = performance.now();
  const count = await run(begin + ms);
  return (count / (performance.now() - begin)) * 1_000;
}
