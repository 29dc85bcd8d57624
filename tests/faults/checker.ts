/**
 * What must be true of every history, however often and wherever the processes died. Each rule is a function from the
 * history to what breaks it; `planted.ts` breaks each on purpose and sees that it is found.
 */
import type { Finding, History } from "./history.ts";
import { attemptCounts, attemptsRise, durability, olderAttempts } from "./rules/attempts.ts";
import { results, runsAfterEnd, terminalStates, unfinished } from "./rules/ends.ts";
import { savedStates, stepCounts, stepsRunAgain, valuesStay } from "./rules/steps.ts";
import { duplicated, keyNamesOneTask, lost } from "./rules/submits.ts";
import { answeredOnce, branchesKeepApart, childrenAgree } from "./rules/waits.ts";

const rules = {
  "no acknowledged task is lost": lost,
  "no task is made twice": duplicated,
  "a key names one task": keyNamesOneTask,
  "every task is finished": unfinished,
  "one terminal state, which never changes": terminalStates,
  "nothing runs after the end": runsAfterEnd,
  "results are right": results,
  "a recorded step never runs again": stepsRunAgain,
  "recorded values stay": valuesStay,
  "steps are complete": stepCounts,
  "saved state is the latest": savedStates,
  "an answered question is answered once": answeredOnce,
  "a parent has what its children had": childrenAgree,
  "each branch has its own data": branchesKeepApart,
  "attempts rise": attemptsRise,
  "only the latest attempt works": olderAttempts,
  "attempts are accounted for": attemptCounts,
  "commits are durable": durability,
} as const satisfies Record<string, (history: History) => readonly Finding[]>;

export type RuleName = keyof typeof rules;
export type Violation = Finding & { readonly rule: RuleName };

export const ruleNames = Object.keys(rules) as readonly RuleName[];

export function check(history: History): readonly Violation[] {
  return ruleNames.flatMap((rule) => rules[rule](history).map((finding) => ({ rule, ...finding })));
}
