/**
 * A real model in this process: a GGUF file, run by `node-llama-cpp`, which is loaded when it is first asked, and an
 * optional peer: it brings a native library. Its grammar lets the model call only tools that there are, with arguments
 * that fit their schemas.
 *
 * One answer at a time: a second waits for the first.
 */
import { existsSync } from "node:fs";
import { ServiceError } from "../../service-error.ts";
import type { Model, ModelRequest, Piece } from "../model.ts";
import { type Message, resultText } from "../shapes.ts";

/** What is used of node-llama-cpp 3. */
interface LlamaModule {
  readonly getLlama: (options: object) => Promise<{
    loadModel(options: { modelPath: string }): Promise<LlamaModel>;
  }>;
  readonly LlamaChat: new (options: { contextSequence: unknown }) => LlamaChat;
}

interface LlamaModel {
  createContext(options: object): Promise<{ getSequence(): unknown }>;
  dispose(): Promise<void>;
}

interface LlamaChat {
  generateResponse(
    history: readonly HistoryItem[],
    options: object,
  ): Promise<{
    readonly response: string;
    readonly functionCalls?: readonly { readonly functionName: string; readonly params: unknown }[];
    readonly metadata: { readonly stopReason: string };
  }>;
}

type HistoryItem =
  | { readonly type: "system" | "user"; readonly text: string }
  | { readonly type: "model"; readonly response: (string | HistoryCall)[] };

interface HistoryCall {
  readonly type: "functionCall";
  readonly name: string;
  readonly params: unknown;
  readonly result: string;
}

interface Loaded {
  readonly model: LlamaModel;
  readonly chat: LlamaChat;
}

/** @throws TypeError for a file that is not there */
export function ggufModel(name: string, file: string): Model {
  if (!existsSync(file)) throw new TypeError(`model: there is no file ${file}.`);
  let loaded: Promise<Loaded> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    name,
    async *generate(request, signal) {
      loaded ??= load(file);
      loaded.catch(() => (loaded = undefined));
      const { chat } = await loaded;
      const turn = last.then(() => generate(chat, request, signal));
      last = turn.catch(() => undefined);
      yield* await turn;
    },
    close: async () => (await loaded?.catch(() => undefined))?.model.dispose(),
  };
}

async function load(modelPath: string): Promise<Loaded> {
  // By a name that no compiler looks up: who does not use it need not have it.
  const packageName: string = "node-llama-cpp";
  const imported = import(packageName) as Promise<LlamaModule>;
  const { getLlama, LlamaChat } = await imported.catch((cause: unknown) => {
    const message = "A gguf model needs node-llama-cpp: npm install node-llama-cpp.";
    throw Object.assign(new ServiceError("ModelNotReadyException", message), { cause });
  });
  const llama = await getLlama({ logLevel: "error" });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: { max: 8_192 } });
  return { model, chat: new LlamaChat({ contextSequence: context.getSequence() }) };
}

async function generate(
  chat: LlamaChat,
  { system, messages, tools, toolChoice, inference }: ModelRequest,
  signal: AbortSignal,
): Promise<Piece[]> {
  const offered =
    typeof toolChoice === "string" ? tools : tools.filter(({ name }) => name === toolChoice.name);
  const functions = Object.fromEntries(
    offered.map(({ name, description, inputSchema }) => [name, { description, params: inputSchema.json }]),
  );
  const { response, functionCalls, metadata } = await chat.generateResponse(toHistory(system, messages), {
    signal,
    ...(tools.length > 0 && { functions, documentFunctionParams: true }),
    ...(inference.maxTokens !== undefined && { maxTokens: inference.maxTokens }),
    ...(inference.temperature !== undefined && { temperature: inference.temperature }),
    ...(inference.topP !== undefined && { topP: inference.topP }),
    ...(inference.stopSequences !== undefined && { customStopTriggers: inference.stopSequences }),
  });
  const pieces: Piece[] = response.trim() === "" ? [] : [{ text: response }];
  for (const { functionName, params } of functionCalls ?? [])
    pieces.push({ toolUse: { name: functionName, input: { ...(params as object) } } });
  if (metadata.stopReason === "maxTokens") pieces.push({ stop: "max_tokens" });
  return pieces;
}

/** A call stands there together with its result, in what the model said. */
export function toHistory(system: string, messages: readonly Message[]): HistoryItem[] {
  const history: HistoryItem[] = system === "" ? [] : [{ type: "system", text: system }];
  for (const [index, { role, content }] of messages.entries()) {
    const text = content.flatMap((block) => block.text ?? []).join("\n");
    if (role === "user") {
      if (text !== "") history.push({ type: "user", text });
      continue;
    }
    const results = (messages[index + 1]?.content ?? []).flatMap(({ toolResult }) => toolResult ?? []);
    const calls = content.flatMap(({ toolUse }) => toolUse ?? []);
    const told = calls.map(({ toolUseId, name, input: params }): HistoryCall => {
      const result = results.find((one) => one.toolUseId === toolUseId);
      return { type: "functionCall", name, params, result: result === undefined ? "" : resultText(result) };
    });
    history.push({ type: "model", response: [...(text === "" ? [] : [text]), ...told] });
  }
  return history;
}
