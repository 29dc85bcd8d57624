/**
 * What a client gets for a task that has ended: the tool result, or the JSON-RPC error that the author asked for.
 *
 * Of a failure a caller sees the author's message and nothing else of the inside. A result that is too large for a
 * model becomes a summary with a link to the whole, which `resources/read` answers.
 */
import type { ProtocolError } from "../../task/errors.ts";
import type { JsonValue } from "../../task/json.ts";
import { isArray } from "../../task/json.ts";
import type { TaskRecord } from "../../task/record.ts";
import { type ContentBlock, isToolResult, resultUri, type ToolResult } from "../../task/tool-result.ts";
import type { Service } from "../service.ts";

export { resultUri } from "../../task/tool-result.ts";
export type { ContentBlock, ToolResult } from "../../task/tool-result.ts";

export interface JsonRpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
}

export function invalidParams(message: string): JsonRpcError {
  return { code: -32_602, message };
}

export type ToolOutcome = { readonly result: ToolResult } | { readonly error: JsonRpcError };

/** How much of a large result its summary quotes, in characters. */
const summaryLength = 2_000;

/** The outcome of an ended task. */
export function toOutcome(service: Service, task: TaskRecord): ToolOutcome {
  switch (task.status) {
    case "completed":
      return { result: toResult(service, task) };
    case "failed": {
      const { code, message, jsonRpcCode, data } = task.failure;
      if (code !== "PROTOCOL_ERROR" || jsonRpcCode === undefined) return { result: toolError(message) };
      return { error: { code: jsonRpcCode, message, ...(data !== undefined && { data }) } };
    }
    case "cancelled":
      return {
        result: toolError(`The task was cancelled${task.reason === undefined ? "." : `: ${task.reason}`}`),
      };
    case "working":
    case "input_required":
      throw new Error(`task ${task.id} is ${task.status}: it has no outcome yet`);
  }
}

/** As the author, or the wire itself, wants the request to fail. */
export function protocolError({ code, message, data }: ProtocolError): JsonRpcError {
  return { code, message, ...(data !== undefined && { data }) };
}

/** A result that says what went wrong, for a model to read. */
export function toolError(message: string): ToolResult {
  return { content: [textBlock(message)], isError: true };
}

export function textBlock(text: string): ContentBlock {
  return { type: "text", text };
}

/** A handler's value as a tool result: a ready tool result as it is, text, or JSON with the object as structure. */
export function valueToResult(value: JsonValue | undefined): ToolResult {
  if (value === undefined || value === null) return { content: [] };
  if (typeof value === "string") return { content: [textBlock(value)] };
  if (isToolResult(value)) return value;
  const content = [textBlock(JSON.stringify(value))];
  if (typeof value !== "object" || isArray(value)) return { content };
  return { content, structuredContent: value };
}

/** The whole result of a task, as `resources/read` gives it. */
export function wholeResult(value: JsonValue | undefined): {
  readonly text: string;
  readonly mimeType: string;
} {
  if (typeof value === "string") return { text: value, mimeType: "text/plain" };
  return { text: JSON.stringify(value ?? null), mimeType: "application/json" };
}

function toResult(service: Service, task: TaskRecord): ToolResult {
  const result = valueToResult(task.result);
  const { text, mimeType } = wholeResult(task.result);
  const bytes = Buffer.byteLength(text);
  const { maxResultBytes } = service.settings;
  if (bytes <= maxResultBytes || bytes - mediaBytes(result) <= maxResultBytes) return result;
  const uri = resultUri(task.id);
  const note =
    `The result of ${task.tool} is large (${bytes} bytes), so this is only its beginning. ` +
    `The whole is the resource ${uri}.\n\n${beginningOf(result)}…`;
  return {
    content: [
      textBlock(note),
      { type: "resource_link", uri, name: `result of ${task.tool}`, mimeType, size: bytes },
    ],
    structuredContent: {
      task_id: task.id,
      status: "completed",
      tool: task.tool,
      result_uri: uri,
      result_bytes: bytes,
    },
    ...(result.isError === true && { isError: true }),
  };
}

/** What a model sees or hears costs it nothing by the byte, and a beginning of it is of no use. */
function mediaBytes({ content }: ToolResult): number {
  let bytes = 0;
  for (const { data } of content) if (typeof data === "string") bytes += data.length;
  return bytes;
}

function beginningOf({ content }: ToolResult): string {
  const texts = content.flatMap(({ text }) => (typeof text === "string" ? [text] : []));
  // A character of two units may be cut in the middle.
  return texts.join("\n\n").slice(0, summaryLength).toWellFormed();
}
