/**
 * Resumption without a store of events: the id of a stream's first event says what the stream waits for. A client whose
 * connection broke sends it back as `Last-Event-ID`, and any process can go on waiting from it. It gives no authority:
 * the task is looked up under the owner who sends it.
 *
 *     call.<task>.<since>.<request>     a held call, with the time at which the client began to wait
 *     result.<task>.<since>.<request>   `tasks/result`
 *     end                               the answer was sent: there is nothing to resume
 *
 * After `<since>` may stand `~` and the keys of the questions that were asked on the stream so far, by hyphens: what the
 * client has not heard is asked again. `<request>` is the JSON of the request's id and its progress token, percent-encoded; `<since>` milliseconds in
 * base 36.
 */
import type { TaskId } from "../../task/id.ts";
import type { Timestamp } from "../../task/record.ts";

export interface Resumption {
  readonly kind: "call" | "result";
  readonly taskId: TaskId;
  readonly since: Timestamp;
  readonly requestId: string | number;
  readonly progressToken: string | number | undefined;
  /** The keys of the questions that the client has heard on the stream. */
  readonly heard: readonly string[];
}

/**
 * Comes before an answer that is an error: SDK clients (1.32) take only a result for the end of a stream, and would
 * resume for ever.
 */
export const endEventId = "end";

/** It comes back in a header. */
const maxLength = 2_048;
const keptKeys = 20;

/** `undefined` where the request's own id makes it too long to be resumed. */
export function toEventId(resumption: Resumption): string | undefined {
  const { kind, taskId, since, requestId, progressToken, heard } = resumption;
  const request = encodeURIComponent(
    JSON.stringify(progressToken === undefined ? [requestId] : [requestId, progressToken]),
  );
  const keys = heard.length === 0 ? "" : `~${heard.slice(-keptKeys).join("-")}`;
  const eventId = `${kind}.${taskId}.${since.toString(36)}${keys}.${request}`;
  return eventId.length > maxLength ? undefined : eventId;
}

/** `undefined` for an id that was not made here. */
export function parseEventId(eventId: string): Resumption | undefined {
  const match = /^(call|result)\.([A-Za-z0-9]{1,64})\.([a-z0-9]{1,11})(?:~([A-Za-z0-9-]+))?\.(.+)$/.exec(
    eventId,
  );
  const request = match?.[5] === undefined ? undefined : parseRequest(match[5]);
  if (match === null || request === undefined) return undefined;
  const [, kind, taskId, since = "", heard] = match;
  return {
    kind: kind === "call" ? "call" : "result",
    taskId: taskId as TaskId,
    since: Number.parseInt(since, 36),
    heard: heard === undefined ? [] : heard.split("-"),
    ...request,
  };
}

function parseRequest(text: string): Pick<Resumption, "requestId" | "progressToken"> | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(decodeURIComponent(text));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length < 1 || parts.length > 2 || !parts.every(isId)) return undefined;
  const [requestId, progressToken] = parts as [string | number, (string | number)?];
  return { requestId, progressToken };
}

function isId(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
