/**
 * What a conversation holds that the scripted model can answer from: what the user said last, which work was handed over
 * to the background, what of it has come back, what is asked. Nothing else is known to it.
 *
 * What comes back by itself stands in a user's message between marks like `<tool_output tool="…" task_id="…"
 * status="completed">`, each line of it behind `| `; that is how perdure delivers.
 */
import { type ContentBlock, type Message, resultText } from "../../shapes.ts";

/** The end of a task, or a tool's result. */
export interface Outcome {
  readonly tool: string;
  readonly taskId: string | undefined;
  readonly status: "completed" | "failed" | "cancelled";
  readonly text: string;
  /** Of the message it stands in. */
  readonly index: number;
}

/** A question of a task, for the user. */
export interface OpenQuestion {
  readonly tool: string;
  readonly taskId: string;
  readonly key: string | undefined;
  readonly message: string;
  /** What an answer must fit. */
  readonly schema: Schema | undefined;
  readonly index: number;
}

export type Schema = Readonly<Record<string, unknown>>;

export interface HandOver {
  readonly tool: string;
  readonly taskId: string;
}

export interface Conversation {
  /** What the user said last; empty where the last message is only a tool's. */
  readonly prompt: string;
  readonly outcomes: readonly Outcome[];
  readonly questions: readonly OpenQuestion[];
  readonly handedOver: readonly HandOver[];
  /** Whether the assistant has said it since. */
  readonly wasSaid: (text: string, since: number) => boolean;
}

const mark = /<(\w+)((?: \w+="[^"]*")+)>\n([\s\S]*?)\n<\/\1>((?:\n[^\n<]+)?)/g;

export function readConversation(messages: readonly Message[]): Conversation {
  const found: Found = { outcomes: [], questions: [], handedOver: [], answered: [] };
  const calls = new Map<string, NonNullable<ContentBlock["toolUse"]>>();
  for (const [index, { role, content }] of messages.entries()) {
    for (const { text, toolUse, toolResult } of content) {
      if (toolUse !== undefined) calls.set(toolUse.toolUseId, toolUse);
      if (toolResult !== undefined)
        readResult(found, calls.get(toolResult.toolUseId), resultText(toolResult), toolResult.status, index);
      if (text !== undefined && role === "user") readDelivered(found, text, index);
    }
  }
  return {
    prompt: (messages.at(-1)?.content ?? []).flatMap(({ text }) => withoutDelivered(text)).join("\n"),
    outcomes: found.outcomes,
    questions: found.questions.filter((question) => isOpen(question, found)),
    handedOver: found.handedOver,
    wasSaid: (said, since) =>
      messages.some(
        ({ role, content }, index) =>
          role === "assistant" && index > since && content.some(({ text }) => text?.includes(said) === true),
      ),
  };
}

interface Found {
  readonly outcomes: Outcome[];
  readonly questions: OpenQuestion[];
  readonly handedOver: HandOver[];
  readonly answered: { readonly taskId: unknown; readonly key: unknown }[];
}

function isOpen({ taskId, key }: OpenQuestion, { outcomes, answered }: Found): boolean {
  if (outcomes.some((outcome) => outcome.taskId === taskId)) return false;
  return !answered.some((one) => one.taskId === taskId && (one.key === key || one.key === undefined));
}

/** `x is running in the background as task y.` */
const handedOver = /^(\S+) is (?:still )?running(?: in the background)? as task ([\w-]+)/;
/** `q1: Go on?`, and the schema of an answer. */
const inlineQuestion = /^(\S+): (.+)\n\(content: (\{.*\})\)$/gm;

function readResult(
  found: Found,
  call: ContentBlock["toolUse"],
  text: string,
  status: string | undefined,
  index: number,
): void {
  if (call === undefined) return;
  const tool = call.name;
  const isError = status === "error";
  const [, , taskId] = handedOver.exec(text) ?? [];
  if (taskId !== undefined) {
    found.handedOver.push({ tool, taskId });
    for (const [, key, message = "", schema = ""] of text.matchAll(inlineQuestion))
      found.questions.push({ tool, taskId, key, message, schema: parseObject(schema), index });
  } else if (/answer/i.test(tool) && "task_id" in call.input) {
    if (!isError) found.answered.push({ taskId: call.input["task_id"], key: call.input["key"] });
  } else if (!("task_id" in call.input)) {
    found.outcomes.push({ tool, taskId: undefined, status: isError ? "failed" : "completed", text, index });
  }
}

function readDelivered(found: Found, text: string, index: number): void {
  for (const [, , attributes = "", quoted = "", behind = ""] of text.matchAll(mark)) {
    const { tool = "the tool", task_id: taskId = "", status, is_error: isError } = readAttributes(attributes);
    const body = quoted.replaceAll(/^\| ?/gm, "");
    if (status === "completed" || status === "failed" || status === "cancelled") {
      const outcome = status === "completed" && isError === "true" ? "failed" : status;
      found.outcomes.push({ tool, taskId, status: outcome, text: body, index });
    } else if (status === "input_required") {
      const [message = "", schema] = body.split("\nAn answer must fit: ");
      const key = parseObject(/\{.*\}/.exec(behind)?.[0] ?? "")?.["key"];
      const asked = { message, schema: parseObject(schema?.split("\n")[0] ?? "") };
      found.questions.push({ tool, taskId, key: typeof key === "string" ? key : undefined, ...asked, index });
    }
  }
}

/** What is delivered is not the user's. */
function withoutDelivered(text: string | undefined): string[] {
  return text === undefined || text.search(mark) !== -1 ? [] : [text];
}

function readAttributes(text: string): Partial<Record<string, string>> {
  const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(
    ([, name = "", value = ""]) => [name, value] as const,
  );
  return Object.fromEntries(pairs);
}

export function parseObject(text: string): Schema | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Schema) : undefined;
  } catch {
    return undefined;
  }
}
