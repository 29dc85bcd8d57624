/** A model for Strands that follows a script: each turn is made of what was said before. */
import { type BaseModelConfig, type Message, Model, type ModelStreamEvent } from "@strands-agents/sdk";

export interface ToolUse {
  readonly name: string;
  readonly input: object;
}

/** Uses tools, or says a last word. */
export type Turn = (said: readonly ToolResult[]) => readonly ToolUse[] | string;

export interface ToolResult {
  readonly status: string;
  readonly text: string;
}

export class ScriptedModel extends Model {
  readonly #script: readonly Turn[];
  /** What its tools answered, turn by turn. */
  readonly heard: (readonly ToolResult[])[] = [];
  #turns = 0;

  constructor(script: readonly Turn[]) {
    super();
    this.#script = script;
  }

  updateConfig(): void {
    // It has none.
  }

  getConfig(): BaseModelConfig {
    return { modelId: "scripted" };
  }

  async *stream(messages: Message[]): AsyncIterable<ModelStreamEvent> {
    const said = resultsIn(messages.at(-1));
    if (said.length > 0) this.heard.push(said);
    const turn = this.#script[this.#turns++]?.(said) ?? "I have no more to say.";
    yield { type: "modelMessageStartEvent", role: "assistant" };
    if (typeof turn === "string") {
      yield { type: "modelContentBlockStartEvent" };
      yield { type: "modelContentBlockDeltaEvent", delta: { type: "textDelta", text: turn } };
      yield { type: "modelContentBlockStopEvent" };
    } else {
      for (const [index, { name, input }] of turn.entries()) {
        const toolUseId = `use-${this.#turns}-${index}`;
        yield { type: "modelContentBlockStartEvent", start: { type: "toolUseStart", name, toolUseId } };
        yield {
          type: "modelContentBlockDeltaEvent",
          delta: { type: "toolUseInputDelta", input: JSON.stringify(input) },
        };
        yield { type: "modelContentBlockStopEvent" };
      }
    }
    yield { type: "modelMessageStopEvent", stopReason: typeof turn === "string" ? "endTurn" : "toolUse" };
  }
}

function resultsIn(message: Message | undefined): ToolResult[] {
  const results: ToolResult[] = [];
  for (const block of message?.content ?? []) {
    if (block.type !== "toolResultBlock") continue;
    const texts = block.content.map((part) => (part.type === "textBlock" ? part.text : JSON.stringify(part)));
    results.push({ status: block.status, text: texts.join("\n") });
  }
  return results;
}
