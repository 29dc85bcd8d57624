/** The answers to a task's questions, brought by `tasks/update` or by a call that is made again. */
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import { askAgain, type GivenAnswer, giveAnswer, questionsOf } from "../call/questions.ts";
import type { Service } from "../service.ts";
import { type InputResponse, readInputResponse } from "./input-requests.ts";

/**
 * Keys that are not open are ignored. What does not fit closes its key, and the same question is asked under another,
 * with what was wrong: a client presents no key twice, and takes an error for the end of the task.
 */
export async function giveAnswers(
  service: Service,
  task: { readonly taskId: TaskId; readonly owner: string },
  responses: JsonObject,
): Promise<void> {
  for (const { key, mode, asker } of await questionsOf(service, task.taskId)) {
    if (!Object.hasOwn(responses, key)) continue;
    const problem = await give(service, { ...task, key }, readInputResponse(responses[key], mode));
    if (problem !== undefined) await askAgain(service, { owner: task.owner, asker }, problem);
  }
}

/** @returns what was wrong with it */
async function give(
  service: Service,
  question: Pick<GivenAnswer, "taskId" | "owner" | "key">,
  response: InputResponse | undefined,
): Promise<string | undefined> {
  if (response === undefined) return "it must have an action: accept, decline or cancel.";
  const outcome = await giveAnswer(service, { ...question, ...response });
  return outcome.taken ? undefined : outcome.problem;
}
