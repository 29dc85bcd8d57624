/**
 * The whole life of one task in memory, perhaps with a death in it: answers come as soon as something is asked, and time
 * passes as soon as nothing runs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../app/app.ts";
import type { DeclaredTask } from "../../app/declaration.ts";
import { openStore } from "../../app/open-store.ts";
import { unvisitedWarning } from "../../engine/handler-run.ts";
import { openTemporaryArtifacts } from "../../store/artifacts/folder.ts";
import type { RecordOperation, TaskStore } from "../../store/store.ts";
import { PerdureError } from "../../task/errors.ts";
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../task/json.ts";
import type { Operation, TaskRecord } from "../../task/record.ts";
import { ManualClock, settle } from "../manual-clock.ts";
import { MortalProcess } from "./mortal-process.ts";
import type { OuterWorld } from "./outer-world.ts";

/** The answer of a person who does not want to answer. */
export const declined: unique symbol = Symbol("declined");

/** By the name of the question or signal: the content of the answer, or the value. */
export type Answers = Readonly<Record<string, JsonValue | typeof declined>>;

export interface LifeParts {
  readonly declare: (app: App) => DeclaredTask;
  readonly input: unknown;
  readonly answers: Answers;
  readonly world: OuterWorld;
  /** Real time that a handler may run without an end, a wait or a write. */
  readonly patienceMs: number;
  /** The outcomes that steps had before, see {@link Life.steps}. */
  readonly before: ReadonlyMap<string, Operation>;
  readonly diesAfter: number | undefined;
}

export type Outcome =
  | { readonly status: "completed"; readonly result: JsonValue | undefined }
  | { readonly status: "failed"; readonly failure: Failure }
  | { readonly status: "cancelled" }
  /** It waits for what never comes, or runs for ever. */
  | { readonly status: "stuck"; readonly why: string };

export interface Life {
  readonly outcome: Outcome;
  /** What was written until the process died, or the end. */
  readonly writes: readonly string[];
  readonly died: boolean;
  readonly operations: readonly Operation[];
  /** Recorded operations that the last run of the handler did not come to. */
  readonly unvisited: readonly string[];
  /** The final outcome of each step, also of called tasks, by what names it in every life. */
  readonly steps: ReadonlyMap<string, Operation>;
}

export async function live(parts: LifeParts): Promise<Life> {
  const clock = new ManualClock();
  const store = openStore("sqlite::memory:", "replay", clock, silent);
  const artifacts = openTemporaryArtifacts();
  let ids = 0;
  const begin = async (diesAfter: number | undefined, later: boolean): Promise<MortalProcess> => {
    parts.world.begin({ later });
    const process = new MortalProcess({
      store,
      artifacts,
      clock,
      diesAfter,
      ids: () => `replay${String(++ids).padStart(24, "0")}` as TaskId,
      instead: (operation) => outcomeBefore(store, parts.before, operation),
    });
    task = parts.declare(process.app);
    await process.app.start();
    return process;
  };
  let task: DeclaredTask = { name: "" };
  const first = await begin(parts.diesAfter, false);
  const { id } = await first.app.submit(task, parts.input);
  let outcome = await liveOn(id, store, clock, first, parts);
  const last = outcome === "died" ? await begin(undefined, true) : first;
  if (outcome === "died") outcome = await liveOn(id, store, clock, last, parts);
  try {
    if (outcome === "died") throw new Error("a process that was to live has died");
    return {
      outcome,
      writes: first.writes,
      died: first.dead,
      operations: await store.operations({ taskId: id }),
      unvisited: await unvisited(store, id),
      steps: await stepsOf(store),
    };
  } finally {
    const closed = last.app.close({ drainMs: 0 });
    await clock.advance(0);
    await closed;
    await artifacts.close();
  }
}

const ignore = (): void => undefined;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

