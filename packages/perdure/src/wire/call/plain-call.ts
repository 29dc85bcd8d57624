/** A call of an ordinary short tool, which is answered within its request. */
import { PerdureError, ProtocolError } from "../../task/errors.ts";
import type { JsonValue } from "../../task/json.ts";
import type { LogLevel } from "../../task/record.ts";
import type { Caller, PlainContext, PlainTool, Service } from "../service.ts";
import { cannotAsk, type FirstQuestions } from "./first-questions.ts";
import type { CallSink } from "./held-call.ts";
import { internalError } from "./internal-error.ts";
import { protocolError, toolError, type ToolOutcome, valueToResult } from "./tool-result.ts";

export interface PlainCall {
  readonly tool: PlainTool;
  readonly arguments: JsonValue | undefined;
  readonly caller: Caller;
  readonly sink: CallSink;
  readonly signal: AbortSignal;
  /** How the client is asked; absent where it cannot be. */
  readonly questions?: FirstQuestions | undefined;
}

export async function callPlainTool(service: Service, call: PlainCall): Promise<ToolOutcome> {
  const { tool } = call;
  try {
    const input = await tool.parseInput(call.arguments);
    const returned = await tool.handler(input, contextOf(call));
    return { result: valueToResult((await tool.parseOutput(returned)) as JsonValue | undefined) };
  } catch (error) {
    if (error instanceof ProtocolError) return { error: protocolError(error) };
    if (!isOfTheInside(error)) return { result: toolError(messageOf(error)) };
    service.runtime.logger.error({ err: error, tool: tool.name }, "a tool failed");
    return { error: internalError(error) };
  }
}

/** The store's and the application's own: their messages name files and hosts. */
function isOfTheInside(error: unknown): boolean {
  return error instanceof PerdureError && /^(STORE|APP)_/.test(error.code);
}

function contextOf({ tool, caller, sink, signal, questions }: PlainCall): PlainContext {
  const write = (level: LogLevel) => (message: string, data?: JsonValue) =>
    sink.log?.({ level, message, ...(data !== undefined && { data }) });
  return {
    tool: tool.name,
    owner: caller.owner,
    session: caller.session,
    headers: caller.headers,
    signal,
    progress: risingProgress(sink),
    ...askingBy(questions),
    log: { debug: write("debug"), info: write("info"), warning: write("warning"), error: write("error") },
  };
}

/** As the protocol wants it: each report is higher than the one before. A new message of the same height may wait. */
function risingProgress({ progress: send }: CallSink): PlainContext["progress"] {
  let highest = Number.NEGATIVE_INFINITY;
  return (done, total, message) => {
    if (!(done > highest) || !Number.isFinite(done)) return;
    highest = done;
    send?.({
      progress: done,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message }),
    });
  };
}

function askingBy(questions: FirstQuestions | undefined): Pick<PlainContext, "ask" | "askAll"> {
  const asking = (name: string): FirstQuestions => {
    if (questions === undefined) throw cannotAsk(name);
    return questions;
  };
  return {
    ask: async (message, schema, { name = message } = {}) => asking(name).ask(name, { message, schema }),
    askAll: async (all) => (await asking(Object.keys(all).join(", ")).askAll(all)) as never,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
