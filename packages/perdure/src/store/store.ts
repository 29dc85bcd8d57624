/**
 * The record of all tasks, and its transitions.
 *
 * A store is not a table with an `update`: every method that writes is one *transition* of the life of a task, atomic
 * and durable when its promise resolves, and refused as a whole when the record does not allow it. Whatever the store,
 * the contract suite (`perdure/testing`) says what each must do.
 *
 * - **Time is the store's.** Transitions take durations (`delayMs`), never "now": many machines have many clocks, and
 *   the record must have one.
 * - **Attempts are fenced.** A transition by an attempt carries the attempt's number and is refused with
 *   `STALE_ATTEMPT` once the task has ended or another attempt has begun.
 * - **Expired is gone.** From `expiresAt` on a task is neither found, listed nor returned for its idempotency key,
 *   whether or not its rows were deleted yet.
 * - **Owner.** A method with an `owner` treats a task of any other owner as one that does not exist; without it, the
 *   caller is the operator and sees all.
 * - **A refusal is certain.** What was refused was not written, and a `retryable` error says that the same call may
 *   succeed later. A store that loses an answer on the way finds out itself.
 * - **Order.** The transitions of one task are applied in the order in which they were called, awaited or not.
 * - **Values** are checked and encoded by the store before anything is written: `INVALID_VALUE`, see `task/json.ts`;
 *   so are the strings that become keys, see `task/name.ts`.
 *
 * How work is *started* is not the store's but its {@link Executor}'s: the `dueAt` of the record says when a task
 * wants to run next, the executor notices.
 */
