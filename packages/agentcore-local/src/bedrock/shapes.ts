/** The shapes of Converse, as far as a model backend reads them. What it does not read is let through. */
import { z } from "zod";
import { oneOf, text } from "../constraints.ts";

const anything = z.unknown();

const ToolUse = z.object({
  toolUseId: text(1, 64, /^[a-zA-Z0-9_.:-]+$/),
  name: text(1, 64, /^[a-zA-Z0-9_-]+$/),
  input: z.record(z.string(), anything),
});

const ToolResult = z.object({
  toolUseId: text(1, 64, /^[a-zA-Z0-9_.:-]+$/),
  content: z.array(
    oneOf({
      text: z.string(),
      json: anything,
      image: anything,
      document: anything,
      video: anything,
      searchResult: anything,
    }),
  ),
  status: z.enum(["success", "error"]).optional(),
});

const ContentBlock = oneOf({
  text: z.string(),
  toolUse: ToolUse,
  toolResult: ToolResult,
  image: anything,
  document: anything,
  video: anything,
  audio: anything,
  guardContent: anything,
  cachePoint: anything,
  reasoningContent: anything,
  citationsContent: anything,
  searchResult: anything,
});

const ToolSpec = z.object({
  name: text(1, 64, /^[a-zA-Z0-9_-]+$/),
  description: text(1, Number.MAX_SAFE_INTEGER).optional(),
  inputSchema: z.object({ json: z.record(z.string(), anything) }),
});

const ToolConfig = z.object({
  tools: z.array(oneOf({ toolSpec: ToolSpec, systemTool: anything, cachePoint: anything })).min(1),
  toolChoice: oneOf({ auto: anything, any: anything, tool: z.object({ name: z.string() }) }).optional(),
});

const InferenceConfig = z.object({
  maxTokens: z.int().min(1).optional(),
  temperature: z.number().min(0).max(1).optional(),
  topP: z.number().min(0).max(1).optional(),
  stopSequences: z.array(z.string()).max(2500).optional(),
});

export const ConverseInput = z.object({
  modelId: text(1, 2048),
  messages: z
    .array(z.object({ role: z.enum(["user", "assistant"]), content: z.array(ContentBlock) }))
    .default([]),
  system: z.array(oneOf({ text: z.string(), guardContent: anything, cachePoint: anything })).default([]),
  toolConfig: ToolConfig.optional(),
  inferenceConfig: InferenceConfig.default({}),
});

export type ConverseRequest = z.output<typeof ConverseInput>;
export type Message = ConverseRequest["messages"][number];
export type ContentBlock = Message["content"][number];
export type ToolUse = z.output<typeof ToolUse>;
export type ToolResult = z.output<typeof ToolResult>;
export type ToolSpec = z.output<typeof ToolSpec>;
export type InferenceConfig = z.output<typeof InferenceConfig>;

/** What a tool gave back, as a model reads it. */
export function resultText({ content }: ToolResult): string {
  const parts = content.map(
    (part) => part.text ?? (part.json === undefined ? "" : JSON.stringify(part.json)),
  );
  return parts.filter((part) => part !== "").join("\n");
}
