/**
 * `tools/call` of a durable tool. A request that declares the extension gets a task at once; any other is held.
 * `params.task`, the wish of the generation before, means nothing here.
 */
import type { JsonObject } from "../../task/json.ts";
import type { LogLevel, LogLine } from "../../task/record.ts";
import { type CallEnd, cancelledByClient, disconnected } from "../call/call-end.ts";
import { type CallSink, holdCall, refusal, submitCall } from "../call/held-call.ts";
import type { ToolOutcome } from "../call/tool-result.ts";
import type { Exchange } from "../exchange.ts";
import type { Caller, ServedTask, Service } from "../service.ts";
import { asObject, type Envelope, loggingLevels, missingTasks, readEnvelope, stamp } from "./envelope.ts";
import { createdTask } from "./task-view.ts";

/** The durable tool that is called, where the call is one that can be answered here. */
export function calledTask(service: Service, params: JsonObject): ServedTask | undefined {
  const { name, arguments: input } = params;
  if (typeof name !== "string" || (input !== undefined && asObject(input) === undefined)) return undefined;
  return isRetry(params) ? undefined : service.tasks.get(name);
}

/** The second leg of a multi-round-trip: nothing here asks on the first. */
function isRetry({ inputResponses, requestState }: JsonObject): boolean {
  return inputResponses !== undefined || requestState !== undefined;
}

export async function serveCall(service: Service, task: ServedTask, exchange: Exchange): Promise<void> {
  const { params } = exchange.request;
  const envelope = readEnvelope(params);
  const call: Call = {
    task,
    arguments: params["arguments"] ?? {},
    caller: { ...exchange.caller, clientName: exchange.caller.clientName ?? envelope.clientName },
  };
  if (envelope.declaresTasks) return startTask(service, call, exchange);
  const outcome = await holdCall(service, {
    ...call,
    sink: sinkOf(exchange, envelope),
    signal: endOf(exchange.gone, task),
  });
  if (outcome !== undefined) answer(service, exchange, outcome);
}

interface Call {
  readonly task: ServedTask;
  readonly arguments: JsonObject[string];
  readonly caller: Caller;
}

async function startTask(service: Service, call: Call, exchange: Exchange): Promise<void> {
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
