/**
 * A task as this generation shows it.
 *
 * `failed` says that the call did not do what it should, by a JSON-RPC error or by a result with `isError`, which a
 * handler may also have returned itself. Clients do not fetch the result of a failed task, so the status message holds
 * the error's text. Source: MCP 2025-11-25, basic/utilities/tasks, "Task Status".
 */
import type { TaskRecord, TaskSummary } from "../../task/record.ts";
import type { TaskStatus } from "../../task/status.ts";
import { questionsOf } from "../call/questions.ts";
import { progressText, wireTtlMs } from "../call/shown-task.ts";
import { type ToolResult, toOutcome } from "../call/tool-result.ts";
import type { Service } from "../service.ts";

export type TaskView = {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly statusMessage?: string;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  /** From the creation, in milliseconds; null: unlimited. */
  readonly ttl: number | null;
  readonly pollInterval: number;
};

/** Reads the values only of one that has a result. `undefined` where it has expired meanwhile. */
export async function taskView(service: Service, task: TaskSummary): Promise<TaskView | undefined> {
  if (task.status !== "completed")
    return viewOf(service, task, task.status, await statusMessage(service, task));
  const record = await service.runtime.store.get({ taskId: task.id });
  return record === undefined ? undefined : endedView(service, record);
}

function endedView(service: Service, record: TaskRecord): TaskView {
  const outcome = toOutcome(service, record);
  const failed = "error" in outcome || outcome.result.isError === true;
  if (!failed) return viewOf(service, record, "completed", undefined);
  return viewOf(
    service,
    record,
    "failed",
    "error" in outcome ? outcome.error.message : textOf(outcome.result),
  );
}

function viewOf(
  service: Service,
  task: TaskSummary,
  status: TaskStatus,
  message: string | undefined,
): TaskView {
  return {
    taskId: task.id,
    status,
    ...(message !== undefined && { statusMessage: message }),
    createdAt: new Date(task.createdAt).toISOString(),
    lastUpdatedAt: new Date(task.updatedAt).toISOString(),
    ttl: wireTtlMs(task),
    pollInterval: Math.max(1, Math.round(service.settings.pollMs)),
  };
}

async function statusMessage(service: Service, task: TaskSummary): Promise<string | undefined> {
  switch (task.status) {
    case "working":
      return progressText(task) ?? service.runtime.waitingFor(task);
    case "input_required":
      return (await asks(service, task)) ?? progressText(task);
    case "failed":
      return task.failure.message;
    case "cancelled":
      return task.reason;
    case "completed":
      return undefined;
  }
}

/** What is asked, for clients that show no more than the status. */
async function asks(service: Service, { id }: TaskSummary): Promise<string | undefined> {
  const messages = (await questionsOf(service, id)).map(({ message }) => message);
  return messages.length === 0 ? undefined : messages.join("\n");
}

/** What a tool result says in words. */
export function textOf({ content }: ToolResult): string | undefined {
  const texts = content.flatMap(({ type, text }) =>
    type === "text" && typeof text === "string" ? [text] : [],
  );
  return texts.length === 0 ? undefined : texts.join("\n");
}