import type { TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import type { Operation, SavedState, TaskRecord, TaskSummary, TimelineEvent } from "../task/record.ts";
import type { TaskStatus } from "../task/status.ts";
import type { ArtifactStore } from "./artifacts/artifact-store.ts";
import type { DeliveryStore } from "./deliveries.ts";
import type { Executor } from "./executor.ts";
import type { StoreReport } from "./store-report.ts";
import type { SessionStore } from "./sessions.ts";
import type {
  AnswerQuestion,
  AskAgain,
  AskedQuestion,
  AttemptKey,
  BeginTask,
  CancelOutcome,
  CancelTask,
  CompleteTask,
  CreateTask,
  CreatedTask,
  FailTask,
  LeaseQuestion,
  ListTasks,
  OpenCall,
  OpenWait,
  OpenedCall,
  Park,
  PausedTool,
  QuestionLease,
  ReadTimeline,
  RecordOperation,
  RefuseQuestion,
  RejoinKey,
  Report,
  RetryTask,
  SaveState,
  SendSignal,
  StopWaiting,
  TaskKey,
  TaskPage,
  ToolKey,
} from "./transitions.ts";

export type * from "./executor.ts";
export type * from "./transitions.ts";

export interface TaskStore {
  /** Where the record is, for messages: `sqlite:/var/lib/app.db`. Holds no secret. */
  readonly location: string;
  readonly executor: Executor;
  readonly sessions: SessionStore;
  readonly deliveries: DeliveryStore;

  // ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────
  get(key: TaskKey): Promise<TaskRecord | undefined>;
  summary(key: TaskKey): Promise<TaskSummary | undefined>;
  /** Newest first. @throws PerdureError `INVALID_OPTION` for a cursor that this store did not make. */
  list(query: ListTasks): Promise<TaskPage>;
  /** In the order in which they were recorded. */
  operations(key: { readonly taskId: TaskId }): Promise<readonly Operation[]>;
  /**
   * What people are asked now by an open task, and by the open tasks that it waits for, and those by theirs: its own
   * first, each in the order in which it was asked.
   */
  questions(key: { readonly taskId: TaskId }): Promise<readonly AskedQuestion[]>;
  savedState(key: { readonly taskId: TaskId }): Promise<SavedState | undefined>;
  /** Events with a revision above `after` (default 0), in order, at most `limit` (default 1,000). */
  timeline(query: ReadTimeline): Promise<readonly TimelineEvent[]>;

  // ── transitions by a caller ───────────────────────────────────────────────────────────────────────────────────
  /**
   * Creates an open task, or finds the one that the idempotency key already names.
   * @throws PerdureError `IDEMPOTENCY_CONFLICT` when that one was created with another input; `LIMIT_EXCEEDED`, for
   * `limits` of a task that would be new.
   */
  create(task: CreateTask): Promise<CreatedTask>;
  /** Ends an open task. `undefined` when there is no such task; `cancelled: false` when it had ended before. */
  cancel(request: CancelTask): Promise<CancelOutcome | undefined>;
  /** Whether a call that is still there waits for an open task of this key; see `CreateTask.rejoinKey`. */
  isAwaited(key: RejoinKey): Promise<boolean>;
  /**
   * The call that waited for the task does so no more: its caller was `lost`, and an equal call may rejoin; or it was
   * `told` where to find the task, and an equal call is a new one.
   */
  stopWaiting(request: StopWaiting): Promise<void>;
  /**
   * Resolves an open question: with its content, or as declined. False when no such question is open: unknown,
   * answered or replaced. `undefined`: no such task.
   */
  answer(answer: AnswerQuestion): Promise<boolean | undefined>;
  /** Closes a question whose answer did not fit, and asks it again under a new key. As `answer`. */
  askAgain(request: AskAgain): Promise<boolean | undefined>;
  /**
   * A client is about to put an open question to its person, or still does: no other does so meanwhile, and none twice.
   * `undefined`: no such question is open.
   */
  leaseQuestion(lease: LeaseQuestion): Promise<QuestionLease | undefined>;
  /** A client cannot put this question to anybody: others may. */
  refuseQuestion(refusal: RefuseQuestion): Promise<void>;
  /**
   * Gives a task a value by name: to the wait that is open for it, or to the next one. As `cancel`: `undefined`.
   * @throws PerdureError `LIMIT_EXCEEDED` where nobody has waited for `maxKept` of them.
   */
  signal(signal: SendSignal): Promise<boolean | undefined>;
  /** Removes an ended task and all that is kept of it. @throws PerdureError `TASK_NOT_ENDED`. */
  delete(key: TaskKey): Promise<boolean>;

  // ── transitions by an attempt: all @throws PerdureError `STALE_ATTEMPT` ───────────────────────────────────────
  /**
   * Records what was done under a name, once: `done` and `failed` are final. It resets `crashes`. Returns the
   * operation as it will be read back. (An artifact is `attempted` when its writing begins: from then on the task has
   * files to be swept.)
   * @throws PerdureError `STEP_MISMATCH` when the name is already final; `LIMIT_EXCEEDED`.
   */
  recordOperation(operation: RecordOperation): Promise<Operation>;
  /**
   * Opens a wait under a name and returns its operation: as it was opened before, perhaps resolved since; or resolved
   * at once, by a signal that was sent earlier.
   */
  openWait(wait: OpenWait): Promise<Operation>;
  /**
   * As `openWait`, for a child task that is created in the same commit, of the same owner; and begun in it, where the
   * call says so and a new child is made.
   * @throws PerdureError `CALL_CYCLE` where the idempotency key names a task that waits for this one, or this one.
   */
  openCall(call: OpenCall): Promise<OpenedCall>;
  /**
   * Ends the attempt until one of its open waits is resolved, or its time has come. False, and nothing is changed, when
   * one of the named waits is not open any more.
   */
  park(attempt: Park): Promise<boolean>;
  /**
   * Keeps the latest state of a loop, instead of the one before. It resets `crashes`.
   * @throws PerdureError `LIMIT_EXCEEDED`
   */
  saveState(state: SaveState): Promise<void>;
  /** Progress (the latest counts) and log lines (all are kept, up to `maxLogLines`). */
  report(report: Report): Promise<void>;
  /** Returns the result as it will be read back. @throws PerdureError `LIMIT_EXCEEDED` */
  complete(completion: CompleteTask): Promise<JsonValue | undefined>;
  fail(failure: FailTask): Promise<void>;
  /**
   * Ends the attempt with a failure and queues the next, not before `delayMs`, whatever its waits come to meanwhile;
   * failed operations are forgotten, so that they run again.
   */
  retry(retry: RetryTask): Promise<void>;
  /** Gives the task back, due at once: the process shuts down. Counts as neither an error nor a crash. */
  release(attempt: AttemptKey): Promise<void>;

  // ── transitions by the engine ─────────────────────────────────────────────────────────────────────────────────
  /**
   * Begins the next attempt of a task that is due. Over an attempt that never ended it counts a crash, and beyond
   * `maxCrashes` in a row fails the task as `CRASH_LOOP`.
   * `undefined` when there is nothing to begin: not due, ended, unknown, run by a live executor, or failed just now.
   */
  begin(request: BeginTask): Promise<TaskRecord | undefined>;
  /** Fails open tasks whose deadline has passed, at most `limit`. Returns how many. */
  failOverdue(batch: { readonly limit: number }): Promise<number>;
  /**
   * Deletes expired tasks, at most `limit`, or fewer where more would make a request wait. Returns how many; 0 when
   * nothing is left to delete.
   */
  deleteExpired(batch: { readonly limit: number }): Promise<number>;
  /**
   * The outbox of what lies in an artifact store. A task that has begun to write an artifact gets an entry when it ends
   * and another when it is deleted, in the same commit: its files that no record names are to go. In the order of their
   * ids, those above `after` (default 0), at most `limit`.
   */
  artifactSweeps(query: {
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly ArtifactSweep[]>;
  /** The files are gone: forgets the entry. */
  artifactsSwept(sweep: { readonly id: number }): Promise<void>;

  // ── pausing: for all processes of the store ───────────────────────────────────────────────────────────────────
  /** From now on no attempt of the tool begins; those that run go on. False when it was paused before. */
  pause(request: ToolKey): Promise<boolean>;
  /** Ends the pause. False when there was none. */
  resume(request: ToolKey): Promise<boolean>;
  pausedTools(): Promise<readonly PausedTool[]>;

  // ── the store itself ──────────────────────────────────────────────────────────────────────────────────────────
  /**
   * Calls `listener` after each commit that changed a task, with what changed. Changes by other processes may come
   * late, repeated or merged; `undefined` follows whenever something unknown may have changed: look again. Compare
   * `revision`. Returns the unsubscription. The listener must not throw.
   */
  subscribe(listener: (change: TaskChange | undefined) => void): () => void;
  /** 32 random bytes under a name, made at the first call: every process of the store has the same. Never logged. */
  secret(name: string): Promise<Uint8Array>;
  /**
   * The place for artifacts with the record, for where no other is set. Not every store has one.
   * @param where `database`: within it, or not at all
   * @throws PerdureError `INVALID_OPTION` where it is not
   */
  openArtifacts?(where?: "database"): ArtifactStore;
  /**
   * Gives a little of the space back that deleted tasks have left, and says whether there is more to give. Only a store
   * has it that has no server to do so.
   */
  compact?(): Promise<boolean>;
  /** What takes the room, and what waits for nothing. Reads all there is, in pieces. */
  inspect?(): Promise<StoreReport>;
  /** Writes a consistent copy to a new file, while the store is in use. Only an embedded store has it. */
  backup?(file: string): Promise<void>;
  /**
   * Of a store that can be away: whether it can be reached within two seconds, and this process may run what it was
   * started to run.
   * @throws PerdureError `STORE_UNAVAILABLE`
   */
  ready?(): Promise<void>;
  close(): Promise<void>;
}

export interface ArtifactSweep {
  readonly id: number;
  readonly taskId: TaskId;
}

export interface TaskChange {
  readonly taskId: TaskId;
  /** The attempt that the task is in now. */
  readonly attempt: number;
  readonly revision: number;
  readonly status: TaskStatus;
}
