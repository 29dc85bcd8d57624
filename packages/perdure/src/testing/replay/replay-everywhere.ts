/**
 * `replayEverywhere`: whether a handler keeps the rules of replay, found out by doing it. The task runs once undisturbed;
 * then once for each write of that run, in a process that dies right after it, and to its end in a new one. Wherever it
 * died, the outcome has to be the same, and the recorded operations too.
 */
import { isDeepStrictEqual } from "node:util";
import type { App } from "../../app/app.ts";
import type { DeclaredTask } from "../../app/declaration.ts";
import { type Duration, toMs } from "../../task/duration.ts";
import { PerdureError } from "../../task/errors.ts";
import type { JsonValue } from "../../task/json.ts";
import { type Answers, type Life, live, type LifeParts, type Outcome } from "./life.ts";
import { OuterWorld } from "./outer-world.ts";

export { type Answers, declined } from "./life.ts";

export interface ReplayOptions {
  /**
   * Counts what the handler does to the world outside of its steps: mails sent, rows written. A life with a death in it
   * must count as many as one without.
   */
  readonly effects?: () => number;
  /** Real time that the handler may run without writing anything. Default 5 s. */
  readonly patience?: Duration;
}

export type ReplayOutcome =
  | { readonly status: "completed"; readonly result: JsonValue | undefined }
  | { readonly status: "failed"; readonly code: string; readonly message: string }
  | { readonly status: "cancelled" };

export interface ReplayDifference {
  /** The last write before the death, as `step "charge"`. */
  readonly diedAfter: string;
  readonly what: "outcome" | "operations" | "unvisited" | "effects";
  /** What was expected and what came. */
  readonly message: string;
}

export interface ReplayReport {
  /** Of the undisturbed run. */
  readonly outcome: ReplayOutcome;
  /** After which writes the process died. */
  readonly diedAfter: readonly string[];
  /** Empty for a handler that keeps the rules. */
  readonly differences: readonly ReplayDifference[];
}

/**
 * Runs a task in memory, again and again, with a death after every write in turn. Meanwhile `Date` and `Math.random`
 * are the test's, and other than before after each death; waits take no time. Not two of these at once.
 * @param task declares the task, and what it calls, on an application: `(app) => declareTools(app).train`. Called for
 * every process anew, so what it makes is lost with the process.
 * @param answers by name: the content for each question, `declined`, or the value of each signal.
 * @throws PerdureError `INVALID_OPTION` where an answer is missing or does not fit.
 */
export async function replayEverywhere<Input>(
  task: (app: App) => DeclaredTask<Input>,
  input: Input,
  answers: Answers = {},
  { effects = () => 0, patience = "5s" }: ReplayOptions = {},
): Promise<ReplayReport> {
  using world = new OuterWorld();
  const patienceMs = toMs(patience, "patience");
  const counted = async (parts: Pick<LifeParts, "before" | "diesAfter">): Promise<CountedLife> => {
    const earlier = effects();
    const declare = task as (app: App) => DeclaredTask;
    const life = await live({ declare, input, answers, world, patienceMs, ...parts });
    return { ...life, effects: effects() - earlier };
  };
  const undisturbed = await counted({ before: new Map(), diesAfter: undefined });
  const { outcome, writes, steps: before } = undisturbed;
  if (outcome.status === "stuck") {
    throw new PerdureError("INVALID_OPTION", { message: `replayEverywhere: ${outcome.why}.` });
  }
  const differences: ReplayDifference[] = [];
  for (const [i, diedAfter] of writes.entries()) {
    const disturbed = await counted({ before, diesAfter: i + 1 });
    if (disturbed.died) differences.push(...differencesOf(undisturbed, disturbed, diedAfter));
  }
  return { outcome: spoken(outcome), diedAfter: writes, differences };
}

type CountedLife = Life & { readonly effects: number };

function* differencesOf(
  expected: CountedLife,
  came: CountedLife,
  diedAfter: string,
): Generator<ReplayDifference> {
  if (!isDeepStrictEqual(comparable(expected.outcome), comparable(came.outcome))) {
    yield { diedAfter, what: "outcome", message: wasNow(tell(expected.outcome), tell(came.outcome)) };
  }
  const [before, after] = [operationsOf(expected), operationsOf(came)];
  const gone = before.filter((name) => !after.includes(name));
  const added = after.filter((name) => !before.includes(name));
  if (gone.length + added.length > 0) {
    yield { diedAfter, what: "operations", message: wasNow(namesOf(gone), namesOf(added)) };
  }
  if (came.unvisited.length > 0) {
    yield {
      diedAfter,
      what: "unvisited",
      message: `recorded, and not come to again: ${came.unvisited.join(", ")}`,
    };
  }
  if (expected.effects !== came.effects) {
    const message = wasNow(String(expected.effects), String(came.effects));
    yield { diedAfter, what: "effects", message };
  }
}

const wasNow = (was: string, now: string): string => `undisturbed ${was}, after the death ${now}`;
const namesOf = (names: readonly string[]): string =>
  names.length === 0 ? "nothing else" : names.join(", ");

function operationsOf({ operations }: Life): string[] {
  return operations.map(({ kind, name, state }) => `${kind} ${JSON.stringify(name)} ${state}`);
}

/** What a failure says of times and ids, in its message, is not compared; its code and data are. */
function comparable(outcome: Outcome): unknown {
  if (outcome.status !== "failed") return outcome;
  const { code, name, data } = outcome.failure;
  return { code, name, data };
}

function tell(outcome: Outcome): string {
  switch (outcome.status) {
    case "completed":
      return outcome.result === undefined ? "returned nothing" : `returned ${JSON.stringify(outcome.result)}`;
    case "failed":
      return `failed with ${outcome.failure.code}: ${outcome.failure.message}`;
    case "cancelled":
      return "was cancelled";
    case "stuck":
      return outcome.why;
  }
}

function spoken(outcome: Exclude<Outcome, { readonly status: "stuck" }>): ReplayOutcome {
  if (outcome.status !== "failed") return outcome;
  const { code, message } = outcome.failure;
  return { status: "failed", code, message };
}