async function liveOn(
  taskId: TaskId,
  store: TaskStore,
  clock: ManualClock,
  process: MortalProcess,
  { answers, patienceMs }: LifeParts,
): Promise<Outcome | "died"> {
  const answered = new Set<string>();
  let seen = "";
  let seenAt = performance.now();
  for (;;) {
    await settle();
    if (process.dead) return "died";
    const task = await store.get({ taskId });
    if (task === undefined || task.phase === "ended") return outcomeOf(task);
    const open = (await store.list({ limit: 1_000 })).tasks.filter(({ phase }) => phase !== "ended");
    const given = await Promise.all(open.map(({ id }) => answerOpen(store, id, answers, answered)));
    const misfit = given.find((problem) => typeof problem === "string");
    if (typeof misfit === "string") return { status: "stuck", why: misfit };
    if (given.includes(true)) continue;
    if (open.some(({ phase }) => phase === "running")) {
      const now = open.map(({ id, revision }) => `${id}${revision}`).join();
      if (now !== seen) [seen, seenAt] = [now, performance.now()];
      if (performance.now() - seenAt > patienceMs) {
        return { status: "stuck", why: `nothing happened for ${patienceMs} ms while a handler ran` };
      }
      await sleep(1);
      continue;
    }
    const dueMs = await store.executor.nextDueMs({ tools: [...new Set(open.map(({ tool }) => tool))] });
    if (dueMs === undefined)
      return {
        status: "stuck",
        why: await missing(
          store,
          open.map(({ id }) => id),
        ),
      };
    await clock.skip(dueMs);
  }
}

function outcomeOf(task: TaskRecord | undefined): Outcome {
  switch (task?.status) {
    case "completed":
      return { status: "completed", result: task.result };
    case "failed":
      return { status: "failed", failure: task.failure };
    case "cancelled":
      return { status: "cancelled" };
    default:
      return { status: "stuck", why: "the task is gone" };
  }
}

/** @returns whether something was answered; in words, what never fits. */
async function answerOpen(
  store: TaskStore,
  taskId: TaskId,
  answers: Answers,
  answered: Set<string>,
): Promise<boolean | string> {
  for (const operation of await store.operations({ taskId })) {
    const answer = answers[operation.name];
    if (operation.state !== "open" || answer === undefined) continue;
    const { name, wait } = operation;
    if (wait.kind !== "ask" && wait.kind !== "signal") continue;
    if (answered.has(`${taskId} ${name}`)) {
      return `the answer given for ${JSON.stringify(name)} is not taken${wait.kind === "ask" ? `: ${wait.question.message}` : ""}`;
    }
    answered.add(`${taskId} ${name}`);
    if (wait.kind === "signal") {
      await store.signal({ taskId, name, value: answer === declined ? null : answer });
    } else {
      const { key } = wait.question;
      await store.answer(
        answer === declined
          ? { taskId, key, action: "decline" }
          : { taskId, key, action: "accept", content: answer },
      );
    }
    return true;
  }
  return false;
}

async function missing(store: TaskStore, taskIds: readonly TaskId[]): Promise<string> {
  const operations = (await Promise.all(taskIds.map((taskId) => store.operations({ taskId })))).flat();
  const names = operations
    .filter(({ state, kind }) => state === "open" && kind !== "call")
    .map(({ kind, name }) => `${kind} ${JSON.stringify(name)}`);
  return `no answer is given for ${names.join(", ")}`;
}

async function unvisited(store: TaskStore, taskId: TaskId): Promise<string[]> {
  const events = await store.timeline({ taskId });
  return events.flatMap((event) =>
    event.type === "log" && event.message === unvisitedWarning ? (event.data as string[]) : [],
  );
}

async function stepsOf(store: TaskStore): Promise<Map<string, Operation>> {
  const steps = new Map<string, Operation>();
  for (const { id } of (await store.list({ limit: 1_000 })).tasks) {
    for (const operation of await store.operations({ taskId: id })) {
      const final = operation.state === "done" || operation.state === "failed";
      if (operation.kind === "step" && final) steps.set(await stepKey(store, id, operation.name), operation);
    }
  }
  return steps;
}

/** Steps may do what they like: a step has the outcome that it had before, so that only the rest can differ. */
async function outcomeBefore(
  store: TaskStore,
  before: ReadonlyMap<string, Operation>,
  operation: RecordOperation,
): Promise<RecordOperation> {
  if (before.size === 0 || operation.state === "attempted" || operation.kind !== "step") return operation;
  const { taskId, attempt, name, kind } = operation;
  const known = before.get(await stepKey(store, taskId, name));
  if (known?.state === "done") return { taskId, attempt, name, kind, state: "done", value: known.value };
  if (known?.state === "failed")
    return { taskId, attempt, name, kind, state: "failed", failure: known.failure };
  return operation;
}

async function stepKey(store: TaskStore, taskId: TaskId, name: string): Promise<string> {
  const task = await store.get({ taskId });
  if (task === undefined) throw new PerdureError("TASK_NOT_FOUND", { message: `task ${taskId} is gone` });
  return canonicalJson([task.tool, task.input ?? null, name]);
}
