/**
 * A task as this generation shows it: flat, with its outcome inside.
 *
 * `completed` says that the call has a result, also one that says `isError`; `failed` only that the request ended in a
 * JSON-RPC error. So most of what the record calls failed is completed here.
 * Source: extension `io.modelcontextprotocol/tasks`, "Task Status" and "Task Execution Errors".
 */
import type { JsonObject } from "../../task/json.ts";
import type { Question, TaskRecord, TaskSummary } from "../../task/record.ts";
import { questionsOf } from "../call/questions.ts";
import { progressText, wireTtlMs } from "../call/shown-task.ts";
import { toLinkedOutcome } from "../call/artifact-links.ts";
import type { Service } from "../service.ts";
import type { Askable } from "./envelope.ts";
import { toInputRequests } from "./input-requests.ts";

/** What a call that starts a task is answered with: no outcome, even where an old task was found that has one. */
export async function startedTask(service: Service, task: TaskSummary): Promise<JsonObject> {
  const questions = await asked(service, task);
  const message = await statusMessage(service, task, questions);
  return { ...commonFields(service, task, message), status: wireStatus(task) };
}

/** The same of a task that is new, of which there is nothing to say yet. */
export function createdTask(service: Service, task: TaskSummary): JsonObject {
  return { ...commonFields(service, task, undefined), status: wireStatus(task) };
}

/** The whole task, with all that it asks now; reads the values only of one that has a result. */
export async function detailedTask(
  service: Service,
  task: TaskSummary,
  askable: Askable,
): Promise<JsonObject | undefined> {
  const questions = await asked(service, task);
  const fields = commonFields(service, task, await statusMessage(service, task, questions));
  if (task.status === "input_required") {
    return { ...fields, status: task.status, inputRequests: toInputRequests(questions, askable) };
  }
  if (task.status !== "completed" && task.status !== "failed") return { ...fields, status: task.status };
  const record = await service.runtime.store.get({ taskId: task.id });
  return record === undefined ? undefined : { ...fields, ...(await outcomeFields(service, record)) };
}

async function asked(service: Service, task: TaskSummary): Promise<readonly Question[]> {
  return task.status === "input_required" ? questionsOf(service, task.id) : [];
}

async function outcomeFields(service: Service, record: TaskRecord): Promise<JsonObject> {
  const outcome = await toLinkedOutcome(service, record);
  if ("error" in outcome) return { status: "failed", error: { ...outcome.error } };
  // The ext-tasks client rejects an inlined result without a type of its own.
  return { status: "completed", result: { ...outcome.result, resultType: "complete" } };
}

function wireStatus(task: TaskSummary): string {
  return task.status === "failed" && task.failure.code !== "PROTOCOL_ERROR" ? "completed" : task.status;
}

function commonFields(service: Service, task: TaskSummary, message: string | undefined): JsonObject {
  return {
    taskId: task.id,
    ...(message !== undefined && { statusMessage: message }),
    createdAt: new Date(task.createdAt).toISOString(),
    lastUpdatedAt: new Date(task.updatedAt).toISOString(),
    ttlMs: wireTtlMs(task),
    pollIntervalMs: Math.max(1, Math.round(service.settings.pollMs)),
  };
}

/** The only place for progress that this generation has outside of a held call. */
async function statusMessage(
  service: Service,
  task: TaskSummary,
  questions: readonly Question[],
): Promise<string | undefined> {
  switch (task.status) {
    case "input_required":
      return `waits for an answer: ${questions.map(({ message }) => message).join("; ")}`;
    case "working":
      return progressText(task) ?? service.runtime.waitingFor(task);
    case "completed":
      return undefined;
    case "failed":
      return task.failure.message;
    case "cancelled":
      return task.reason;
  }
}
