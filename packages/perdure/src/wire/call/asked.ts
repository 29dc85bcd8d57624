/**
 * What a task asks, for a client that knows only tools: the open questions as structure, and in words what to do. The
 * schemas stand in the words too: not every host shows its model the structure.
 */
import type { JsonObject } from "../../task/json.ts";
import type { Question } from "../../task/record.ts";
import type { Service } from "../service.ts";

export interface Asked {
  readonly text: string;
  readonly structure: { readonly questions?: JsonObject[] };
}

export function describeQuestions({ settings }: Service, open: readonly Question[]): Asked {
  const questions = open.filter(({ mode }) => mode !== "sample");
  const answer = settings.toolNames.get("answer_task");
  const lines = questions.map((question) => `${question.key}: ${question.message}${formOf(question)}`);
  if (questions.length === 0 && open.length > 0) {
    return { text: "It waits for the model of a client that declares sampling.", structure: {} };
  }
  return {
    text: ["It waits for an answer.", ...lines, ...whatToDo(answer, questions)].join("\n"),
    structure: questions.length === 0 ? {} : { questions: questions.map(structureOf) },
  };
}

function formOf({ schema, url }: Question): string {
  if (url !== undefined) return `\n(to be done at ${url})`;
  return schema === undefined ? "" : `\n(content: ${JSON.stringify(schema)})`;
}

function whatToDo(answer: string | undefined, questions: readonly Question[]): string[] {
  if (questions.length === 0) return [];
  if (answer === undefined) return ["No tool here can answer it; whoever operates this server can."];
  const content = questions.some(({ schema }) => schema !== undefined) ? " and content" : "";
  return [
    `Ask the user, do not answer yourself. Then call ${answer} with the task_id, the key${content}, ` +
      `or with action decline.`,
  ];
}

function structureOf({ key, message, schema, url, until }: Question): JsonObject {
  return {
    key,
    message,
    ...(schema !== undefined && { schema }),
    ...(url !== undefined && { url }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}
