/** `tasks/get`, `tasks/result`, `tasks/list` and `tasks/cancel`: only of the owner's own tasks. */
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { asObject, type JsonObject } from "../../task/json.ts";
import type { TaskRecord, TaskSummary, Timestamp } from "../../task/record.ts";
import { followTask, heartbeatMsOf } from "../call/held-call.ts";
import { Heartbeat } from "../call/heartbeat.ts";
import { sinkOf } from "../call/sink.ts";
import { toLinkedOutcome } from "../call/artifact-links.ts";
import { invalidParams } from "../call/tool-result.ts";
import { statusNotification } from "./announce.ts";
import { unknownTask } from "./errors.ts";
import type { Serving } from "./client.ts";
import { wantedBy } from "./request.ts";
import { taskView } from "./task-view.ts";

export const taskMethods: ReadonlySet<string> = new Set([
  "tasks/get",
  "tasks/result",
  "tasks/list",
  "tasks/cancel",
]);

const relatedTask = "io.modelcontextprotocol/related-task";
const pageSize = 50;

/** @param since when the client began to wait, where that was on an earlier connection. */
export async function serveTaskMethod(serving: Serving, since?: Timestamp): Promise<void> {
  const { exchange } = serving;
  const { method, params } = exchange.request;
  if (method === "tasks/list") return listTasks(serving);
  const { taskId } = params;
  if (typeof taskId !== "string") return exchange.error(invalidParams("taskId must be a string"));
  const key = { taskId: taskId as TaskId, owner: exchange.caller.owner };
  if (method === "tasks/get") return getTask(serving, key);
  if (method === "tasks/cancel") return cancelTask(serving, key);
  return getResult(serving, key, since);
}

interface OwnedTask {
  readonly taskId: TaskId;
  readonly owner: string;
}

async function getTask({ service, exchange, session, questions }: Serving, key: OwnedTask): Promise<void> {
  const task = await service.runtime.store.summary(key);
  const view = task === undefined ? undefined : await taskView(service, task);
  if (task === undefined || view === undefined) return exchange.error(unknownTask);
  if (task.phase !== "ended") questions.follow(session, task.id);
  // All there is to know of it; a result is fetched by `tasks/result`.
  else if (task.status !== "completed") service.runtime.endGiven(task);
  exchange.result(view);
}

async function cancelTask({ service, exchange }: Serving, key: OwnedTask): Promise<void> {
  const outcome = await service.runtime.store.cancel({
    ...key,
    reason: "the client cancelled the task",
    byCaller: true,
  });
  const view = outcome === undefined ? undefined : await taskView(service, outcome.task);
  if (outcome === undefined || view === undefined) return exchange.error(unknownTask);
  if (outcome.cancelled) return exchange.result(view);
  exchange.error(invalidParams(`Cannot cancel task: already ${view.status}`));
}

async function listTasks({ service, exchange }: Serving): Promise<void> {
  const { cursor } = exchange.request.params;
  if (cursor !== undefined && typeof cursor !== "string") {
    return exchange.error(invalidParams("cursor must be a string"));
  }
  let page;
  try {
    page = await service.runtime.store.list({ owner: exchange.caller.owner, cursor, limit: pageSize });
  } catch (error) {
    if (!(error instanceof PerdureError && error.code === "INVALID_OPTION")) throw error;
    return exchange.error(invalidParams("Unknown cursor"));
  }
  const views = await Promise.all(page.tasks.map((task) => taskView(service, task)));
  exchange.result({
    tasks: views.filter((view) => view !== undefined),
    ...(page.cursor !== undefined && { nextCursor: page.cursor }),
  });
}

/**
 * Blocks until the task has ended, however long that takes, and may be asked again. Meanwhile the stream carries what
 * the task reports, and its status.
 */
async function getResult(serving: Serving, key: OwnedTask, since: Timestamp | undefined): Promise<void> {
  const { service, exchange } = serving;
  const { store, clock } = service.runtime;
  const found = await store.summary(key);
  if (found === undefined) return exchange.error(unknownTask);
  if (found.phase !== "ended") {
    exchange.waitsFor("result", key.taskId, since ?? clock.now());
    if ((await waitForEnd(serving, found)).phase !== "ended") return;
  }
  const task = await store.get(key);
  if (task === undefined) return exchange.error(unknownTask);
  await answer(serving, task);
}

async function answer({ service, exchange }: Serving, task: TaskRecord): Promise<void> {
  service.runtime.endGiven(task);
  const outcome = await toLinkedOutcome(service, task);
  if ("error" in outcome) return exchange.error(outcome.error);
  const result: JsonObject = { ...outcome.result };
  exchange.result({ ...result, _meta: { ...asObject(result["_meta"]), [relatedTask]: { taskId: task.id } } });
}

/** The task as it was when the wait ended: by its end, or because nobody waits any more. */
async function waitForEnd(
  { service, exchange, session, call, questions }: Serving,
  found: TaskSummary,
): Promise<TaskSummary> {
  const sink = sinkOf(exchange, wantedBy(exchange.request, session));
  const heartbeat = new Heartbeat({
    clock: service.runtime.clock,
    intervalMs: heartbeatMsOf(service, {
      task: service.tasks.get(found.tool),
      caller: exchange.caller,
    }),
    sink,
    tool: found.tool,
  });
  let { status } = found;
  const onChange = async (task: TaskSummary): Promise<void> => {
    if (task.status === status) return;
    status = task.status;
    const view = await taskView(service, task);
    if (view !== undefined) exchange.notify(statusNotification, view);
  };
  const asking = questions.along(exchange, session, found.id);
  try {
    return await followTask(service, { heartbeat, sink, until: call.signal, onChange }, found.id);
  } finally {
    await asking?.end();
    heartbeat.stop();
  }
}
