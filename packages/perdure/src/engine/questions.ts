/**
 * What a task asks, as its caller sees it. A child that asks has nobody but its caller's caller to be answered by: so
 * its open questions count as those of every task that waits for it, under keys that name the child, and the answer to
 * one goes to the child. Whoever answers needs to know nothing of that.
 */
import type { QuestionKey, TaskStore } from "../store/store.ts";
import type { TaskId } from "../task/id.ts";
import type { Question } from "../task/record.ts";

export interface TaskQuestion extends Question {
  /** Where the answer goes: to the task that asks, by the key that the question has there. */
  readonly asker: QuestionKey;
}

/** What people are asked now. The caller has checked whose task it is. */
export async function questionsOf(store: TaskStore, taskId: TaskId): Promise<readonly TaskQuestion[]> {
  return (await store.questions({ taskId })).map(({ taskId: askerId, question }) => ({
    ...question,
    key: keyAsShown(taskId, askerId, question.key),
    asker: { taskId: askerId, key: question.key },
  }));
}

/** Ids are of one length, and keys are their own task's: two never make the same. */
export function keyAsShown(taskId: TaskId, askerId: TaskId, key: string): string {
  return askerId === taskId ? key : `${askerId}${key}`;
}
