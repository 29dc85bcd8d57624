/**
 * A real model behind the wire that most of them speak: OpenAI's chat completions, with tools. Ollama, llama.cpp's server,
 * vLLM and LM Studio all have it. It is asked for whole answers: how servers stream the calls of tools differs too much.
 */
import { z } from "zod";
import { ServiceError } from "../../service-error.ts";
import type { Model, ModelRequest, Piece } from "../model.ts";
import { type Message, resultText } from "../shapes.ts";

export interface ChatCompletionsOptions {
  readonly name: string;
  /** Up to `/v1`. */
  readonly baseUrl: string;
  /** Left out: the first that the server lists. */
  readonly model?: string;
  readonly apiKey?: string | undefined;
}

const Completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({
                // Some servers give what they should give as text.
                function: z.object({ name: z.string(), arguments: z.union([z.string(), z.looseObject({})]) }),
              }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

const Models = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });

export function chatCompletions({ name, baseUrl, model, apiKey }: ChatCompletionsOptions): Model {
  const headers = {
    "content-type": "application/json",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const ask = async <Shape extends z.ZodType>(
    path: string,
    shape: Shape,
    init: RequestInit,
  ): Promise<z.output<Shape>> => {
    const url = baseUrl.replace(/\/$/, "") + path;
    const answer = await fetch(url, { ...init, headers }).catch((error: unknown) => {
      throw failure(`${url} gave no answer (${causeOf(error)}).`);
    });
    const text = await answer.text();
    if (!answer.ok) throw refusal(answer.status, `${url} answered ${answer.status}: ${text.slice(0, 500)}`);
    const parsed = shape.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    throw failure(`${url} answered with something else than the API has: ${text.slice(0, 200)}`);
  };
  let first: Promise<string> | undefined;
  const firstModel = async (): Promise<string> => (await ask("/models", Models, {})).data[0]?.id ?? "";
  return {
    name,
    async *generate(request, signal) {
      first ??= model === undefined ? firstModel() : Promise.resolve(model);
      first.catch(() => (first = undefined));
      const body = JSON.stringify(toBody(request, await first));
      yield* toPieces(await ask("/chat/completions", Completion, { method: "POST", body, signal }));
    },
  };
}

function toBody({ system, messages, tools, toolChoice, inference }: ModelRequest, model: string): object {
  const { maxTokens, temperature, topP, stopSequences } = inference;
  const forced =
    toolChoice === "any"
      ? "required"
      : { type: "function", function: toolChoice === "auto" ? {} : toolChoice };
  return {
    model,
    messages: [
      ...(system === "" ? [] : [{ role: "system", content: system }]),
      ...messages.flatMap(toMessages),
    ],
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description = "", inputSchema }) => ({
        type: "function",
        function: { name, description, parameters: inputSchema.json },
      })),
      tool_choice: toolChoice === "auto" ? "auto" : forced,
    }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stopSequences !== undefined && { stop: stopSequences }),
  };
}

/** Results are messages of their own there, before what the user says with them. */
function toMessages({ role, content }: Message): object[] {
  const text = content.flatMap((block) => block.text ?? []).join("\n");
  if (role === "user") {
    const results = content.flatMap(({ toolResult }) => toolResult ?? []);
    const told = results.map((result) => ({
      role: "tool",
      tool_call_id: result.toolUseId,
      content: result.status === "error" ? `Error: ${resultText(result)}` : resultText(result),
    }));
    return text === "" ? told : [...told, { role, content: text }];
  }
  const calls = content.flatMap(({ toolUse }) => toolUse ?? []);
  const toolCalls = calls.map(({ toolUseId: id, name, input }) => ({
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }));
  return [{ role, content: text, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }];
}

function* toPieces({ choices, usage }: z.output<typeof Completion>): Generator<Piece> {
  const [{ message, finish_reason: reason } = { message: {} }] = choices;
  if (typeof message.content === "string" && message.content.trim() !== "") yield { text: message.content };
  for (const { function: called } of message.tool_calls ?? [])
    yield { toolUse: { name: called.name, input: toInput(called.name, called.arguments) } };
  if (reason === "length") yield { stop: "max_tokens" };
  if (reason === "content_filter") yield { stop: "content_filtered" };
  if (usage != null)
    yield { usage: { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } };
}

function toInput(tool: string, given: string | object): Record<string, unknown> {
  const value = typeof given === "string" ? parse(given === "" ? "{}" : given) : given;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw failure(`The model called ${tool} with arguments that are no JSON object.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, message: string): ServiceError {
  return status === 429 ? new ServiceError("ThrottlingException", message) : failure(message);
}

function failure(message: string): ServiceError {
  return new ServiceError("ModelErrorException", message);
}

function causeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause.message : String(error);
}
