/**
 * A checker that finds nothing proves nothing. Here is a good history of six tasks, one crash, one cancellation and one
 * answer, in which it must find nothing, and the bugs that an engine could have, each planted into that history: the rule
 * that is named must find it.
 */
import { check, type RuleName, ruleNames } from "./checker.ts";
import type { JsonValue } from "../../packages/perdure/src/task/json.ts";
import type { History } from "./history.ts";
import type { Entry, JournalEvent } from "./journal.ts";
import { branchValue, childrenOf, item, type PlanItem, stepValue, total } from "./program/plan.ts";
import type { FinalTask } from "./program/read-record.ts";

const stages = item("a-0", "stages", 2);
const loop = item("a-1", "loop", 2, { keyed: false });
const stuck = item("a-2", "stuck", 2, { cancel: true });
const doomed = item("a-3", "doomed", 2);

const branches = item("a-4", "branches", 2);
const [child] = childrenOf(branches);
if (child === undefined) throw new Error("its second branch calls");

const ofStages = { task: "T0", tool: "stages" };
const ofLoop = { task: "T1", tool: "loop" };
const step = (index: number) => ({ task: "T0", step: `step-${index}` });
const round = (index: number) => ({ task: "T1", step: `round-${index}` });
const completed = (of: PlanItem) =>
  ({ status: "completed", result: { key: of.key, total: total(of.input) } }) as const;
const failed = { status: "failed", code: "HANDLER_ERROR", message: "doomed a-3" } as const;

const firstLife: readonly Entry[] = [
  { event: "spawned", child: 1, name: "a" },
  { event: "durability", synchronous: 2, journalMode: "wal" },
  { event: "submitting", ...stages },
  { event: "acknowledged", key: "a-0", task: "T0" },
  { event: "begun", ...ofStages, attempt: 1 },
  { event: "submitting", ...loop },
  { event: "acknowledged", key: "a-1", task: "T1" },
  { event: "begun", ...ofLoop, attempt: 1 },
  { event: "effect", ...step(0), attempt: 1 },
  { event: "recorded", ...step(0), attempt: 1, value: stepValue(stages.input, 0) },
  { event: "resumed", task: "T1", attempt: 1, round: 0 },
  { event: "effect", ...round(0), attempt: 1 },
  { event: "saving", task: "T1", attempt: 1, round: 1 },
  { event: "saved", task: "T1", attempt: 1, round: 1 },
  { event: "effect", ...step(1), attempt: 1 },
  { event: "submitting", ...stuck },
  { event: "acknowledged", key: "a-2", task: "T2" },
  { event: "begun", task: "T2", tool: "stuck", attempt: 1 },
  { event: "cancelling", task: "T2" },
  { event: "ended", task: "T2", outcome: { status: "cancelled" } },
  { event: "signalled", child: 1, signal: "SIGKILL" },
];

const secondLife: readonly Entry[] = [
  { event: "spawned", child: 2, name: "a" },
  { event: "begun", ...ofStages, attempt: 2 },
  { event: "recorded", ...step(0), attempt: 2, value: stepValue(stages.input, 0) },
  { event: "effect", ...step(1), attempt: 2 },
  { event: "recorded", ...step(1), attempt: 2, value: stepValue(stages.input, 1) },
  { event: "begun", ...ofLoop, attempt: 2 },
  { event: "resumed", task: "T1", attempt: 2, round: 1 },
  { event: "effect", ...round(1), attempt: 2 },
  { event: "saving", task: "T1", attempt: 2, round: 2 },
  { event: "saved", task: "T1", attempt: 2, round: 2 },
  { event: "ended", task: "T0", outcome: completed(stages) },
  { event: "ended", task: "T1", outcome: completed(loop) },
  { event: "submitting", ...doomed },
  { event: "acknowledged", key: "a-3", task: "T3" },
  { event: "begun", task: "T3", tool: "doomed", attempt: 1 },
  { event: "effect", task: "T3", step: "hopeless", attempt: 1 },
  { event: "ended", task: "T3", outcome: failed },
  { event: "submitting", ...branches },
  { event: "acknowledged", key: "a-4", task: "T4" },
  { event: "begun", task: "T4", tool: "branches", attempt: 1 },
  ...["load-0", "load-1", "store-0", "store-1"].map((name) => effect("T4", name)),
  { event: "begun", task: "T5", tool: "sleeper", attempt: 1 },
  effect("T5", "step-0"),
  { event: "answering", task: "T4", key: "q9", action: "accept" },
  { event: "answered", task: "T4", key: "q9", taken: true },
  { event: "conflict", key: "a-0", code: "IDEMPOTENCY_CONFLICT" },
  { event: "done" },
];

