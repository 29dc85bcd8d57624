/** What both generations show of a task in the same way, whatever else they call its states. */
import type { TaskSummary } from "../../task/record.ts";

/** On the wire it counts from the creation, in the record from the end: so it is unlimited until there is an end. */
export function wireTtlMs(task: TaskSummary): number | null {
  if (task.phase !== "ended" || task.ttlMs === undefined) return null;
  return Math.max(1, Math.round(task.endedAt - task.createdAt + task.ttlMs));
}

/** `3/10: loss 0.214` */
export function progressText({ progress }: TaskSummary): string | undefined {
  if (progress === undefined) return undefined;
  const { done, total, message } = progress;
  const count = total === undefined ? `${done}` : `${done}/${total}`;
  return message === undefined ? count : `${count}: ${message}`;
}
