/** The tools of the program under test. Each writes into the journal what it does, before and after it is recorded. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import {
  type App,
  type TaskContext,
  taskVersion,
  TerminalError,
} from "../../../packages/perdure/src/index.ts";
import type { Journal } from "../journal.ts";
import { crashLimit } from "./limits.ts";
import { isKeyed, type ItemInput, stepValue, total } from "./plan.ts";
import { addWaitingTools } from "./waiting-tools.ts";

/** What every tool returns; `null` where it never gets there. */
type Returned = {
  readonly key: string;
  readonly total?: number;
  readonly branches?: readonly number[];
} | null;

/** Kills come faster here than in any life: only what is about crashes may end by them. */
const neverCrashLoop = { maxCrashes: 100_000 };
/** Back-off is not what is tested, and every kill starts the count of a step's tries anew. */
const patience = { retries: 100_000, delay: 5, maxDelay: 20 } as const;

/** Declares a tool of this program. */
export type AddTool = (
  tool: string,
  run: (input: ItemInput, task: TaskContext) => Promise<Returned>,
  options?: { readonly retry?: typeof patience; readonly maxCrashes?: number },
) => void;
/** A step that says in the journal that it runs and that it is recorded. */
export type JournalledStep = (task: TaskContext, name: string, value: number, ms?: number) => Promise<number>;

export type ProgramVersion = "1" | "2";

/** As clients over HTTP call them: nobody is kept waiting, and who calls again means the same task. */
function servedTo(tool: string) {
  return {
    start: "background",
    asks: tool === "asker" || tool === "refused" || tool === "branches",
    idempotencyKey: (input: ItemInput) => (isKeyed(input) ? input.key : undefined),
  } as const;
}

/** Its module opens the journal itself. */
export function addThreadedTool(app: App, journal: string): void {
  process.env["FAULTS_JOURNAL"] = journal;
  const input = z.object({ key: z.string(), size: z.number(), salt: z.number() });
  const run = new URL("./threaded.worker.ts", import.meta.url);
  app.task("threaded", { description: "Computes.", input, run, concurrency: 4, ...neverCrashLoop });
}

export interface ToolSettings {
  readonly stepMs?: number;
  /** Of all tools. Version 2 has version 1 beside it; version 1 leaves what is newer to others. */
  readonly version?: ProgramVersion;
}

