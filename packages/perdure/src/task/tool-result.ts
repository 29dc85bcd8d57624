/** MCP's own shape of a result, which a handler may return as it is; and where the whole of a large result is read. */
import { isArray, type JsonObject, type JsonValue } from "./json.ts";

export type ContentBlock = JsonObject & { readonly type: string };

/** `CallToolResult` of MCP, without what only one generation adds to it. */
export interface ToolResult {
  readonly content: readonly ContentBlock[];
  readonly structuredContent?: JsonObject;
  readonly isError?: boolean;
}

/** The fields that each kind of block must have, all of them strings. */
const blockFields: Readonly<Record<string, readonly string[]>> = {
  text: ["text"],
  image: ["data", "mimeType"],
  audio: ["data", "mimeType"],
  resource_link: ["uri", "name"],
  resource: [],
};

/** Whether a handler returned MCP's own shape: `{ content: [{ type: "text" | "image" | …, … }, …], … }`. */
export function isToolResult(value: JsonValue): value is JsonObject & ToolResult {
  if (typeof value !== "object" || value === null || isArray(value)) return false;
  const { content } = value;
  return typeof content === "object" && content !== null && isArray(content) && content.every(isBlock);
}

function isBlock(block: JsonValue): boolean {
  if (typeof block !== "object" || block === null || isArray(block)) return false;
  const { type } = block;
  if (typeof type !== "string" || !Object.hasOwn(blockFields, type)) return false;
  return blockFields[type]?.every((field) => typeof block[field] === "string") === true;
}

/** The URI under which the whole result of a task is read. */
export function resultUri(taskId: string): string {
  return `perdure://tasks/${taskId}/result`;
}
