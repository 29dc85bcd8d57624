/**
 * What a task is: the record that every layer speaks of.
 *
 * A **summary** is what changes often and is read often, and is small. The **record** adds the values (input and
 * result), which may be large and are kept beside it. An **attempt** is one run of the handler; its number rises at
 * every begin and is the fencing token: a write by an older attempt is refused.
 */
import type { Failure } from "./failure.ts";
import type { TaskId } from "./id.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { OpenStatus } from "./status.ts";

/** Times are milliseconds since 1970. */
export type Timestamp = number;

export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly message?: string;
}

/** Where the caller's conversation lives, so that a result can find it. */
export interface SessionContext {
  readonly session?: string;
  readonly memory?: string;
  readonly actor?: string;
}

/** How what becomes of a task is brought to the session of its caller. */
export interface DeliveryPolicy {
  /** `unclaimed`: an end that the caller has not been given within `graceMs`, a question that is open for so long. */
  readonly mode: "unclaimed" | "always";
  /** 0 with `always`. */
  readonly graceMs: number;
  /** What was not accepted for so long is given up. */
  readonly keepMs: number;
}

/** What became of the end of a task whose end is delivered; nothing yet: it waits, or the task is open. */
export interface EndDelivery {
  /** When the caller was given it, within the grace, or ended the task itself: it is not delivered. */
  readonly claimedAt?: Timestamp;
  readonly deliveredAt?: Timestamp;
  /** Refused for good, or given up. */
  readonly undelivered?: DeliveryFailure;
}

/** In one word: `pending` until it is settled, also while the task is open; `undefined` where it is not delivered. */
export function endDelivery({
  delivery,
}: Pick<TaskSummary, "delivery">): "pending" | "claimed" | "delivered" | "undelivered" | undefined {
  if (delivery === undefined) return undefined;
  if (delivery.claimedAt !== undefined) return "claimed";
  if (delivery.deliveredAt !== undefined) return "delivered";
  return delivery.undelivered === undefined ? "pending" : "undelivered";
}

/** What is delivered: how a task ended, what it asks, and what it says meanwhile by `task.remember`. */
export type DeliveryKind = "end" | "question" | "interim";

export interface Remembered {
  readonly text: string;
  readonly at: Timestamp;
}

/** Why something was not delivered: the kinds of a `MemoryError`, and `given-up` after all that was tried. */
export interface DeliveryFailure {
  readonly kind:
    "throttled" | "conflict" | "quota" | "denied" | "not-found" | "unavailable" | "refused" | "given-up";
  readonly message: string;
}

interface TaskHead {
  readonly id: TaskId;
  readonly tool: string;
  /** The version of the handler that it was made for; absent: the tool had none. */
  readonly version?: string;
  /** The principal that the task belongs to. */
  readonly owner: string;
  /** How often the handler has begun. 0 until it first runs. */
  readonly attempt: number;
  /** Attempts whose handler threw; they count against `retry`. */
  readonly errors: number;
  /** Deaths of the process in a row, with nothing newly recorded in between; they count against `maxCrashes`. */
  readonly crashes: number;
  /** Higher runs first. */
  readonly priority: number;
  readonly progress?: Progress;
  /** How many artifacts are recorded; absent: none. */
  readonly artifacts?: number;
  readonly session?: SessionContext;
  /** Absent: nothing of it is delivered. */
  readonly delivery?: DeliveryPolicy & EndDelivery;
  readonly idempotencyKey?: string;
  /** The task that called this one and waits for it. */
  readonly parentId?: TaskId;
  /** The finished task of which this one is a new try. */
  readonly retryOf?: TaskId;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  /** The end of the whole life of an open task. */
  readonly deadlineAt?: Timestamp;
  /** How long it is kept after its end, in milliseconds; absent: for ever. */
  readonly ttlMs?: number;
  /** Rises by one at each visible change of this task: the order of its changes. */
  readonly revision: number;
}

/** An open task waits for a free slot or a time, is being run, or is parked until something from outside wakes it. */
export type OpenState =
  | { readonly status: OpenStatus; readonly phase: "queued"; readonly dueAt: Timestamp }
  | { readonly status: OpenStatus; readonly phase: "running" }
  | { readonly status: OpenStatus; readonly phase: "parked" };

interface Ended {
  readonly phase: "ended";
  readonly endedAt: Timestamp;
  /** From then on the task is unknown; absent: never. A delivery that is still to be made puts it off. */
  readonly expiresAt?: Timestamp;
}

export type EndedState = Ended &
  (
    | { readonly status: "completed" }
    | { readonly status: "failed"; readonly failure: Failure }
    | { readonly status: "cancelled"; readonly reason?: string }
  );

