/** What reads and transitions of the record take, and what they return: see `TaskStore`. */
import type { Failure } from "../task/failure.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import type {
  AnswerAction,
  DeliveryPolicy,
  LogLine,
  Operation,
  OperationKind,
  Progress,
  Question,
  SavedState,
  SessionContext,
  TaskRecord,
  TaskSummary,
  Timestamp,
} from "../task/record.ts";
import type { TaskStatus } from "../task/status.ts";

export interface TaskKey {
  readonly taskId: TaskId;
  readonly owner?: string | undefined;
}

/** The fencing token. */
export interface AttemptKey {
  readonly taskId: TaskId;
  readonly attempt: number;
}

export interface ListTasks {
  readonly owner?: string | undefined;
  readonly status?: TaskStatus | undefined;
  readonly tool?: string | undefined;
  readonly cursor?: string | undefined;
  /** Whether tasks that another task called are listed too. Default true. */
  readonly children?: boolean | undefined;
  /** 1 to 1,000, default 100. */
  readonly limit?: number | undefined;
}

export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  /** Given to `list` again, it answers what follows; absent on the last page. */
  readonly cursor?: string;
}

export interface ReadTimeline {
  readonly taskId: TaskId;
  readonly after?: number;
  readonly limit?: number;
}

export interface ToolKey {
  readonly tool: string;
}

export interface PausedTool extends ToolKey {
  readonly since: Timestamp;
}

export interface CreateTask {
  readonly id: TaskId;
  readonly tool: string;
  /** Of the handler that it is made for: 1 to 128 characters. Absent: none. */
  readonly version?: string | undefined;
  readonly owner: string;
  readonly input: JsonValue | undefined;
  readonly priority?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly session?: SessionContext | undefined;
  /** What becomes of the task goes into the outbox of its `session`; see `deliveries.ts`. */
  readonly delivery?: DeliveryPolicy | undefined;
  readonly retryOf?: TaskId | undefined;
  /** Set by `openCall`. */
  readonly parentId?: TaskId | undefined;
  /** Absent: for ever. */
  readonly ttlMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  /** Not before this time; absent or past: at once. */
  readonly startAt?: Timestamp | undefined;
  /**
   * The call waits for the result, and says by this key (tool and input, hashed) what it asked. When an open task of
   * the same owner and tool has the key and nobody waits for it any more, that one is `task` and is waited for again.
   */
  readonly rejoinKey?: string | undefined;
  /** What people were asked before there was a task, by the names under which the handler asks: recorded as answered. */
  readonly answers?: Readonly<Record<string, JsonValue>> | undefined;
  /**
   * Begins the first attempt in the same commit; for an engine that executes and has a slot free. It is queued all the
   * same while the tool is paused, or the owner has as many running as `slotsPerOwner` allows.
   */
  readonly begin?: boolean | undefined;
  readonly slotsPerOwner?: SlotsPerOwner | undefined;
  readonly limits?: CreateLimits | undefined;
}

/** How many attempts of one owner run at once. Absent: as many as there are slots. */
export interface SlotsPerOwner {
  readonly tool?: number | undefined;
  readonly inAll?: number | undefined;
}

/** What a new task is refused by; absent: nothing. See `Limits`. */
export interface CreateLimits {
  readonly inputBytes?: number | undefined;
  readonly openTasksPerOwner?: number | undefined;
  readonly openTasks?: number | undefined;
  /** Due tasks of the tool that no attempt runs. */
  readonly queuedTasks?: number | undefined;
}

export interface CreatedTask {
  /** False when the idempotency key or the rejoin key found an earlier task, which then is `task`. */
  readonly created: boolean;
  /** As it will be read back. */
  readonly task: TaskRecord;
}

export interface RejoinKey {
  readonly owner: string;
  readonly tool: string;
  readonly rejoinKey: string;
}

export interface StopWaiting {
  readonly taskId: TaskId;
  readonly caller: "lost" | "told";
}

export interface CancelTask extends TaskKey {
  readonly reason?: string | undefined;
  /** The caller itself asked for it, and need not be told by a delivery. */
  readonly byCaller?: boolean | undefined;
}

