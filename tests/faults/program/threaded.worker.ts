/** `stages` and `loop` in one, in a thread: steps that compute without a pause, between saved states. */
import type { TaskContext } from "../../../packages/perdure/src/index.ts";
import { Journal } from "../journal.ts";
import { type ItemInput, stepValue } from "./plan.ts";

const journal = new Journal(process.env["FAULTS_JOURNAL"] ?? "");

export default async function threaded(
  given: ItemInput,
  task: TaskContext,
): Promise<{ readonly key: string; readonly total: number }> {
  journal.append({ event: "begun", task: task.id, tool: "threaded", attempt: task.attempt });
  let total = 0;
  for (let i = 0; i < given.size; i++) {
    const name = `step-${i}`;
    const value = await task.step(name, () => {
      journal.append({ event: "effect", task: task.id, step: name, attempt: task.attempt });
      for (const end = performance.now() + 15; performance.now() < end;);
      return stepValue(given, i);
    });
    journal.append({ event: "recorded", task: task.id, step: name, attempt: task.attempt, value });
    total += value;
    // Some park, and go on in another thread.
    if (i === 1 && given.salt % 2 === 0) await task.sleep(40, { name: "nap" });
    task.progress(i + 1, given.size);
  }
  return { key: given.key, total };
}
