/**
 * What the program under test is asked to do, and how each item must end. Pure: the n-th item of a caller follows from
 * the seed alone, so every life of a process, and the checker, know the same plan.
 */
import type { Outcome } from "../journal.ts";
import { Random } from "../random.ts";

export interface PlanItem {
  /** Names the item; also part of the input. */
  readonly key: string;
  readonly tool: ToolName;
  readonly input: ItemInput;
  /** Whether the key is given as idempotency key. */
  readonly keyed: boolean;
  /** Whether the caller cancels it, some milliseconds after it was acknowledged. */
  readonly cancel: boolean;
  /** The key of the item whose task calls it; nobody else submits it. */
  readonly parent?: string;
}

/** One shape for all tools: `size` steps, rounds or failures. */
export interface ItemInput {
  readonly key: string;
  readonly size: number;
  readonly salt: number;
}

export type ToolName =
  | "instant"
  | "stages"
  | "slow"
  | "parallel"
  | "loop"
  | "flaky"
  | "flakySteps"
  | "doomed"
  | "stuck"
  | "killer"
  | "climber"
  | "threaded"
  | WaitingTool;

/** Those that wait: for time, for people, for signals, for others, and for all of it in branches at once. */
export type WaitingTool = "sleeper" | "asker" | "refused" | "waiter" | "caller" | "branches";

/** Item `index` of the caller `caller`. */
export function itemAt(seed: number, caller: string, index: number): PlanItem {
  const random = new Random(seed, `${caller}-${index}`);
  const tool: ToolName = random.pick<ToolName>([
    "stages",
    "stages",
    "parallel",
    "loop",
    "loop",
    "flaky",
    "flakySteps",
    "doomed",
    "stuck",
    "instant",
    "sleeper",
    "asker",
    "refused",
    "waiter",
    "caller",
    "branches",
    "branches",
  ]);
  // What only a caller ends must be found again by its key, should its acknowledgement be lost.
  const keyed = tool === "stuck" || random.next() < 0.7;
  const mayBeCancelled = tool === "stages" || tool === "caller" || tool === "branches";
  const cancel = tool === "stuck" || (mayBeCancelled && random.next() < 0.3);
  return item(`${caller}-${index}`, tool, sizeOf(tool, random), {
    salt: random.between(0, 999),
    keyed,
    cancel,
  });
}

export function item(
  key: string,
  tool: ToolName,
  size: number,
  { salt = 7, keyed = true, cancel = false }: { salt?: number; keyed?: boolean; cancel?: boolean } = {},
): PlanItem {
  return { key, tool, keyed, cancel, input: { key, size, salt } };
}

function sizeOf(tool: ToolName, random: Random): number {
  if (tool === "flaky" || tool === "flakySteps" || tool === "asker") return random.between(1, 3);
  if (tool === "parallel") return random.between(8, 20);
  return random.between(2, 6);
}

export function stepValue(input: ItemInput, index: number): number {
  return (input.salt * 31 + index * 17) % 1_009;
}

export function total(input: ItemInput): number {
  let sum = 0;
  for (let i = 0; i < input.size; i++) sum += stepValue(input, i);
  return sum;
}

/** Whether the tool itself makes a key of the input, where clients cannot give one. A child has none of its own. */
export function isKeyed({ key, salt }: ItemInput): boolean {
  return salt % 4 !== 0 && !key.includes(".");
}

/** How an item may end; more than one where a cancellation races the end. */
export function expectedOutcomes({ tool, input, cancel }: PlanItem): readonly Outcome[] {
  const outcome = outcomeOf(tool, input);
  return cancel && outcome.status !== "cancelled" ? [outcome, { status: "cancelled" }] : [outcome];
}

function outcomeOf(tool: ToolName, input: ItemInput): Outcome {
  switch (tool) {
    case "stages":
    case "parallel":
    case "loop":
    case "slow":
    case "climber":
    case "threaded":
    case "sleeper":
    case "asker":
    case "waiter":
      return { status: "completed", result: { key: input.key, total: total(input) } };
    case "caller": {
      const values = childrenOf({ key: input.key, tool, input, keyed: false, cancel: false });
      const sum = values.reduce((all, child) => all + total(child.input), 0);
      return { status: "completed", result: { key: input.key, total: sum } };
    }
    case "branches":
      return { status: "completed", result: { key: input.key, branches: branchValues(input) } };
    case "refused":
    case "flaky":
    case "flakySteps":
    case "instant":
      return { status: "completed", result: { key: input.key } };
    case "doomed":
      return { status: "failed", code: "HANDLER_ERROR", message: `doomed ${input.key}` };
    case "stuck":
      return { status: "cancelled" };
    case "killer":
      return { status: "failed", code: "CRASH_LOOP", message: "" };
  }
}

/**
 * What a completed item has done: steps in the record, effects that only the journal knows, and waits that were
 * resolved with a value.
 */
export function expectedSteps({ tool, input }: PlanItem): {
  readonly recorded: readonly string[];
  readonly effects: readonly string[];
  readonly waits?: readonly string[];
} {
  const names = (prefix: string): string[] => Array.from({ length: input.size }, (_, i) => `${prefix}-${i}`);
  switch (tool) {
    case "stages":
    case "parallel":
    case "slow":
    case "climber":
    case "threaded":
      return { recorded: names("step"), effects: [] };
    case "flakySteps":
      return { recorded: ["shaky"], effects: [] };
    case "sleeper":
      return { recorded: names("step"), effects: [] };
    case "asker":
      return { recorded: [], effects: [], waits: names("ask") };
    case "waiter":
      return { recorded: [], effects: [], waits: names("go") };
    case "caller":
      return { recorded: [], effects: [], waits: names("call") };
    case "branches":
      return {
        recorded: [...names("load"), ...names("store")],
        effects: [],
        waits: names("wait").map((_, i) => waitName(i)),
      };
    case "refused":
      return { recorded: [], effects: [] };
    case "loop":
      return { recorded: [], effects: names("round") };
    case "flaky":
      return { recorded: ["once"], effects: [] };
    case "doomed":
    case "stuck":
    case "instant":
    case "killer":
      return { recorded: [], effects: [] };
  }
}

/** The tasks that the task of an item calls. */
export function childrenOf({ key, tool, input, cancel }: PlanItem): readonly PlanItem[] {
  const indexes = Array.from({ length: input.size }, (_, i) => i);
  const calls = tool === "caller" ? indexes : tool === "branches" ? indexes.filter((i) => i % 3 === 1) : [];
  return calls.map((i) => ({
    ...item(`${key}.${i}`, "sleeper", 1, { salt: stepValue(input, i), keyed: false, cancel }),
    parent: key,
  }));
}

/** What a child returns as its total, which stands for the step of its index. */
export function childValue(input: ItemInput, index: number): number {
  return total({ key: "", size: 1, salt: stepValue(input, index) });
}

/** What a branch waits for: every third for a person, a child, a signal. */
export function waitName(index: number): string {
  return `${["ask", "call", "go"][index % 3] ?? ""}-${index}`;
}

/** What each branch brings home: of its first step, its wait and its last step. */
export function branchValues(input: ItemInput): readonly number[] {
  return Array.from({ length: input.size }, (_, i) => branchValue(input, i));
}

export function branchValue(input: ItemInput, index: number): number {
  const waited = index % 3 === 1 ? childValue(input, index) : stepValue(input, index);
  return stepValue(input, index) * 1_000 + waited;
}
