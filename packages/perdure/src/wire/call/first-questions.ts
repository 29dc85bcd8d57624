/**
 * Questions of a call that has no task: of an ordinary tool, or asked before a task is created. Nothing is remembered
 * between the rounds of such a call, so the handler runs again from its first line in each of them, with all that was
 * answered so far, until nothing is left to ask. As with a parked task, the function of an earlier round is abandoned:
 * its promises never settle, and no `finally` runs.
 */
import { toQuestionSchema } from "../../engine/json-schema.ts";
import { parseWith } from "../../engine/schema.ts";
import type { Question as AuthorsQuestion } from "../../engine/context.ts";
import { DeclinedError, PerdureError, quote } from "../../task/errors.ts";
import type { JsonValue } from "../../task/json.ts";
import type { AnswerAction, Question } from "../../task/record.ts";

export interface FirstAnswer {
  readonly action: AnswerAction;
  readonly content?: JsonValue | undefined;
}

/** What is asked in this round; its key is the name that the author gave. */
export type OpenQuestion = Omit<Question, "until">;

export class FirstQuestions {
  /** What fits of the answers so far, by name: to be brought again in the next round. */
  readonly kept = new Map<string, FirstAnswer>();
  /** Settles once every branch of the handler that asks at once has asked; never where nothing is open. */
  readonly asked: Promise<readonly OpenQuestion[]>;
  readonly #given: ReadonlyMap<string, FirstAnswer>;
  readonly #askable: ReadonlySet<Question["mode"]>;
  readonly #open = new Map<string, OpenQuestion>();
  readonly #nowAsked: (open: readonly OpenQuestion[]) => void;

  /** @param askable what the client can be asked */
  constructor(given: ReadonlyMap<string, FirstAnswer>, askable: ReadonlySet<Question["mode"]>) {
    const { promise, resolve } = Promise.withResolvers<readonly OpenQuestion[]>();
    this.asked = promise;
    this.#nowAsked = resolve;
    this.#given = given;
    this.#askable = askable;
  }

  /**
   * @throws DeclinedError
   * @throws PerdureError `CANNOT_ASK`, `INVALID_OPTION` for what is no form, `STEP_NAME_REUSED`
   */
  async ask(name: string, { message, schema, url }: AuthorsQuestion): Promise<unknown> {
    if (this.kept.has(name) || this.#open.has(name)) {
      throw new PerdureError("STEP_NAME_REUSED", {
        message: `${quote(name)} is asked twice. Give each question a name of its own.`,
      });
    }
    const question: OpenQuestion =
      url === undefined
        ? { key: name, message, mode: "form", schema: toQuestionSchema(schema, name) }
        : { key: name, message, mode: "url", url };
    if (!this.#askable.has(question.mode)) throw cannotAsk(name);
    const answer = this.#given.get(name);
    if (answer === undefined) return this.#leaveOpen(question);
    this.kept.set(name, answer);
    if (answer.action !== "accept") {
      const verb = answer.action === "decline" ? "declined" : "dismissed";
      throw new DeclinedError(`the question ${quote(name)} was ${verb}.`, answer.action);
    }
    if (schema === undefined) return undefined;
    try {
      return await parseWith(schema, answer.content, "INVALID_INPUT", `the answer to ${quote(name)}`);
    } catch (error) {
      if (!(error instanceof PerdureError) || error.code !== "INVALID_INPUT") throw error;
      this.kept.delete(name);
      return this.#leaveOpen({
        ...question,
        message: `${message}\n\nThe last answer did not fit: ${error.message}`,
      });
    }
  }

  async askAll(questions: Readonly<Record<string, AuthorsQuestion>>): Promise<object> {
    const answers = Object.entries(questions).map(async ([name, question]) => [
      name,
      await this.ask(name, question),
    ]);
    return Object.fromEntries(await Promise.all(answers)) as object;
  }

  #leaveOpen(question: OpenQuestion): Promise<never> {
    this.#open.set(question.key, question);
    setImmediate(() => this.#nowAsked([...this.#open.values()]));
    return new Promise(() => undefined);
  }
}

export function cannotAsk(name: string): PerdureError {
  return new PerdureError("CANNOT_ASK", {
    message: `${quote(name)} is to be asked, and this client cannot be asked within a call.`,
  });
}
