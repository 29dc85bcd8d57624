/** Amazon Bedrock Runtime: Converse and ConverseStream, in front of a model. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import { ServiceError } from "../service-error.ts";
import { eventStreamType, type StreamEvent, toFrames } from "./event-stream.ts";
import type { Model, ModelRequest, Piece, Usage } from "./model.ts";
import { checkConversation } from "./rules.ts";
import { ConverseInput, type ConverseRequest } from "./shapes.ts";

export function converseOperations(model: Model): Operation[] {
  const headers = { "x-agentcore-local-model": model.name };
  const begin = async (input: ConverseRequest, signal: AbortSignal) => {
    checkConversation(input);
    return begun(model.generate(toModelRequest(input), signal));
  };
  return [
    operation({
      name: "Converse",
      method: "POST",
      path: "/model/{modelId}/converse",
      input: ConverseInput satisfies z.ZodType,
      run: async (input, signal) => {
        const started = performance.now();
        const answer = await collected(await begin(input, signal));
        return { headers, body: { ...answer(input), metrics: { latencyMs: elapsed(started) } } };
      },
    }),
    operation({
      name: "ConverseStream",
      method: "POST",
      path: "/model/{modelId}/converse-stream",
      input: ConverseInput,
      run: async (input, signal) => {
        const events = streamed(await begin(input, signal), input, performance.now());
        return { headers: { ...headers, "content-type": eventStreamType }, stream: toFrames(events) };
      },
    }),
  ];
}

/** What goes wrong before the first piece is an answer with a status of its own, and no stream. */
async function begun(pieces: AsyncIterable<Piece>): Promise<AsyncIterable<Piece>> {
  const iterator = pieces[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    return (async function* all() {
      try {
        for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
      } finally {
        await iterator.return?.();
      }
    })();
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    const failure = new ServiceError(
      "InternalServerException",
      "agentcore-local failed; its log (--log) says why.",
    );
    failure.cause = error;
    throw failure;
  }
}

function toModelRequest(input: ConverseRequest): ModelRequest {
  const { modelId, messages, system, toolConfig, inferenceConfig } = input;
  const { tools = [], toolChoice } = toolConfig ?? {};
  return {
    modelId,
    messages,
    system: system.flatMap(({ text }) => text ?? []).join("\n"),
    tools: tools.flatMap(({ toolSpec }) => toolSpec ?? []),
    toolChoice: toolChoice?.tool ?? (toolChoice !== undefined && "any" in toolChoice ? "any" : "auto"),
    inference: inferenceConfig,
  };
}

type Block =
  | { text: string }
  | { toolUse: { toolUseId: string; name: string; input: Readonly<Record<string, unknown>> } };

async function collected(pieces: AsyncIterable<Piece>) {
  const content: Block[] = [];
  const end = new Ending();
  for await (const piece of pieces) {
    end.saw(piece);
    const last = content.at(-1);
    if ("text" in piece && last !== undefined && "text" in last) last.text += piece.text;
    else if ("text" in piece) content.push({ text: piece.text });
    else if ("toolUse" in piece) content.push({ toolUse: { toolUseId: newToolUseId(), ...piece.toolUse } });
  }
  return (input: ConverseRequest) => ({
    output: { message: { role: "assistant", content } },
    stopReason: end.stopReason,
    usage: end.usage(input),
  });
}

async function* streamed(
  pieces: AsyncIterable<Piece>,
  input: ConverseRequest,
  started: number,
): AsyncGenerator<StreamEvent> {
  const end = new Ending();
  let index = -1;
  let isInText = false;
  yield ["messageStart", { role: "assistant" }];
  for await (const piece of pieces) {
    end.saw(piece);
    if ("text" in piece) {
      if (!isInText) index += 1;
      isInText = true;
      yield ["contentBlockDelta", { contentBlockIndex: index, delta: { text: piece.text } }];
    } else if ("toolUse" in piece) {
      if (isInText) yield ["contentBlockStop", { contentBlockIndex: index }];
      isInText = false;
      index += 1;
      const { name, input: given } = piece.toolUse;
      const toolUse = { toolUseId: newToolUseId(), name };
      yield ["contentBlockStart", { contentBlockIndex: index, start: { toolUse } }];
      const delta = { toolUse: { input: JSON.stringify(given) } };
      yield ["contentBlockDelta", { contentBlockIndex: index, delta }];
      yield ["contentBlockStop", { contentBlockIndex: index }];
    }
  }
  if (isInText) yield ["contentBlockStop", { contentBlockIndex: index }];
  yield ["messageStop", { stopReason: end.stopReason }];
  yield ["metadata", { usage: end.usage(input), metrics: { latencyMs: elapsed(started) } }];
}

/** How an answer ended, and what it cost. */
class Ending {
  stopReason: string = "end_turn";
  #usage: Usage | undefined;
  #length = 0;

  saw(piece: Piece): void {
    if ("text" in piece) this.#length += piece.text.length;
    else if ("toolUse" in piece) {
      this.stopReason = "tool_use";
      this.#length += JSON.stringify(piece.toolUse).length;
    } else if ("stop" in piece) this.stopReason = piece.stop;
    else this.#usage = piece.usage;
  }

  /** Where the model does not count, four characters are a token. */
  usage({ messages, system, toolConfig }: ConverseRequest) {
    const asked = JSON.stringify([messages, system, toolConfig]).length;
    const { inputTokens, outputTokens } = this.#usage ?? {
      inputTokens: Math.ceil(asked / 4),
      outputTokens: Math.ceil(this.#length / 4),
    };
    return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  }
}

function newToolUseId(): string {
  return `tooluse_${randomBytes(16).toString("base64url")}`;
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started);
}
