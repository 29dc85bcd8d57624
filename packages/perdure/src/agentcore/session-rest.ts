/**
 * Whether a session can take a message now, and at what time.
 *
 * A conversation has a place for a message of ours where the agent has answered and nobody has asked anew. Within a turn
 * it would tear it: between an assistant's toolUse and its toolResult a restored history says "Tool was interrupted" and
 * has the result twice (seen, with Python's manager). So within a turn it waits, no longer than a turn takes; the agent
 * of an older one has died. And before an agent has begun the session, the first one to come would not see it.
 */
import { MemoryError } from "../delivery/memory.ts";
import type { Timestamp } from "../task/record.ts";
import { agentIdKey, parseMessages, shownMessage, stateTypeKey } from "./session-format.ts";

/** A key in the metadata of events that were delivered; its value names the message. */
export const deliveryKey = "perdureDelivery";

/** In milliseconds; each from the event, or the message, that is waited after. */
export interface Patience {
  /** For the result of a tool that the assistant has called. */
  readonly toolUseMs: number;
  /** For the assistant's reply to the user, or to a tool's result. */
  readonly replyMs: number;
  /** For an agent to begin the session. */
  readonly agentMs: number;
}

export interface SeenEvent {
  readonly eventTimestamp?: Date | undefined;
  readonly payload?: readonly unknown[] | undefined;
  readonly metadata?: Readonly<Record<string, { readonly stringValue?: string | undefined }>> | undefined;
}

export interface Look {
  /** Newest first. */
  readonly events: readonly SeenEvent[];
  readonly now: Timestamp;
  /** When the message was committed. */
  readonly since: Timestamp;
  readonly patience: Patience;
}

/** @throws MemoryError `conflict`: not now */
export function waitForRest({ events, now, since, patience }: Look): void {
  const spoken = events
    .map((event) => ({ event, message: parseMessages(event.payload).at(-1) }))
    .find(({ message }) => message !== undefined);
  if (spoken?.message === undefined) {
    if (!events.some(isAgentMarker)) {
      waitUntil(since + patience.agentMs, now, "no agent has begun the session yet");
    }
    return;
  }
  // Ours: whatever it says, it waits for nothing.
  if (spoken.event.metadata?.[deliveryKey] !== undefined) return;
  const said = shownMessage(spoken.message);
  // Another's clock may be ahead, by days.
  const stated = timeOf(spoken.event) ?? now;
  const at = stated <= now ? stated : since;
  if (said.role === "user") {
    waitUntil(at + patience.replyMs, now, "the agent has not answered the last message of the session yet");
  } else if (said.content.some((block) => "toolUse" in block)) {
    waitUntil(at + patience.toolUseMs, now, "a tool that the agent has called has not returned yet");
  }
}

function waitUntil(until: Timestamp, now: Timestamp, why: string): void {
  if (now < until) throw new MemoryError("conflict", why, { retryAfterMs: until - now });
}

/**
 * Directly behind what was seen, so that it comes to lie before whatever an agent writes between that look and this
 * event, or holds back to write later: a turn that begins just now is not torn either. Where all that was seen is long
 * past, at the latest time at which no turn can have begun.
 */
export function nextTimestamp({ events, now, patience }: Omit<Look, "since">): Timestamp {
  const last = Math.max(0, ...events.map((event) => timeOf(event) ?? 0));
  return Math.max(last + 1, now - patience.toolUseMs);
}

function timeOf({ eventTimestamp }: SeenEvent): Timestamp | undefined {
  return eventTimestamp?.getTime();
}

function isAgentMarker({ metadata }: SeenEvent): boolean {
  return metadata?.[stateTypeKey]?.stringValue === "AGENT" || metadata?.[agentIdKey] !== undefined;
}
