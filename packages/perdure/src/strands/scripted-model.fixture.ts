/** A model that says what a test has written down, and refuses a history that a strict provider would refuse. */
import {
  type BaseModelConfig,
  type Message,
  type MessageData,
  Model,
  ModelContentBlockDeltaEvent,
  ModelContentBlockStartEvent,
  ModelContentBlockStopEvent,
  ModelMessageStartEvent,
  ModelMessageStopEvent,
  ModelRedactionEvent,
  type ModelStreamEvent,
} from "@strands-agents/sdk";

export type Line =
  | string
  | { readonly call: string; readonly input?: object; readonly id?: string }
  | { readonly blocked: string; readonly instead: string };

export class ScriptedModel extends Model {
  readonly #lines: (Line | (() => Line))[];
  /** What it was asked with, each time. */
  readonly asked: MessageData[][] = [];

  /** @param lines some are made when they are spoken */
  constructor(...lines: (Line | (() => Line))[]) {
    super();
    this.#lines = lines;
  }

  /** What comes next, behind what was written down. */
  say(...lines: readonly Line[]): void {
    this.#lines.push(...lines);
  }

  updateConfig(): void {}

  getConfig(): BaseModelConfig {
    return { modelId: "scripted" };
  }

  async *stream(messages: Message[]): AsyncGenerator<ModelStreamEvent> {
    const given = messages.map((message) => message.toJSON());
    const problem = refusal(given);
    if (problem !== undefined) throw new Error(problem);
    this.asked.push(given);
    const line = this.#lines.shift() ?? "Nothing more.";
    yield* spoken(typeof line === "function" ? line() : line, this.asked.length);
  }
}

async function* spoken(line: Line, count: number): AsyncGenerator<ModelStreamEvent> {
  yield new ModelMessageStartEvent({ type: "modelMessageStartEvent", role: "assistant" });
  if (typeof line !== "string" && "call" in line) {
    const { call: name, input = {}, id = `call-${count}` } = line;
    const start = { type: "toolUseStart" as const, name, toolUseId: id };
    yield new ModelContentBlockStartEvent({ type: "modelContentBlockStartEvent", start });
    const delta = { type: "toolUseInputDelta" as const, input: JSON.stringify(input) };
    yield new ModelContentBlockDeltaEvent({ type: "modelContentBlockDeltaEvent", delta });
    yield new ModelContentBlockStopEvent({ type: "modelContentBlockStopEvent" });
    yield new ModelMessageStopEvent({ type: "modelMessageStopEvent", stopReason: "toolUse" });
    return;
  }
  const text = typeof line === "string" ? line : line.blocked;
  yield new ModelContentBlockStartEvent({ type: "modelContentBlockStartEvent" });
  yield new ModelContentBlockDeltaEvent({
    type: "modelContentBlockDeltaEvent",
    delta: { type: "textDelta", text },
  });
  yield new ModelContentBlockStopEvent({ type: "modelContentBlockStopEvent" });
  if (typeof line !== "string") {
    const inputRedaction = { replaceContent: line.instead };
    yield new ModelRedactionEvent({ type: "modelRedactionEvent", inputRedaction });
  }
  yield new ModelMessageStopEvent({ type: "modelMessageStopEvent", stopReason: "endTurn" });
}

/** Why a strict provider would not take it. */
export function refusal(messages: readonly MessageData[]): string | undefined {
  if (messages[0]?.role === "assistant") return "the user begins";
  for (const [index, { role, content }] of messages.entries()) {
    const before = messages[index - 1];
    if (before?.role === role) return `message ${index} is another of ${role}`;
    if (content.length === 0) return `message ${index} is empty`;
    const results = content.flatMap((block) => ("toolResult" in block ? [block.toolResult.toolUseId] : []));
    const calls = (before?.content ?? []).flatMap((block) =>
      "toolUse" in block ? [block.toolUse.toolUseId] : [],
    );
    if (results.toSorted().join() !== calls.toSorted().join()) {
      return `message ${index} answers [${results.join()}], [${calls.join()}] was called`;
    }
  }
  const open = messages.at(-1)?.content.some((block) => "toolUse" in block);
  return open === true ? "the last call has no result" : undefined;
}

/** The texts of a message, and what else it is made of. */
export function outline({ role, content }: Pick<MessageData, "role" | "content">): string {
  const parts = content.map((block) => {
    if ("text" in block) return block.text;
    if ("toolUse" in block) return `calls ${block.toolUse.name}`;
    if ("toolResult" in block) return `result ${JSON.stringify(block.toolResult.content)}`;
    return Object.keys(block).join();
  });
  return `${role}: ${parts.join(" | ")}`;
}
