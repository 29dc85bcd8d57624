/** The id of an event on a session's own stream: `push`, and the latest questions that were asked on it. */
import type { TaskId } from "../../task/id.ts";
import type { AskedQuestion } from "./client-request.ts";

/** It comes back in a header. */
const kept = 20;

export function toPushEventId(asked: readonly AskedQuestion[]): string {
  return ["push", ...asked.slice(-kept).flatMap(({ taskId, key }) => [taskId, key])].join(".");
}

/** `undefined` for an id that was not made here. */
export function parsePushEventId(eventId: string): AskedQuestion[] | undefined {
  if (!/^push(\.[A-Za-z0-9]{1,64}\.[A-Za-z0-9]{1,64}){0,20}$/.test(eventId)) return undefined;
  const parts = eventId.split(".").slice(1);
  return parts.flatMap((part, index) =>
    index % 2 === 0 ? [{ taskId: part as TaskId, key: parts[index + 1] ?? "" }] : [],
  );
}
