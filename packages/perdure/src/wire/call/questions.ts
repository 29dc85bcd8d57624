/**
 * The open questions of a task, and their answers, whatever way they come. Content is checked against the question's
 * schema here, before the record takes it: a client learns at once what does not fit. (What a JSON Schema cannot say is
 * checked by the author's own schema when the handler runs again; the question is then asked anew.)
 */
import type { TaskId } from "../../task/id.ts";
import type { JsonValue } from "../../task/json.ts";
import type { AnswerAction, Question } from "../../task/record.ts";
import { questionsOf as questionsIn, type TaskQuestion } from "../../engine/questions.ts";
import type { Service } from "../service.ts";
import { AnswerSchemas } from "./answer-schema.ts";

export interface GivenAnswer {
  readonly taskId: TaskId;
  readonly owner: string;
  readonly key: string;
  readonly action: AnswerAction;
  readonly content?: JsonValue | undefined;
}

export type AnswerOutcome =
  | { readonly taken: true }
  /** No such question is open: unknown, answered, expired or replaced; or the task is unknown. */
  | { readonly taken: false; readonly problem?: undefined }
  /** It is still open: the content does not fit. */
  | { readonly taken: false; readonly problem: string };

/** What people are asked now. The caller has checked whose task it is. */
export async function questionsOf({ runtime }: Service, taskId: TaskId): Promise<readonly TaskQuestion[]> {
  return questionsIn(runtime.store, taskId);
}

/** An answer that did not fit closes its key: the question is asked under another, with what was wrong. */
export async function askAgain(
  { runtime }: Service,
  { owner, asker }: Pick<GivenAnswer, "owner"> & Pick<TaskQuestion, "asker">,
  problem: string,
): Promise<void> {
  await runtime.store.askAgain({ ...asker, owner, problem });
}

/** Gives an answer to the question that is open under its key. */
export async function giveAnswer(service: Service, answer: GivenAnswer): Promise<AnswerOutcome> {
  const { store } = service.runtime;
  const task = await store.summary({ taskId: answer.taskId, owner: answer.owner });
  if (task === undefined) return { taken: false };
  const question = (await questionsOf(service, task.id)).find(({ key }) => key === answer.key);
  if (question === undefined) return { taken: false };
  const problem = answer.action === "accept" ? await problemOf(question, answer.content) : undefined;
  if (problem !== undefined) return { taken: false, problem };
  return (await store.answer({ ...answer, ...question.asker })) === true ? { taken: true } : { taken: false };
}

const answerSchemas = new AnswerSchemas();

async function problemOf({ schema }: Question, content: JsonValue | undefined): Promise<string | undefined> {
  if (schema === undefined) return undefined;
  const checked = await answerSchemas.of(schema)["~standard"].validate(content ?? {});
  return checked.issues?.map(({ message }) => message).join("; ");
}