export function addTools(app: App, journal: Journal, { stepMs = 3, version }: ToolSettings = {}): void {
  const input = z.object({ key: z.string(), size: z.number(), salt: z.number() });
  const add: AddTool = (tool, run, options = {}) => {
    const handler = (of: ProgramVersion | undefined) => async (given: ItemInput, task: TaskContext) => {
      const own = { event: "begun", task: task.id, tool, attempt: task.attempt } as const;
      journal.append(of === undefined ? own : { ...own, version: of });
      return run(given, task);
    };
    const served = version === undefined ? {} : servedTo(tool);
    const versions = version === "2" ? { "1": taskVersion({ input }, handler("1")) } : {};
    app.task(
      tool,
      {
        description: `Does ${tool}.`,
        input,
        ...neverCrashLoop,
        ...options,
        ...(version !== undefined && { version, versions, onOtherVersion: "wait", ...served }),
      },
      handler(version),
    );
  };

  const step: JournalledStep = async (task, name, value, ms = stepMs) => {
    const recorded = await task.step(name, async () => {
      journal.append({ event: "effect", task: task.id, step: name, attempt: task.attempt });
      await pause(ms);
      return value;
    });
    journal.append({ event: "recorded", task: task.id, step: name, attempt: task.attempt, value: recorded });
    return recorded;
  };

  const inTurn = (ms: number) => async (given: ItemInput, task: TaskContext) => {
    let sum = 0;
    for (let i = 0; i < given.size; i++) {
      sum += await step(task, `step-${i}`, stepValue(given, i), ms);
      task.progress(i + 1, given.size);
    }
    return { key: given.key, total: sum };
  };

  addWaitingTools(add, step, journal);
  add("instant", async ({ key }) => ({ key }));
  add("stages", inTurn(stepMs));
  add("slow", inTurn(40));

  add("parallel", async (given, task) => {
    let sum = 0;
    for (let i = 0; i < given.size; i += 4) {
      const indexes = [0, 1, 2, 3].map((more) => i + more).filter((index) => index < given.size);
      const values = await Promise.all(indexes.map((n) => step(task, `step-${n}`, stepValue(given, n))));
      for (const value of values) sum += value;
    }
    return { key: given.key, total: sum };
  });

  const save = async (task: TaskContext, round: number, sum: number): Promise<void> => {
    journal.append({ event: "saving", task: task.id, attempt: task.attempt, round });
    await task.save({ round, total: sum });
    journal.append({ event: "saved", task: task.id, attempt: task.attempt, round });
  };
  const saved = async (task: TaskContext): Promise<{ round: number; total: number }> => {
    const state = (await task.saved<{ round: number; total: number }>()) ?? { round: 0, total: 0 };
    journal.append({ event: "resumed", task: task.id, attempt: task.attempt, round: state.round });
    return state;
  };

  add("loop", async (given, task) => {
    const state = await saved(task);
    for (let { round } = state; round < given.size; round++) {
      const name = `round-${round}`;
      journal.append({ event: "effect", task: task.id, step: name, attempt: task.attempt });
      await pause(stepMs);
      state.total += stepValue(given, round);
      await save(task, round + 1, state.total);
      const value = stepValue(given, round);
      journal.append({ event: "recorded", task: task.id, step: name, attempt: task.attempt, value });
    }
    return { key: given.key, total: state.total };
  });

  // Fails `size` times, whatever kills do in between: the number of failures is saved state.
  add(
    "flaky",
    async (given, task) => {
      await step(task, "once", given.salt);
      const { round } = await saved(task);
      if (round < given.size) {
        await save(task, round + 1, 0);
        throw new Error(`flaky ${given.key} failed ${round + 1} times`);
      }
      return { key: given.key };
    },
    { retry: patience },
  );

  add("flakySteps", async (given, task) => {
    let tries = 0;
    const run = async (): Promise<number> => {
      journal.append({ event: "effect", task: task.id, step: "shaky", attempt: task.attempt });
      await pause(1);
      if (++tries <= given.size) throw new Error(`shaky, try ${tries}`);
      return given.salt;
    };
    const value = await task.step("shaky", run, { retry: patience });
    journal.append({ event: "recorded", task: task.id, step: "shaky", attempt: task.attempt, value });
    return { key: given.key };
  });

  // A step that fails for good is recorded, too: on replay it throws without running.
  add("doomed", async (given, task) => {
    try {
      await task.step("hopeless", async () => {
        journal.append({ event: "effect", task: task.id, step: "hopeless", attempt: task.attempt });
        await pause(1);
        throw new TerminalError(`doomed ${given.key}`);
      });
    } catch (error) {
      if (error instanceof TerminalError)
        journal.append({
          event: "recorded",
          task: task.id,
          step: "hopeless",
          attempt: task.attempt,
          value: error.message,
        });
      throw error;
    }
    return { key: given.key };
  });

  add("stuck", async (_given, task) => {
    await step(task, "first", 1);
    return new Promise<never>((_resolve, reject) => {
      task.signal.addEventListener("abort", () => reject(task.signal.reason as Error), { once: true });
    });
  });

  // Kills its own process and gets nowhere: ends as CRASH_LOOP.
  add(
    "killer",
    async () => {
      await pause(20);
      process.kill(process.pid, "SIGKILL");
      return null;
    },
    { maxCrashes: crashLimit },
  );

  // Kills its own process after every new step, more often than the limit, and gets on: completes.
  add(
    "climber",
    async (given, task) => {
      let runs = 0;
      for (let i = 0; i < given.size; i++) {
        const runsBefore = runs;
        const name = `step-${i}`;
        const value = await task.step(name, async () => {
          runs++;
          journal.append({ event: "effect", task: task.id, step: name, attempt: task.attempt });
          return stepValue(given, i);
        });
        journal.append({ event: "recorded", task: task.id, step: name, attempt: task.attempt, value });
        if (runs > runsBefore && i < given.size - 1) process.kill(process.pid, "SIGKILL");
      }
      return { key: given.key, total: total(given) };
    },
    { maxCrashes: 1 },
  );
}