export type TaskState = OpenState | EndedState;
export type TaskSummary = TaskHead & TaskState;

export type TaskRecord = TaskSummary & {
  readonly input: JsonValue | undefined;
  /** What the handler returned, once `completed`. */
  readonly result: JsonValue | undefined;
};

/**
 * What a handler did under a name, recorded so that it is never done again. Of an open one (`attempted`) only the
 * number of failed tries is known; of an artifact, that its writing was begun.
 */
export type OperationKind = "step" | "sleep" | "ask" | "call" | "signal" | "artifact" | "remember";
/** What an open operation waits for. */
export type Wait =
  | { readonly kind: "sleep"; readonly until: Timestamp }
  | { readonly kind: "ask"; readonly question: Question }
  | { readonly kind: "call"; readonly childId: TaskId }
  /** A value from outside, by the operation's name. */
  | { readonly kind: "signal"; readonly until?: Timestamp };

/** What a person, or the client's model, is asked. */
export interface Question {
  /** Names this asking of it: a new one where the answer did not fit. Letters and digits. */
  readonly key: string;
  readonly message: string;
  /** `form`: content that fits `schema`; `url`: the person does something at `url`; `sample`: the client's model. */
  readonly mode: "form" | "url" | "sample";
  /** A JSON Schema of a flat object, with `form`. */
  readonly schema?: JsonObject;
  readonly url?: string;
  /** The request as the protocol has it, with `sample`. */
  readonly request?: JsonObject;
  /** From then on it is not answered any more. */
  readonly until?: Timestamp;
}

export type OperationOutcome =
  | { readonly state: "open"; readonly wait: Wait }
  | { readonly state: "done"; readonly value: JsonValue | undefined }
  | { readonly state: "failed"; readonly failure: Failure }
  | { readonly state: "attempted"; readonly tries: number; readonly until: Timestamp };
export type OpenOperation = Operation & { readonly state: "open" };
/** A step that failed and is tried again from `until` on. */
export type AttemptedOperation = Operation & { readonly state: "attempted" };
export type Operation = {
  readonly name: string;
  readonly kind: OperationKind;
  /** The attempt that recorded it. */
  readonly attempt: number;
  readonly recordedAt: Timestamp;
} & OperationOutcome;

/** The latest state of a loop: JSON, or bytes as they are. */
export type SavedState = JsonValue | Uint8Array;

export const logLevels = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly data?: JsonValue;
}

/** What happened to a task, in the order of `revision`. */
export type TimelineEvent = { readonly revision: number; readonly at: Timestamp } & TimelineEntry;
export type TimelineEntry =
  | { readonly type: "created" }
  | { readonly type: "begun"; readonly attempt: number }
  /** The process died, or lost its lease, while this attempt ran. */
  | { readonly type: "crashed"; readonly attempt: number }
  /** The process shut down and left the attempt to the next one. */
  | { readonly type: "released"; readonly attempt: number }
  | {
      readonly type: "operation";
      readonly name: string;
      readonly kind: OperationKind;
      readonly state: Operation["state"];
    }
  /** Nothing is left to run until something that it waits for happens. */
  | { readonly type: "parked"; readonly attempt: number; readonly until?: Timestamp }
  | { readonly type: "answered"; readonly key: string; readonly action: AnswerAction }
  | { readonly type: "retry"; readonly failure: Failure; readonly delayMs: number }
  | ({ readonly type: "log" } & LogLine)
  /** So many log lines stood here, and gave way to later ones. */
  | { readonly type: "dropped"; readonly lines: number }
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "cancelled"; readonly reason?: string }
  /** The caller was given the end in time: it is not delivered. */
  | { readonly type: "claimed" }
  | { readonly type: "delivered"; readonly kind: DeliveryKind; readonly key: string }
  /** Tried again after `delayMs`. Of many failures of a message the 1st, 2nd, 4th, 8th, … are told. */
  | {
      readonly type: "delivery_failed";
      readonly kind: DeliveryKind;
      readonly key: string;
      readonly failure: DeliveryFailure;
      readonly failures: number;
      readonly delayMs: number;
    }
  /** Refused for good, or given up. */
  | {
      readonly type: "undelivered";
      readonly kind: DeliveryKind;
      readonly key: string;
      readonly failure: DeliveryFailure;
    };

/** What became of a question, as MCP's elicitation has it. */
export type AnswerAction = "accept" | "decline" | "cancel";

/** What people are asked now, of the operations of a task. */
export function openQuestions(operations: readonly Operation[]): Question[] {
  return operations.flatMap((operation) =>
    operation.state === "open" && operation.wait.kind === "ask" ? [operation.wait.question] : [],
  );
}
