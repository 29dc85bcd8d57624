/**
 * A checker that finds nothing proves nothing. In the good history it must find nothing, and of the bugs that an engine
 * could have, each planted into that history, every one: by the rule that is named.
 */
import { check, type RuleName, ruleNames } from "./checker.ts";
import {
  branches,
  branchesInRecord,
  branchesWith,
  childInRecord,
  childResult,
  completed,
  doomed,
  good,
  later,
  ofLoop,
  ofStages,
  recordWith,
  stages,
  stagesInRecord,
  step,
  stuck,
  t1,
} from "./good-history.ts";
import type { History } from "./history.ts";
import { branchValue, stepValue } from "./program/plan.ts";

interface Plant {
  readonly bug: string;
  readonly rule: RuleName;
  readonly history: History;
}

const plants: readonly Plant[] = [
  {
    bug: "an acknowledged task is gone",
    rule: "no acknowledged task is lost",
    history: { ...good, record: good.record.filter(({ id }) => id !== "T1") },
  },
  {
    bug: "a task kept another's input",
    rule: "no acknowledged task is lost",
    history: recordWith("T1", { input: stages.input }),
  },
  {
    bug: "one submit made two tasks",
    rule: "no task is made twice",
    history: { ...good, record: [...good.record, { ...t1, id: "T9" }] },
  },
  {
    bug: "a key was given to a second task",
    rule: "a key names one task",
    history: later({ event: "submitting", ...stages }, { event: "acknowledged", key: "a-0", task: "T9" }),
  },
  {
    bug: "other input under a key was let in",
    rule: "a key names one task",
    history: later({ event: "conflict", key: "a-0", code: "ACCEPTED" }),
  },
  {
    bug: "the record forgot the key",
    rule: "a key names one task",
    history: recordWith("T0", { idempotencyKey: undefined }),
  },
  {
    bug: "a task was left unfinished",
    rule: "every task is finished",
    history: recordWith("T1", { outcome: undefined, status: "working", phase: "queued" }),
  },
  {
    bug: "a cancelled task completed afterwards",
    rule: "one terminal state, which never changes",
    history: recordWith("T2", { outcome: completed(stuck), status: "completed" }),
  },
  {
    bug: "two ends in one timeline",
    rule: "one terminal state, which never changes",
    history: recordWith("T0", {
      timeline: [...stagesInRecord.timeline.slice(0, -1), { type: "failed" }, { type: "completed" }],
    }),
  },
  {
    bug: "an event after the end",
    rule: "one terminal state, which never changes",
    history: recordWith("T0", { timeline: [...stagesInRecord.timeline, { type: "operation" }] }),
  },
  {
    bug: "an ended task was begun again",
    rule: "nothing runs after the end",
    history: later({ event: "begun", ...ofStages, attempt: 3 }),
  },
  {
    bug: "a wrong sum",
    rule: "results are right",
    history: recordWith("T0", { outcome: { status: "completed", result: { key: "a-0", total: -1 } } }),
  },
  {
    bug: "completed where failure was expected",
    rule: "results are right",
    history: recordWith("T3", { outcome: completed(doomed) }),
  },
  {
    bug: "a step ran again after its promise had resolved",
    rule: "a recorded step never runs again",
    history: later({ event: "effect", ...step(0), attempt: 2 }),
  },
  {
    bug: "a step ran again after it was committed, before anybody knew",
    rule: "a recorded step never runs again",
    history: recordWith("T0", {
      operations: stagesInRecord.operations.map((operation) => ({ ...operation, attempt: 1 })),
    }),
  },
  {
    bug: "a recorded value changed",
    rule: "recorded values stay",
    history: later({ event: "recorded", ...step(0), attempt: 2, value: -1 }),
  },
  {
    bug: "completed without its second step",
    rule: "steps are complete",
    history: recordWith("T0", { operations: stagesInRecord.operations.slice(0, 1) }),
  },
  {
    bug: "completed without having run a round",
    rule: "steps are complete",
    history: {
      ...good,
      events: good.events.filter((event) => !("step" in event && event.step === "round-1")),
    },
  },
  {
    bug: "saved state fell back",
    rule: "saved state is the latest",
    history: later({ event: "resumed", task: "T1", attempt: 2, round: 1 }),
  },
  {
    bug: "saved state was invented",
    rule: "saved state is the latest",
    history: later({ event: "resumed", task: "T1", attempt: 2, round: 9 }),
  },
  {
    bug: "an attempt began twice",
    rule: "attempts rise",
    history: later({ event: "begun", ...ofLoop, attempt: 2 }),
  },
  {
    bug: "the record counts fewer attempts than ran",
    rule: "attempts rise",
    history: recordWith("T0", { attempt: 1 }),
  },
  {
    bug: "an older attempt still worked",
    rule: "only the latest attempt works",
    history: later({ event: "recorded", ...step(1), attempt: 1, value: stepValue(stages.input, 1) }),
  },
  {
    bug: "attempts without a reason",
    rule: "attempts are accounted for",
    history: recordWith("T0", { attempt: 5 }),
  },
  {
    bug: "a task was left parked",
    rule: "every task is finished",
    history: recordWith("T4", { outcome: undefined, status: "input_required", phase: "parked" }),
  },
  {
    bug: "a question took two answers",
    rule: "an answered question is answered once",
    history: later({ event: "answered", task: "T4", key: "q9", taken: true }),
  },
  {
    bug: "an answer is in the timeline twice",
    rule: "an answered question is answered once",
    history: recordWith("T4", {
      timeline: [...branchesInRecord.timeline.slice(0, -1), ...branchesInRecord.timeline.slice(-2)],
    }),
  },
  {
    bug: "an answer that was taken is gone",
    rule: "an answered question is answered once",
    history: recordWith("T4", {
      timeline: branchesInRecord.timeline.filter(({ type }) => type !== "answered"),
    }),
  },
  {
    bug: "a question was answered by nobody",
    rule: "an answered question is answered once",
    history: { ...good, events: good.events.filter(({ event }) => event !== "answering") },
  },
  {
    bug: "a parent has another result than its child",
    rule: "a parent has what its children had",
    history: branchesWith("call-1", { ...childResult, total: -1 }),
  },
  {
    bug: "a call made two children",
    rule: "a parent has what its children had",
    history: { ...good, record: [...good.record, { ...childInRecord, id: "T9" }] },
  },
  {
    bug: "a child outlives its parent",
    rule: "a parent has what its children had",
    history: recordWith("T5", { outcome: undefined, status: "working", phase: "queued" }),
  },
  {
    bug: "a child was made twice by a task that was submitted once",
    rule: "no task is made twice",
    history: { ...good, record: [...good.record, { ...childInRecord, id: "T9" }] },
  },
  {
    bug: "a branch has the answer of another",
    rule: "each branch has its own data",
    history: branchesWith("ask-0", { value: stepValue(branches.input, 1) }),
  },
  {
    bug: "a branch stored what another had loaded",
    rule: "each branch has its own data",
    history: branchesWith("store-0", branchValue(branches.input, 1)),
  },
  {
    bug: "a commit whose journal was in memory",
    rule: "commits are durable",
    history: later({ event: "durability", synchronous: 2, journalMode: "memory" }),
  },
  {
    bug: "a commit without a flush",
    rule: "commits are durable",
    history: later({ event: "durability", synchronous: 1, journalMode: "wal" }),
  },
];

/** Whether the checker is fit for use; the reasons why not. */
export function tryChecker(): { readonly plants: number; readonly faults: readonly string[] } {
  const faults = check(good).map(({ rule, detail }) => `found in a good history: ${rule}: ${detail}`);
  for (const { bug, rule, history } of plants) {
    if (!check(history).some((violation) => violation.rule === rule))
      faults.push(`not found: ${bug} (${rule})`);
  }
  for (const rule of ruleNames) {
    if (!plants.some((plant) => plant.rule === rule)) faults.push(`no bug was planted for: ${rule}`);
  }
  return { plants: plants.length, faults };
}
