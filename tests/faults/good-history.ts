/** A good history of six tasks, one crash, one cancellation and one answer, and ways to spoil it. */
import type { JsonValue } from "../../packages/perdure/src/task/json.ts";
import type { History } from "./history.ts";
import type { Entry, JournalEvent } from "./journal.ts";
import { branchValue, childrenOf, item, type PlanItem, stepValue, total } from "./program/plan.ts";
import type { FinalTask } from "./program/read-record.ts";

export const stages = item("a-0", "stages", 2);
const loop = item("a-1", "loop", 2, { keyed: false });
export const stuck = item("a-2", "stuck", 2, { cancel: true });
export const doomed = item("a-3", "doomed", 2);

export const branches = item("a-4", "branches", 2);
const [child] = childrenOf(branches);
if (child === undefined) throw new Error("its second branch calls");

export const ofStages = { task: "T0", tool: "stages" };
export const ofLoop = { task: "T1", tool: "loop" };
export const step = (index: number) => ({ task: "T0", step: `step-${index}` });
const round = (index: number) => ({ task: "T1", step: `round-${index}` });
export const completed = (of: PlanItem) =>
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

export const stagesInRecord: FinalTask = {
  ...finalTask("T0", stages, 2, completed(stages)),
  operations: [
    { name: "step-0", state: "done", attempt: 1, value: stepValue(stages.input, 0) },
    { name: "step-1", state: "done", attempt: 2, value: stepValue(stages.input, 1) },
  ],
};

export const childResult = { key: child.key, total: total(child.input) };
export const childInRecord: FinalTask = {
  ...finalTask("T5", child, 1, { status: "completed", result: childResult }),
  parentId: "T4",
  operations: [{ name: "step-0", state: "done", attempt: 1, value: stepValue(child.input, 0) }],
};
export const branchesInRecord: FinalTask = {
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

export function branchesWith(name: string, value: JsonValue): History {
  const change = (operation: FinalTask["operations"][number]) =>
    operation.name === name ? { ...operation, value } : operation;
  return recordWith("T4", { operations: branchesInRecord.operations.map(change) });
}

export const good: History = {
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
export function later(...entries: readonly Entry[]): History {
  return { ...good, events: [...good.events, ...at(entries, 3, 20_000)] };
}

export function recordWith(id: string, change: Partial<FinalTask>): History {
  return { ...good, record: good.record.map((task) => (task.id === id ? { ...task, ...change } : task)) };
}

export const t1 = good.record[1] ?? stagesInRecord;
