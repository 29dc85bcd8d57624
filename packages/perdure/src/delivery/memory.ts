/**
 * The seam between the outbox and wherever an agent will look: its memory.
 *
 * The delivery layer decides what is written, when, and in which order; an `AgentMemory` decides what it looks like
 * there. One message is one write, and has a key that is the same whenever it is tried again, in whatever process: a
 * memory that remembers keys makes at-least-once delivery exactly once. A message that was tried never changes.
 */
import type { JsonObject } from "../task/json.ts";
import type { DeliveryFailure, Remembered, SessionContext, Timestamp } from "../task/record.ts";

export interface AgentMemory {
  /** For log lines and the timeline: `agentcore`. */
  readonly name: string;
  /**
   * Resolves once the message is kept, also where it was kept before under the same key.
   * @throws MemoryError; anything else that is thrown counts as `unavailable`.
   */
  append(message: MemoryMessage, options: { readonly signal: AbortSignal }): Promise<void>;
}

export interface MemoryMessage {
  readonly context: SessionContext;
  /** Names the message for good: 33 to 120 letters, digits and hyphens. */
  readonly key: string;
  /** At least one: what a session has waiting goes in one message. Ends and questions first, each in their order. */
  readonly entries: readonly MemoryEntry[];
  /** How often it was tried, 1 the first time. */
  readonly tries: number;
  /** When the oldest entry was committed: how long the message has been waiting. */
  readonly since: Timestamp;
  /** By which tools of the application its reader gets the rest, or answers; absent where they are hidden. */
  readonly tools: { readonly results?: string; readonly answer?: string };
}

export type MemoryEntry = EndEntry | QuestionEntry | InterimEntry;

interface EntryHead {
  /** Names what it says for good, as the message's key does. */
  readonly key: string;
  readonly taskId: string;
  readonly tool: string;
  /** When it happened. */
  readonly at: Timestamp;
}

/** How a task ended. */
export type EndEntry = EntryHead & { readonly kind: "end" } & (
    | { readonly status: "completed"; readonly result: ResultText }
    | { readonly status: "failed"; readonly code: string; readonly message: string }
    | { readonly status: "cancelled"; readonly reason?: string }
  );

/** A result as text, whatever the handler returned: bounded, and not to be trusted. */
export interface ResultText {
  /** Text as it is, the texts of a tool result, or JSON; of a longer one the beginning. Well-formed Unicode. */
  readonly text: string;
  /** Whether the text is all of it. */
  readonly whole: boolean;
  /** Of all of it, in UTF-8. */
  readonly bytes: number;
  /** The resource that is all of it. */
  readonly uri: string;
  /** The handler returned a tool result that says that it is an error. */
  readonly isError?: boolean;
}

/** A task asks, and goes on when it is answered. */
export interface QuestionEntry extends EntryHead {
  readonly kind: "question";
  /** What `answer_task` takes. */
  readonly questionKey: string;
  readonly message: string;
  /** A JSON Schema of a flat object: what the answer must fit. */
  readonly schema?: JsonObject;
  /** Where the person is to do something instead. */
  readonly url?: string;
}

/** What a task said by `task.remember` since the last message, of a task that may still run. */
export interface InterimEntry extends EntryHead {
  readonly kind: "interim";
  readonly remembered: readonly Remembered[];
  /** How many earlier ones were left out, because too much was waiting. */
  readonly omitted: number;
}

/**
 * Why a memory did not take a message, and so when it is tried again:
 * - `throttled`, `conflict`: soon, ever more slowly; a conflict is also what cannot be written just now.
 * - `quota`, `denied`, `not-found`: somebody has to do something first; from minutes to an hour.
 * - `unavailable`: from seconds to minutes. It may have been kept all the same.
 * - `refused`: never. It was not kept, and would not be.
 */
export type MemoryErrorKind = Exclude<DeliveryFailure["kind"], "given-up">;

export class MemoryError extends Error {
  override readonly name: string = "MemoryError";
  readonly kind: MemoryErrorKind;
  /** What the memory itself said: not before. */
  readonly retryAfterMs: number | undefined;

  /** @param message is kept in the task's timeline: no credentials. */
  constructor(
    kind: MemoryErrorKind,
    message: string,
    options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
