/** What answers a conversation: a policy that is scripted, or a real model somewhere. */
import type { InferenceConfig, Message, ToolSpec } from "./shapes.ts";

export interface ModelRequest {
  /** Of the caller's request; a backend that has only one model does not look at it. */
  readonly modelId: string;
  readonly system: string;
  /** Checked: the user begins and is last, roles alternate, each call has its result right behind it. */
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** `auto`: as the model likes; `any`: some tool; otherwise the one that is named. */
  readonly toolChoice: "auto" | "any" | { readonly name: string };
  readonly inference: InferenceConfig;
}

/** A piece of the answer, in order. Texts that follow on each other are one block. */
export type Piece =
  | { readonly text: string }
  | { readonly toolUse: { readonly name: string; readonly input: Readonly<Record<string, unknown>> } }
  /** Where it was not the end of the turn. */
  | { readonly stop: "max_tokens" | "stop_sequence" | "content_filtered" }
  | { readonly usage: Usage };

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Model {
  /** Said in the header `x-agentcore-local-model` of every answer. */
  readonly name: string;
  /** @throws ServiceError `ModelErrorException` and the like; anything else becomes an `InternalServerException` */
  generate(request: ModelRequest, signal: AbortSignal): AsyncIterable<Piece>;
  close?(): Promise<void>;
}
