/**
 * `tools/call`. Of a durable tool: a request that declares the extension gets a task at once, any other is held. Of an
 * ordinary tool: its result. `params.task`, the wish of the generation before, means nothing here.
 *
 * Ordinary tools are answered here as well because the SDK's server makes a tool error of every error that an author
 * wants to be the protocol's, and because the generated ones are what most clients have for tasks.
 */
import type { JsonObject } from "../../task/json.ts";
import type { LogLevel, LogLine } from "../../task/record.ts";
import { type CallEnd, cancelledByClient, disconnected } from "../call/call-end.ts";
import { type CallSink, type HeldCall, holdCall, refusal, submitCall } from "../call/held-call.ts";
import { callPlainTool } from "../call/plain-call.ts";
import type { ToolOutcome } from "../call/tool-result.ts";
import type { Exchange } from "../exchange.ts";
import type { PlainTool, ServedTask, Service } from "../service.ts";
import { generatedPlainTools } from "../tools/generated.ts";
import { asObject, type Envelope, loggingLevels, missingTasks, readEnvelope, stamp } from "./envelope.ts";
import { createdTask } from "./task-view.ts";

export class ToolCalls {
  readonly #service: Service;
  readonly #plainTools: ReadonlyMap<string, PlainTool>;

  constructor(service: Service) {
    this.#service = service;
    const plainTools = [...service.plainTools.values(), ...generatedPlainTools(service)];
    this.#plainTools = new Map(plainTools.map((tool) => [tool.name, tool]));
  }

  /** Whether a well-formed call names a tool of the application. */
  takes(params: JsonObject): boolean {
    const { name, arguments: input } = params;
    if (typeof name !== "string" || (input !== undefined && asObject(input) === undefined)) return false;
    return !isRetry(params) && (this.#service.tasks.has(name) || this.#plainTools.has(name));
  }

  async serve(exchange: Exchange): Promise<void> {
    const { params } = exchange.request;
    const envelope = readEnvelope(params);
    const call: Call = {
      arguments: params["arguments"] ?? {},
      caller: { ...exchange.caller, clientName: exchange.caller.clientName ?? envelope.clientName },
      sink: sinkOf(exchange, envelope),
    };
    const name = params["name"] as string;
    const task = this.#service.tasks.get(name);
    if (task !== undefined) return serveTask(this.#service, task, call, envelope, exchange);
    const tool = this.#plainTools.get(name);
    if (tool === undefined) throw new Error(`${name} is not a tool of the application`);
    const outcome = await callPlainTool(this.#service, { ...call, tool, signal: exchange.gone });
    if (!exchange.gone.aborted) answer(this.#service, exchange, outcome);
  }
}

/** The second leg of a multi-round-trip: nothing here asks on the first. */
function isRetry({ inputResponses, requestState }: JsonObject): boolean {
  return inputResponses !== undefined || requestState !== undefined;
}

async function serveTask(
  service: Service,
  task: ServedTask,
  call: Call,
  { declaresTasks }: Envelope,
  exchange: Exchange,
): Promise<void> {
  if (declaresTasks) return startTask(service, { ...call, task }, exchange);
  if (task.start === "task") return answer(service, exchange, { error: missingTasks });
  const outcome = await holdCall(service, { ...call, task, signal: endOf(exchange.gone, task) });
  if (outcome !== undefined) answer(service, exchange, outcome);
}

type Call = Pick<HeldCall, "arguments" | "caller" | "sink">;

async function startTask(
  service: Service,
  call: Pick<HeldCall, "task" | "arguments" | "caller">,
  exchange: Exchange,
): Promise<void> {
  let created;
  try {
    created = await submitCall(service, call, false);
  } catch (error) {
    return answer(service, exchange, { result: refusal(error) });
  }
  exchange.result(stamp(service, await createdTask(service, created.task), "task"));
}

function answer(service: Service, exchange: Exchange, outcome: ToolOutcome): void {
  if ("result" in outcome) exchange.result(stamp(service, { ...outcome.result }));
  else exchange.error(outcome.error, outcome.error.code === missingTasks.code ? 400 : 200);
}

function sinkOf(exchange: Exchange, { progressToken, logLevel }: Envelope): CallSink {
  return {
    ...(progressToken !== undefined && {
      progress: (report) => exchange.notify("notifications/progress", { ...report, progressToken }),
    }),
    ...(logLevel !== undefined && {
      log: (line) => {
        if (isWanted(line.level, logLevel)) exchange.notify("notifications/message", messageOf(line));
        // It may have been a sign of life.
        else exchange.keepAlive();
      },
    }),
    keepAlive: () => exchange.keepAlive(),
  };
}

function isWanted(level: LogLevel, least: (typeof loggingLevels)[number]): boolean {
  return loggingLevels.indexOf(level) >= loggingLevels.indexOf(least);
}

function messageOf({ level, message, data }: LogLine): JsonObject {
  return { level, data: data === undefined ? message : { message, data } };
}

/** Aborted with what the end of the exchange means for the task. */
function endOf(gone: AbortSignal, task: ServedTask): AbortSignal {
  const end = new AbortController();
  const stop = (): void => {
    const reason: unknown = gone.reason;
    const meant: CallEnd =
      typeof reason === "string" ? cancelledByClient(reason) : disconnected("2026", task);
    end.abort(meant);
  };
  if (gone.aborted) stop();
  else gone.addEventListener("abort", stop, { once: true });
  return end.signal;
}
