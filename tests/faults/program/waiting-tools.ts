/**
 * The tools that wait: for time, for people, for signals, for other tasks, and in parallel branches for all of these.
 * What they wait for is named by its index, so that whoever answers knows what to say.
 */
import { z } from "zod";
import { DeclinedError, type TaskContext } from "../../../packages/perdure/src/index.ts";
import type { Journal } from "../journal.ts";
import { branchValue, childrenOf, type ItemInput, type PlanItem, stepValue, waitName } from "./plan.ts";
import type { AddTool, JournalledStep } from "./tools.ts";

/** Around the program's linger: some stay resident, some are parked. */
const napsMs = [4, 15, 40, 90] as const;
const answerSchema = z.object({ value: z.number() });

export function addWaitingTools(add: AddTool, step: JournalledStep, journal: Journal): void {
  const recorded = (task: TaskContext, name: string, value: object): void =>
    journal.append({
      event: "recorded",
      task: task.id,
      step: name,
      attempt: task.attempt,
      value: { ...value },
    });
  const nap = (given: ItemInput, task: TaskContext, index: number): Promise<void> =>
    task.sleep(napsMs[(given.salt + index) % napsMs.length] ?? 0, { name: `nap-${index}` });

  const ask = async (task: TaskContext, index: number): Promise<number> => {
    const name = `ask-${index}`;
    const answer = await task.ask(`What is the value of ${index}?`, answerSchema, { name });
    recorded(task, name, answer);
    return answer.value;
  };
  const signal = async (task: TaskContext, index: number): Promise<number> => {
    const name = `go-${index}`;
    const sent = await task.waitUntil<{ value: number }>(name);
    recorded(task, name, sent);
    return sent.value;
  };
  const call = async (given: ItemInput, task: TaskContext, tool: PlanItem["tool"], index: number) => {
    const parent = { key: given.key, tool, input: given, keyed: false, cancel: false };
    const child = childrenOf(parent).find(({ key }) => key === `${given.key}.${index}`);
    const name = `call-${index}`;
    const result = await task.call<{ key: string; total: number }>("sleeper", child?.input, { name });
    recorded(task, name, result);
    return result.total;
  };

  const inTurn = (next: (given: ItemInput, task: TaskContext, index: number) => Promise<number>) =>
    async function run(given: ItemInput, task: TaskContext) {
      let total = 0;
      for (let i = 0; i < given.size; i++) total += await next(given, task, i);
      return { key: given.key, total };
    };

  add(
    "sleeper",
    inTurn(async (given, task, i) => {
      await nap(given, task, i);
      return step(task, `step-${i}`, stepValue(given, i));
    }),
  );
  add(
    "asker",
    inTurn((_, task, i) => ask(task, i)),
  );
  add(
    "waiter",
    inTurn((_, task, i) => signal(task, i)),
  );

  add("caller", async (given, task) => {
    const indexes = Array.from({ length: given.size }, (_, i) => i);
    const totals = await Promise.all(indexes.map((i) => call(given, task, "caller", i)));
    return { key: given.key, total: totals.reduce((sum, total) => sum + total, 0) };
  });

  // The client declines whatever this one asks.
  add("refused", async ({ key }, task) => {
    try {
      await task.ask("Will you decline?", answerSchema, { name: "refused" });
    } catch (error) {
      if (error instanceof DeclinedError) return { key };
      throw error;
    }
    throw new Error("it was answered");
  });

  add("branches", async (given, task) => {
    const branch = async (index: number): Promise<number> => {
      const loaded = await step(task, `load-${index}`, stepValue(given, index), 1);
      await nap(given, task, index);
      const waits = { ask: () => ask(task, index), go: () => signal(task, index) };
      const kind = waitName(index).split("-")[0];
      const waited =
        kind === "ask" || kind === "go" ? await waits[kind]() : await call(given, task, "branches", index);
      const value = loaded * 1_000 + waited;
      if (value !== branchValue(given, index)) throw new Error(`branch ${index} has ${value}`);
      return step(task, `store-${index}`, value, 1);
    };
    const indexes = Array.from({ length: given.size }, (_, i) => i);
    return { key: given.key, branches: await Promise.all(indexes.map(branch)) };
  });
}