function effect(task: string, name: string): Entry {
  return { event: "effect", task, step: name, attempt: 1 };
}

function finalTask(id: string, of: PlanItem, attempt: number, outcome: FinalTask["outcome"]): FinalTask {
  const begun = Array.from({ length: attempt }, (_, i) => ({ type: "begun", attempt: i + 1 }));
  return {
    id,
    tool: of.tool,
    input: of.input,
    idempotencyKey: of.keyed ? of.key : undefined,
    status: outcome?.status ?? "working",
    phase: "ended",
    attempt,
    errors: 0,
    outcome,
    operations: [],
    timeline: [{ type: "created" }, ...begun, { type: outcome?.status ?? "working" }],
  };
}

const stagesInRecord: FinalTask = {
  ...finalTask("T0", stages, 2, completed(stages)),
  operations: [
    { name: "step-0", state: "done", attempt: 1, value: stepValue(stages.input, 0) },
    { name: "step-1", state: "done", attempt: 2, value: stepValue(stages.input, 1) },
  ],
};

const childResult = { key: child.key, total: total(child.input) };
const childInRecord: FinalTask = {
  ...finalTask("T5", child, 1, { status: "completed", result: childResult }),
  parentId: "T4",
  operations: [{ name: "step-0", state: "done", attempt: 1, value: stepValue(child.input, 0) }],
};
const branchesInRecord: FinalTask = {
  ...finalTask("T4", branches, 1, {
    status: "completed",
    result: { key: branches.key, branches: [0, 1].map((i) => branchValue(branches.input, i)) },
  }),
  operations: [
    ...[0, 1].map((i) => done(`load-${i}`, stepValue(branches.input, i))),
    done("ask-0", { value: stepValue(branches.input, 0) }),
    done("call-1", childResult),
    ...[0, 1].map((i) => done(`store-${i}`, branchValue(branches.input, i))),
  ],
  timeline: [
    { type: "created" },
    { type: "begun", attempt: 1 },
    { type: "answered", key: "q9" },
    { type: "completed" },
  ],
};

function done(name: string, value: JsonValue): FinalTask["operations"][number] {
  return { name, state: "done", attempt: 1, value };
}

function branchesWith(name: string, value: JsonValue): History {
  const change = (operation: FinalTask["operations"][number]) =>
    operation.name === name ? { ...operation, value } : operation;
  return recordWith("T4", { operations: branchesInRecord.operations.map(change) });
}

const good: History = {
  events: [...at(firstLife, 1, 0), ...at(secondLife, 2, 5_000)],
  record: [
    stagesInRecord,
    finalTask("T1", loop, 2, completed(loop)),
    finalTask("T2", stuck, 1, { status: "cancelled" }),
    finalTask("T3", doomed, 1, failed),
    branchesInRecord,
    childInRecord,
  ],
};

function at(entries: readonly Entry[], pid: number, since: number): JournalEvent[] {
  return entries.map((entry, i) => ({ at: since + i * 10, pid, ...entry }));
}

/** The good history, and then, in a third life, this. */
function later(...entries: readonly Entry[]): History {
  return { ...good, events: [...good.events, ...at(entries, 3, 20_000)] };
}

function recordWith(id: string, change: Partial<FinalTask>): History {
  return { ...good, record: good.record.map((task) => (task.id === id ? { ...task, ...change } : task)) };
}

const t1 = good.record[1] ?? stagesInRecord;

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