export interface CancelOutcome {
  readonly cancelled: boolean;
  readonly task: TaskSummary;
}

export interface OpenWait extends AttemptKey {
  readonly name: string;
  readonly wait: WaitRequest;
  /** The answer that resolved it did not fit: opens the question again, under a new key, with what was wrong. */
  readonly problem?: string | undefined;
}

export type WaitRequest =
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "sleep"; readonly until: Timestamp }
  | {
      readonly kind: "ask";
      readonly question: Omit<Question, "key" | "until">;
      readonly timeoutMs?: number | undefined;
    }
  | { readonly kind: "signal"; readonly timeoutMs?: number | undefined };

export interface OpenCall extends AttemptKey {
  readonly name: string;
  /** Its `begin` is as at `create`. */
  readonly child: Omit<CreateTask, "owner" | "parentId">;
}

export interface OpenedCall {
  readonly operation: Operation;
  /** The child, where this call has begun it: the caller's engine is to run it. */
  readonly begun?: TaskRecord | undefined;
}

export interface Park extends AttemptKey {
  /** The names of the waits that the handler stands at. */
  readonly waits: readonly string[];
}

export interface AnswerQuestion extends TaskKey {
  readonly key: string;
  readonly action: AnswerAction;
  readonly content?: JsonValue | undefined;
}

/** A question, and the task that asks it: under this id, and by the question's key, it is answered. */
export interface AskedQuestion {
  readonly taskId: TaskId;
  readonly question: Question;
}

export interface AskAgain extends TaskKey {
  readonly key: string;
  /** What was wrong with the answer, for whoever is asked again. */
  readonly problem: string;
}

export interface QuestionKey {
  readonly taskId: TaskId;
  readonly key: string;
}

export interface LeaseQuestion extends QuestionKey {
  /** Names the client for as long as it remembers what it was asked: a session, or a connection. */
  readonly by: string;
  readonly forMs: number;
  /** The way on which the client would be asked: a stream. */
  readonly via: string;
  /** False: the client says that on this way it has not heard it. */
  readonly heard?: boolean | undefined;
}

/** `ask` it now; it was `asked` before, and is for so long nobody else's; or it is asked `elsewhere`. */
export type QuestionLease = "ask" | "asked" | "elsewhere";

export interface RefuseQuestion extends QuestionKey {
  readonly by: string;
}

export interface SendSignal extends TaskKey {
  readonly name: string;
  readonly value: JsonValue | undefined;
  /** How many signals the task keeps that nobody has waited for. Default 1,000. */
  readonly maxKept?: number | undefined;
}

export type RecordOperation = AttemptKey & {
  readonly name: string;
  readonly kind: OperationKind;
  /** Of the JSON of its value. */
  readonly maxBytes?: number | undefined;
} & RecordedOutcome;

export type RecordedOutcome =
  | { readonly state: "done"; readonly value: JsonValue | undefined }
  | { readonly state: "failed"; readonly failure: Failure }
  /** Tried again in `delayMs`. */
  | { readonly state: "attempted"; readonly tries: number; readonly delayMs: number };

export interface SaveState extends AttemptKey {
  readonly state: SavedState;
  /** Of its JSON, or of the bytes. */
  readonly maxBytes?: number | undefined;
}

export interface Report extends AttemptKey {
  readonly progress?: Progress | undefined;
  readonly logs?: readonly LogLine[] | undefined;
  /** So many lines of the task are kept at most; the oldest give way to a `dropped` event. Absent: all are. */
  readonly maxLogLines?: number | undefined;
}

export interface CompleteTask extends AttemptKey {
  readonly result: JsonValue | undefined;
  /** Of its JSON. */
  readonly maxBytes?: number | undefined;
}

export interface FailTask extends AttemptKey {
  readonly failure: Failure;
}

export interface RetryTask extends FailTask {
  readonly delayMs: number;
}

export interface BeginTask {
  readonly taskId: TaskId;
  readonly maxCrashes: number;
}
