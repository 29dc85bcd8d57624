/** The rules of a history of many processes: those of one machine that hold here as well, and those of `rules.ts`. */
import type { Finding, History } from "../history.ts";
import { attemptsRise } from "../rules/attempts.ts";
import { results, unfinished } from "../rules/ends.ts";
import { savedStates, stepCounts, stepsRunAgain, valuesStay } from "../rules/steps.ts";
import { duplicated, keyNamesOneTask, lost } from "../rules/submits.ts";
import { answeredOnce, branchesKeepApart, childrenAgree } from "../rules/waits.ts";
import {
  cancelsHold,
  deliveredOnce,
  effectsOnce,
  fencing,
  keysOnce,
  nobodyWaits,
  oneEnd,
  recordedByTheLatest,
  operationsOnce,
  seenAsItIs,
  takeOversHaveReasons,
  takeOversInTime,
  versionsKept,
  withoutGhosts,
} from "./rules.ts";

type Rule = (history: History) => readonly Finding[];

/** A ghost's lines are left out. */
const pastGhosts =
  (rule: Rule): Rule =>
  (history) =>
    rule(withoutGhosts(history));

const rules = {
  "no acknowledged task is lost": lost,
  "no task is made twice": duplicated,
  "a key names one task": (history) => [...keyNamesOneTask(history), ...keysOnce(history)],
  "every task is finished": unfinished,
  "nobody waits for ever": nobodyWaits,
  "one terminal state each": oneEnd,
  "what a client was told is what is": seenAsItIs,
  "an acknowledged cancel holds": cancelsHold,
  "results are right": results,
  "no operation is recorded twice": operationsOnce,
  "a recorded step never runs again": pastGhosts(stepsRunAgain),
  "recorded values stay": pastGhosts(valuesStay),
  "steps are complete": stepCounts,
  "effects are counted by task, name and attempt": effectsOnce,
  "saved state is the latest": pastGhosts(savedStates),
  "an answered question is answered once": answeredOnce,
  "a parent has what its children had": childrenAgree,
  "each branch has its own data": branchesKeepApart,
  "attempts rise": pastGhosts(attemptsRise),
  "an older attempt writes nothing": (history) => [...fencing(history), ...recordedByTheLatest(history)],
  "only who was kept from its lease is taken over": takeOversHaveReasons,
  "a killed process is taken over in time": takeOversInTime,
  "every end is delivered once": deliveredOnce,
  "a task runs as the version that it was made for": versionsKept,
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;
export type Violation = Finding & { readonly rule: RuleName };

export const ruleNames = Object.keys(rules) as readonly RuleName[];

export function check(history: History): readonly Violation[] {
  return ruleNames.flatMap((rule) => rules[rule](history).map((finding) => ({ rule, ...finding })));
}
