/**
 * Questions as this generation has them. A server sends no requests of its own here: what it wants to know stands as
 * `inputRequests` in an answer, by key, and the client brings the `inputResponses` with a request of its own. A client
 * is shown only what it declared that it can ask: the others see in the task's message that it waits for an answer.
 * Source: 2026-07-28, "Multi Round-Trip Requests"; the extension, "Input Required".
 */
import { asObject, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { AnswerAction, Question } from "../../task/record.ts";
import type { Askable } from "./envelope.ts";

export function toInputRequests(questions: readonly Question[], askable: Askable): JsonObject {
  const shown = questions.filter(({ mode }) => askable.has(mode));
  return Object.fromEntries(shown.map((question) => [question.key, toInputRequest(question)]));
}

export type InputQuestion = Pick<Question, "message" | "mode" | "schema" | "url" | "request">;

function toInputRequest({ message, mode, schema, url, request }: InputQuestion): JsonObject {
  if (mode === "sample") return { method: "sampling/createMessage", params: request ?? {} };
  const asked = mode === "url" ? { url } : { requestedSchema: schema };
  return { method: "elicitation/create", params: { mode, message, ...asked } };
}

export interface InputResponse {
  readonly action: AnswerAction;
  readonly content?: JsonValue | undefined;
}

const actions: ReadonlySet<JsonValue | undefined> = new Set(["accept", "decline", "cancel"]);

/** What the client says to one of them; `undefined` where it is no response. */
export function readInputResponse(
  response: JsonValue | undefined,
  mode: Question["mode"],
): InputResponse | undefined {
  const fields = asObject(response);
  if (fields === undefined) return undefined;
  // The client's model does not decline: the response is what it said.
  if (mode === "sample") return { action: "accept", content: fields };
  const { action, content } = fields;
  return actions.has(action) ? { action: action as AnswerAction, content } : undefined;
}
