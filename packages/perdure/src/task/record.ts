/**
 * What a task is: the record that every layer speaks of.
 *
 * A **summary** is what changes often and is read often, and is small. The **record** adds the values (input and
 * result), which may be large and are kept beside it. An **attempt** is one run of the handler; its number rises at
 * every begin and is the fencing token: a write by an older attempt is refused.
 */
import type { Failure } from "./failure.ts";
import type { TaskId } from "./id.ts";
import type { JsonValue } from "./json.ts";
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

interface TaskHead {
  readonly id: TaskId;
  readonly tool: string;
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
  readonly session?: SessionContext;
  readonly idempotencyKey?: string;
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
  /** From then on the task is unknown; absent: never. */
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
 * number of failed tries is known.
 */
export type OperationKind = "step" | "sleep" | "ask" | "call" | "signal";
export type OperationOutcome =
  | { readonly state: "done"; readonly value: JsonValue | undefined }
  | { readonly state: "failed"; readonly failure: Failure }
  | { readonly state: "attempted"; readonly tries: number };
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
  | { readonly type: "retry"; readonly failure: Failure; readonly delayMs: number }
  | ({ readonly type: "log" } & LogLine)
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "cancelled"; readonly reason?: string };
