/** What a tool answered: text for people, JSON for programs, and the hand-over among the answers. */
import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import { z } from "zod";
import type { JsonObject, JsonValue } from "../task/json.ts";
import { printable } from "./output.ts";

const handOverSchema = z.object({
  task_id: z.string().min(1),
  status: z.enum(["working", "input_required"]),
  tool: z.string(),
});
export type HandOver = z.output<typeof handOverSchema>;

/** The task that a call was handed over to. */
export function handOverOf(result: CallToolResult, tool: string): HandOver | undefined {
  const found = handOverSchema.safeParse(result.structuredContent).data;
  return found?.tool === tool && result.isError !== true ? found : undefined;
}

export function textOf(result: CallToolResult): string {
  const lines = result.content.map(blockText);
  if (lines.length === 0) return result.structuredContent === undefined ? "(no content)" : json(result);
  return lines.join("\n");
}

function json(result: CallToolResult): string {
  return JSON.stringify(result.structuredContent);
}

function blockText(block: ContentBlock): string {
  switch (block.type) {
    case "text":
      return printable(block.text);
    case "resource_link":
      return `${printable(block.name)}: ${printable(block.uri)}`;
    case "resource":
      return `(resource ${printable(block.resource.uri)})`;
    case "image":
    case "audio":
      return `(${block.type} ${printable(block.mimeType)}, ${block.data.length} characters of base64)`;
  }
}

/** As it came. */
export function documentOf(result: CallToolResult): JsonObject {
  const { content, structuredContent, isError } = result;
  return {
    content: content as unknown as JsonValue,
    ...(structuredContent !== undefined && { structuredContent: structuredContent as JsonValue }),
    ...(isError === true && { isError }),
  };
}
