/**
 * `sleep`, `ask`, `call`, `waitUntil`, `sample`: what a handler can wait for. Each is an operation under a name, opened
 * once; in every later run the name finds it, still open or resolved.
 */
import { createHash } from "node:crypto";
import type { OpenWait } from "../store/store.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { canonicalJson, encodeJson, type JsonObject, type JsonValue } from "../task/json.ts";
import type { Operation } from "../task/record.ts";
import type { AskOptions, CallOptions, Question, WaitOptions } from "./context.ts";
import { toQuestionSchema } from "./json-schema.ts";
import type { Operations } from "./operations.ts";
import type { ChildCall } from "./run.ts";
import { parseWith, type Schema } from "./schema.ts";
import type { Waits } from "./waits.ts";

export interface WaitCallsParts {
  readonly operations: Operations;
  readonly waits: Waits;
  readonly openWait: (wait: Pick<OpenWait, "name" | "wait" | "problem">) => Promise<Operation>;
  readonly openCall: (call: ChildCall) => Promise<Operation>;
}

export class WaitCalls {
  readonly #parts: WaitCallsParts;

  constructor(parts: WaitCallsParts) {
    this.#parts = parts;
  }

  async sleep(duration: Duration | Date, { name }: { readonly name?: string }): Promise<void> {
    if (duration instanceof Date && Number.isNaN(duration.getTime())) {
      throw new PerdureError("INVALID_OPTION", { message: "sleep: the date must be a valid one." });
    }
    const wait =
      duration instanceof Date
        ? ({ kind: "sleep", until: duration.getTime() } as const)
        : ({ kind: "sleep", ms: toMs(duration, "sleep") } as const);
    const spoken = duration instanceof Date ? duration.toISOString() : String(duration);
    await this.#wait(name ?? spoken, wait);
  }

  async ask(question: Question, options: AskOptions): Promise<unknown> {
    const { message, schema, url } = question;
    const name = options.name ?? message;
    const wait: OpenWait["wait"] = {
      kind: "ask",
      question:
        url === undefined
          ? { message, mode: "form", schema: toQuestionSchema(schema, name) }
          : { message, mode: "url", url },
      timeoutMs: timeoutOf(options, "ask"),
    };
    let answer = await this.#wait(name, wait);
    if (url !== undefined) return undefined;
    for (;;) {
      const parsed = await parsedAnswer(schema, answer, name);
      if ("value" in parsed) return parsed.value;
      const { problem } = parsed;
      const again = await this.#parts.waits.track(() => this.#parts.openWait({ name, wait, problem }));
      answer = await this.#parts.waits.settled(again);
    }
  }

  async askAll(questions: Readonly<Record<string, Question>>, options: WaitOptions): Promise<object> {
    const answers = Object.entries(questions).map(async ([name, question]) => [
      name,
      await this.ask(question, { ...options, name }),
    ]);
    return Object.fromEntries(await Promise.all(answers)) as object;
  }

  async call(
    tool: string,
    input: JsonValue | undefined,
    options: CallOptions,
  ): Promise<JsonValue | undefined> {
    const name = options.name ?? `${tool}:${hashOf(input)}`;
    const recorded = this.#parts.operations.use(name, "call");
    const operation =
      recorded ??
      (await this.#parts.waits.track(() =>
        this.#parts.openCall({ name, tool, input, idempotencyKey: options.idempotencyKey }),
      ));
    return this.#parts.waits.settled(operation);
  }

  async waitUntil(name: string, options: WaitOptions): Promise<JsonValue | undefined> {
    return this.#wait(name, { kind: "signal", timeoutMs: timeoutOf(options, "waitUntil") });
  }

  async sample(request: JsonObject, options: AskOptions): Promise<JsonValue | undefined> {
    encodeJson(request, "the request for sampling");
    const name = options.name ?? `sample:${hashOf(request)}`;
    const question = { message: name, mode: "sample", request } as const;
    const timeoutMs = timeoutOf(options, "sample") ?? sampleTimeoutMs;
    return this.#wait(name, { kind: "ask", question, timeoutMs });
  }

  async #wait(name: string, wait: OpenWait["wait"]): Promise<JsonValue | undefined> {
    const recorded = this.#parts.operations.use(name, wait.kind);
    const operation = recorded ?? (await this.#parts.waits.track(() => this.#parts.openWait({ name, wait })));
    return this.#parts.waits.settled(operation);
  }
}

/** A model answers soon or never: nobody is to wait for a client that cannot ask one. */
const sampleTimeoutMs = 300_000;

function hashOf(value: JsonValue | undefined): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 12);
}

function timeoutOf({ timeout }: WaitOptions, setting: string): number | undefined {
  return timeout === undefined ? undefined : toMs(timeout, `${setting}: timeout`);
}

async function parsedAnswer(
  schema: Schema | undefined,
  answer: JsonValue | undefined,
  name: string,
): Promise<{ readonly value: unknown } | { readonly problem: string }> {
  if (schema === undefined) return { value: answer };
  try {
    return { value: await parseWith(schema, answer, "INVALID_INPUT", `the answer to ${quote(name)}`) };
  } catch (error) {
    if (!(error instanceof PerdureError) || error.code !== "INVALID_INPUT") throw error;
    return { problem: error.message };
  }
}
