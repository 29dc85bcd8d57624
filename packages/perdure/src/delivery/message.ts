/**
 * A leased message as the memory is given it: what the outbox holds, and how its tasks ended, as bounded text.
 *
 * The bound is of the message, and its entries share it: a memory that is written to once in four seconds is the wrong
 * place for five megabytes, and a model that finds them in its history is lost.
 */
import { keyAsShown } from "../engine/questions.ts";
import type { LeasedMessage, OutboxEntry } from "../store/deliveries.ts";
import type { JsonValue } from "../task/json.ts";
import type { TaskRecord } from "../task/record.ts";
import { isToolResult, resultUri, type ToolResult } from "../task/tool-result.ts";
import type { EndEntry, InterimEntry, MemoryEntry, MemoryMessage, ResultText } from "./memory.ts";

/** However many entries share the bound. */
const leastLength = 500;

export interface MessageParts {
  readonly get: (taskId: OutboxEntry["taskId"]) => Promise<TaskRecord | undefined>;
  readonly tools: MemoryMessage["tools"];
  /** Of all texts of a message, in UTF-16 units. */
  readonly maxLength: number;
}

/** `undefined` where nothing is left to say: its tasks were deleted. */
export async function toMessage(
  leased: LeasedMessage,
  { get, tools, maxLength }: MessageParts,
): Promise<MemoryMessage | undefined> {
  const length = Math.max(leastLength, Math.floor(maxLength / leased.entries.length));
  const entries: MemoryEntry[] = [];
  for (const entry of leased.entries) {
    const task = await get(entry.taskId);
    const said = task === undefined ? undefined : toEntry(entry, task, length);
    if (said !== undefined) entries.push(said);
  }
  if (entries.length === 0) return undefined;
  return {
    context: leased.session,
    key: leased.key,
    entries,
    tries: leased.failures + 1,
    since: Math.min(...entries.map(({ at }) => at)),
    tools,
  };
}

function toEntry(entry: OutboxEntry, task: TaskRecord, length: number): MemoryEntry | undefined {
  const { key, taskId, at } = entry;
  const head = { key, taskId, tool: task.tool, at };
  switch (entry.kind) {
    case "end":
      return toEnd(head, task, length);
    case "question": {
      const { askerId = taskId, question } = entry;
      const { message, schema, url } = question;
      return {
        ...head,
        kind: "question",
        questionKey: keyAsShown(taskId, askerId, question.key),
        message: cut(message, length),
        ...(schema !== undefined && { schema }),
        ...(url !== undefined && { url }),
      };
    }
    case "interim":
      return { ...head, kind: "interim", ...latest(entry, length) };
  }
}

type Head = Pick<EndEntry, "key" | "taskId" | "tool" | "at">;

function toEnd(head: Head, task: TaskRecord, length: number): EndEntry | undefined {
  switch (task.status) {
    case "completed":
      return { ...head, kind: "end", status: "completed", result: resultText(task.id, task.result, length) };
    case "failed": {
      const { code, message } = task.failure;
      return { ...head, kind: "end", status: "failed", code, message: cut(message, length) };
    }
    case "cancelled": {
      const reason = task.reason === undefined ? {} : { reason: cut(task.reason, length) };
      return { ...head, kind: "end", status: "cancelled", ...reason };
    }
    case "working":
    case "input_required":
      return undefined;
  }
}

export function resultText(taskId: string, value: JsonValue | undefined, length: number): ResultText {
  const isResult = value !== undefined && isToolResult(value);
  const text = isResult ? textOf(value) : plainText(value);
  const bounded = cut(text, length);
  return {
    text: bounded,
    whole: bounded.length === text.length,
    bytes: Buffer.byteLength(text),
    uri: resultUri(taskId),
    ...(isResult && value.isError === true && { isError: true }),
  };
}

function plainText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What is no text is named: a memory of text cannot hold it. */
function textOf({ content }: ToolResult): string {
  const texts = content.map((block) => {
    if (typeof block["text"] === "string") return block["text"];
    const { type, uri, mimeType } = block;
    return `[${[type, mimeType, uri].filter((part) => typeof part === "string").join(" ")}]`;
  });
  return texts.join("\n\n");
}

type Interim = Pick<InterimEntry, "remembered" | "omitted">;

/** The latest that fit. */
function latest({ remembered, omitted }: Interim, length: number): Interim {
  const kept: Interim["remembered"][number][] = [];
  let left = length;
  for (const { text, at } of remembered.toReversed()) {
    if (kept.length > 0 && text.length > left) break;
    kept.unshift({ text: cut(text, length), at });
    left -= text.length;
  }
  return { remembered: kept, omitted: omitted + remembered.length - kept.length };
}

/** No character is cut in half, and none is half. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text.toWellFormed();
  const insideCharacter = /[\ud800-\udbff]$/.test(text.slice(0, length));
  return text.slice(0, insideCharacter ? length - 1 : length).toWellFormed();
}
