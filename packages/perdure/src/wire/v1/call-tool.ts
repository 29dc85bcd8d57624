/**
 * `tools/call` of a durable tool: a task at once where the client asked for one by `params.task`, a held call
 * otherwise.
 */
import { PerdureError, ProtocolError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { asObject, type JsonObject } from "../../task/json.ts";
import type { Timestamp } from "../../task/record.ts";
import { CallEnd, cancelledByClient, disconnected } from "../call/call-end.ts";
import { handOver } from "../call/hand-over.ts";
import { holdCall, holdMsOf, refusal, submitCall, waitForOutcome } from "../call/held-call.ts";
import { sinkOf } from "../call/sink.ts";
import { invalidParams, protocolError, type ToolOutcome } from "../call/tool-result.ts";
import type { Caller, ServedTask, Service } from "../service.ts";
import { withSession } from "../session/caller-session.ts";
import { announce } from "./announce.ts";
import { knowsTasks, type Serving } from "./client.ts";
import type { Asking } from "./asking.ts";
import { tooMuchNow, unknownTask } from "./errors.ts";
import type { Resumption } from "./event-id.ts";
import { wantedBy } from "./request.ts";
import type { ResumableExchange } from "./resumable.ts";
import { taskView, textOf } from "./task-view.ts";

/** The durable tool that is called, where the call is well-formed. */
export function calledTask(service: Service, params: JsonObject): ServedTask | undefined {
  const { name, arguments: input } = params;
  if (typeof name !== "string" || (input !== undefined && asObject(input) === undefined)) return undefined;
  return service.tasks.get(name);
}

export async function serveCall(serving: Serving, task: ServedTask): Promise<void> {
  const { service, exchange, session, call, questions } = serving;
  const { params } = exchange.request;
  const caller = await callerOf(serving);
  if (caller === undefined) return;
  if (params["task"] !== undefined && knowsTasks(session)) return startTask(serving, task, caller);
  const since = service.runtime.clock.now();
  let asking: Asking | undefined;
  let submitted: TaskId | undefined;
  const outcome = await holdCall(service, {
    task,
    arguments: params["arguments"] ?? {},
    caller,
    sink: sinkOf(exchange, wantedBy(exchange.request, session)),
    signal: endOf(call.signal, task),
    onAsked: ({ id }) => questions.canAsk(session, id),
    onTask: (taskId) => {
      submitted = taskId;
      if (task.start !== "held") return;
      waits(serving, task, since, taskId);
      asking = questions.along(exchange, session, taskId);
    },
  });
  await asking?.end();
  if (outcome === undefined) return;
  answer(exchange, outcome);
  if (submitted !== undefined) questions.callEnded(exchange.caller.owner, session, submitted);
}

/** With the session that the request names; `undefined`: it is refused. */
async function callerOf({ service, exchange }: Serving): Promise<Caller | undefined> {
  try {
    return await withSession(service, exchange.caller, exchange.request.params["_meta"]);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    exchange.error(protocolError(error));
    return undefined;
  }
}

/** Goes on with a held call whose connection broke. */
export async function resumeCall(serving: Serving, { taskId, since }: Resumption): Promise<void> {
  const { service, exchange, session, call, questions } = serving;
  const { caller } = exchange;
  const record = await service.runtime.store.summary({ taskId, owner: caller.owner });
  const task = record === undefined ? undefined : service.tasks.get(record.tool);
  if (task === undefined) return exchange.error(unknownTask);
  waits(serving, task, since, taskId);
  const asking = questions.along(exchange, session, taskId);
  const outcome = await waitForOutcome(
    service,
    {
      task,
      caller,
      since,
      sink: sinkOf(exchange, wantedBy(exchange.request, session)),
      signal: endOf(call.signal, task),
      onAsked: ({ id }) => questions.canAsk(session, id),
    },
    taskId,
  );
  await asking?.end();
  if (outcome === undefined) return;
  answer(exchange, outcome);
  questions.callEnded(caller.owner, session, taskId);
}

/** From here on the call can be resumed, and cancelled, at any process. */
function waits(
  { service, exchange, call, session }: Serving,
  task: ServedTask,
  since: Timestamp,
  taskId: TaskId,
): void {
  const sink = sinkOf(exchange, wantedBy(exchange.request, session));
  exchange.waitsFor("call", taskId, since);
  call.waitsFor(taskId, holdMsOf(service, { task, caller: exchange.caller, sink }));
}

async function startTask(
  { service, exchange, session, questions }: Serving,
  task: ServedTask,
  caller: Caller,
): Promise<void> {
  const { params } = exchange.request;
  const wish = asObject(params["task"]);
  const ttl = wish?.["ttl"];
  if (wish === undefined || !(ttl === undefined || typeof ttl === "number")) {
    return exchange.error(invalidParams("task must be an object, and its ttl a number"));
  }
  let created;
  try {
    created = await submitCall(
      service,
      { task, caller, arguments: params["arguments"] ?? {}, keepMs: ttl },
      undefined,
    );
  } catch (error) {
    // A tool result would not be understood: the client waits for a task.
    const said = textOf(refusal(error)) ?? "Invalid params";
    return exchange.error(
      error instanceof PerdureError && error.retryable ? tooMuchNow(said) : invalidParams(said),
    );
  }
  const view = await taskView(service, created.task);
  if (view === undefined) return exchange.error(unknownTask);
  const said = textOf(handOver(service, created.task, caller));
  exchange.result({
    task: view,
    _meta: { "io.modelcontextprotocol/model-immediate-response": said },
  });
  questions.follow(session, created.task.id);
  if (session.stream !== undefined) announce(service, session.stream, created.task);
}

function answer(exchange: ResumableExchange, outcome: ToolOutcome): void {
  if ("result" in outcome) exchange.result({ ...outcome.result });
  else exchange.error(outcome.error);
}

/** Aborted with what the end of the wait means for the task. */
function endOf(signal: AbortSignal, task: ServedTask): AbortSignal {
  const end = new AbortController();
  const stop = (): void => {
    const reason: unknown = signal.reason;
    if (reason instanceof CallEnd) end.abort(reason);
    else end.abort(typeof reason === "string" ? cancelledByClient(reason) : disconnected("2025", task));
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return end.signal;
}
