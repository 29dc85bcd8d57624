/**
 * The record in Postgres, for many processes on many machines.
 *
 * - **Transitions** are decided in this process and written in one guarded statement: `commit-group.ts`.
 * - **Dispatch** is the record's own `due_at`, claimed with SKIP LOCKED: `claim.ts`, `executor.ts`.
 * - **Leases** belong to processes: `membership.ts`.
 * - **Notifications** are a courtesy on which nothing relies: `notifications.ts`.
 * - **The way to the database**, its time, and answers that are lost on the way: `database.ts`.
 */
import type { Clock } from "../../task/clock.ts";
import { PerdureError, quote } from "../../task/errors.ts";
import { copyJson, decodeJson, encodeJson } from "../../task/json.ts";
import { checkBytes } from "../../task/limits.ts";
import { checkName } from "../../task/name.ts";
import { encodeOutcome } from "../encoding.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import type * as Store from "../store.ts";
import { Admission } from "./admission.ts";
import { endSweep, readSweeps } from "./artifact-sweeps.ts";
import { DatabaseArtifacts } from "./artifacts.ts";
import { type Committed, CommitGroup, type Transition } from "./commit-group.ts";
import { Database } from "./database.ts";
import { PostgresDeliveries } from "./deliveries.ts";
import { PostgresExecutor } from "./executor.ts";
import { Membership } from "./membership.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import { Notifications } from "./notifications.ts";
import { pausedTools, pauseTool, resumeTool } from "./pausing.ts";
import {
  isAwaited,
  listTasks,
  readOperations,
  readQuestions,
  readRecord,
  readSavedState,
  readSummary,
  readTimeline,
} from "./reads.ts";
import { takeSecret } from "./secrets.ts";
import { PostgresSessions } from "./sessions.ts";
import { deleteExpired, overdueTasks } from "./sweeping.ts";
import {
  completeTask,
  failTask,
  recordOperation,
  releaseTask,
  report,
  retryTask,
  saveState,
} from "./transitions/attempt.ts";
import { cancelTask, deleteTask, stopWaiting } from "./transitions/caller.ts";
import { createTask } from "./transitions/create.ts";
import { beginTask, failOverdue } from "./transitions/engine.ts";
import {
  answerQuestion,
  askAgain,
  leaseQuestion,
  refuseQuestion,
  sendSignal,
} from "./transitions/questions.ts";
import { openCall, openWait, park } from "./transitions/waits.ts";

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`; `schema` in it does what the option of that name does. */
  readonly url: string;
  /**
   * For the one connection that listens, where `url` leads to a pooler in transaction mode: to the database itself.
   * Default: `url`.
   */
  readonly listenerUrl?: string;
  /** Where the tables are, and nothing else. Default: what the URL says, or `perdure`. */
  readonly schema?: string;
  /** Of the pool; one more listens. Default 10. */
  readonly maxConnections?: number;
  /** How soon a dead process is missed, in milliseconds: 10,000 to 600,000, default 15,000. */
  readonly leaseMs?: number;
  /** How long a statement or a connection may take before the way is taken for broken, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Of one artifact that is kept in the database. Default 64 MiB. */
  readonly maxArtifactBytes?: number;
  /** Whether the store brings the schema to the version that it needs. Default true; else `perdure migrate` does. */
  readonly migrate?: boolean;
  /** Is told what is tried again. Default: `process.emitWarning`. */
  readonly warn?: (message: string) => void;
  /** For tests: the time of the record. Default: the database's. */
  readonly clock?: Clock;
}

/** Nothing is opened before it is used. @throws PerdureError `INVALID_OPTION` */
export function openPostgresStore(options: PostgresStoreOptions): Store.TaskStore {
  return new PostgresStore(options, checkLease(options.leaseMs));
}

/** With any lease: tests do not wait for fifteen seconds. */
export function openPostgresStoreForTest(options: PostgresStoreOptions): Store.TaskStore {
  return new PostgresStore(options, options.leaseMs ?? defaultLeaseMs);
}

/** Brings the schema to the version that this program needs, by hand: where the store itself may not. */
export async function migratePostgres(options: PostgresStoreOptions): Promise<{ readonly schema: string }> {
  const { database, schema } = openDatabase(options);
  try {
    await migrate(database, schema);
    return { schema };
  } finally {
    await database.close();
  }
}

const defaultLeaseMs = 15_000;
const defaultMaxArtifactBytes = 67_108_864;

function checkLease(leaseMs = defaultLeaseMs): number {
  if (leaseMs >= 10_000 && leaseMs <= 600_000) return leaseMs;
  throw new PerdureError("INVALID_OPTION", {
    message: `leaseMs must be from 10,000 to 600,000: a pause shorter than it is no death; ${leaseMs} came.`,
  });
}

function openDatabase(options: PostgresStoreOptions): {
  readonly database: Database;
  readonly schema: string;
} {
  const { url, schema = schemaOf(url), maxConnections = 10, timeoutMs = 10_000, clock } = options;
  const { listenerUrl = url, maxArtifactBytes } = options;
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,40}$/.test(schema)) {
    throw new PerdureError("INVALID_OPTION", {
      message: `schema must be a name of at most 41 letters, digits and "_"; ${quote(schema)} came.`,
    });
  }
  for (const one of [url, listenerUrl]) {
    if (URL.canParse(one) && /^postgres(ql)?:$/.test(new URL(one).protocol)) continue;
    throw new PerdureError("INVALID_OPTION", {
      message: "the URL of a store on Postgres must be postgres://user:password@host:port/database.",
    });
  }
  if (!Number.isInteger(maxConnections) || maxConnections < 2) {
    throw new PerdureError("INVALID_OPTION", {
      message: `maxConnections must be an integer from 2; ${maxConnections} came.`,
    });
  }
  if (maxArtifactBytes !== undefined && !(Number.isSafeInteger(maxArtifactBytes) && maxArtifactBytes >= 1)) {
    throw new PerdureError("INVALID_OPTION", {
      message: `maxArtifactBytes must be a whole number from 1; ${maxArtifactBytes} came.`,
    });
  }
  return { database: new Database({ url, listenerUrl, schema, maxConnections, timeoutMs, clock }), schema };
}

/** `?schema=…` of the URL. */
function schemaOf(url: string): string {
  return (URL.canParse(url) ? new URL(url).searchParams.get("schema") : null) ?? "perdure";
}

class PostgresStore implements Store.TaskStore {
  readonly location: string;
  readonly executor: PostgresExecutor;
  readonly sessions: PostgresSessions;
  readonly deliveries: PostgresDeliveries;
  readonly #database: Database;
  readonly #schema: string;
  readonly #migrates: boolean;
  readonly #maxArtifactBytes: number;
  readonly #warn: (message: string) => void;
  readonly #commits: CommitGroup;
  readonly #settlements: CommitGroup;
  readonly #membership: Membership;
  readonly #notifications: Notifications;
  readonly #listeners = new Set<(change: Store.TaskChange | undefined) => void>();
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions, leaseMs: number) {
    const { database, schema } = openDatabase(options);
    this.#database = database;
    this.#schema = schema;
    this.#migrates = options.migrate ?? true;
    this.#maxArtifactBytes = options.maxArtifactBytes ?? defaultMaxArtifactBytes;
    this.#warn = options.warn ?? ((message) => process.emitWarning(message, "PerdureWarning"));
    this.location = database.location;
    const onError = (error: unknown): void => this.#onError(error);
    const committed = (unit: Committed): void => this.#committed(unit);
    const admission = new Admission();
    this.#membership = new Membership({
      database,
      leaseMs,
      onRecovered: () => {
        this.#look();
        this.deliveries.notify();
        this.#notifications.tell([], true, true);
      },
      onLost: () => this.executor.lose(),
      onOthers: () => this.#notifications.tellOfAnything(),
      onJoined: () => {
        void this.#notifications.tellOfProcess("came");
        this.executor.rejoin();
      },
      onError,
    });
    this.#notifications = new Notifications({
      database,
      channel: `perdure_${schema}`,
      from: () => this.#membership.id,
      hasOthers: () => this.#membership.others > 0,
      onChanges: (changes) => this.#emit(changes ?? [undefined]),
      onDue: () => this.executor.notifyDue(),
      onOutbox: () => this.deliveries.notify(),
      onListener: (listener) => {
        this.#membership.noteListener(listener);
        if (listener !== undefined && this.#isOpen) this.#membership.countOthers().catch(onError);
      },
      onProcess: (what) => this.#onProcess(what),
      onError,
    });
    const group = { database, process: () => this.#membership.id, committed, admission };
    this.#commits = new CommitGroup(group);
    // Apart from the tasks: whoever delivers has to see its outbox as it is in the record.
    this.#settlements = new CommitGroup(group);
    this.deliveries = new PostgresDeliveries({
      ready: () => this.#ready(),
      executes: () => this.executor.executes,
      write: (transition) => this.#write(transition, this.#settlements),
      listen: () => this.#notifications.listen(),
    });
    const ready = async (): Promise<void> => void (await this.#ready());
    this.sessions = new PostgresSessions(() => this.#ready());
    this.executor = new PostgresExecutor({
      database,
      commits: this.#commits,
      membership: this.#membership,
      ready,
      listen: () => this.#notifications.listen(),
      committed: (changes) => {
        admission.departed(changes.length);
        this.#committed({ changes, due: false, outboxTouched: false });
      },
      onExecutes: () => this.deliveries.notify(),
      onError,
    });
  }

  async get(key: Store.TaskKey) {
    if (!isText(key.taskId)) return undefined;
    return readRecord(await this.#ready(), key);
  }

  async summary(key: Store.TaskKey) {
    if (!isText(key.taskId)) return undefined;
    return readSummary(await this.#ready(), key);
  }

  async list(query: Store.ListTasks) {
    if (!isText(query.owner) || !isText(query.tool)) return { tasks: [] };
    return listTasks(await this.#ready(), query);
  }

  async operations({ taskId }: Store.TaskKey) {
    return readOperations(await this.#ready(), taskId);
  }

  async questions({ taskId }: Store.TaskKey) {
    return readQuestions(await this.#ready(), taskId);
  }

  async savedState({ taskId }: Store.TaskKey) {
    return readSavedState(await this.#ready(), taskId);
  }

  async timeline(query: Store.ReadTimeline) {
    return readTimeline(await this.#ready(), query);
  }

  async create(task: Store.CreateTask) {
    const input = encodeJson(task.input, "input");
    checkBytes(input, "inputBytes", task.limits?.inputBytes, `the input of ${task.tool}`);
    const session = copyJson(task.session, "session");
    const delivery = copyJson(task.delivery, "delivery");
    if (task.version !== undefined) checkName(task.version, "version");
    checkName(task.tool, "tool");
    checkName(task.owner, "owner");
    if (task.idempotencyKey !== undefined) checkName(task.idempotencyKey, "idempotencyKey");
    const answers = copyJson(task.answers, "answers");
    for (const name of Object.keys(answers ?? {})) checkName(name, "the name of a question");
    return this.#write(createTask({ ...task, session, delivery, answers }, input));
  }

  async cancel({ ...request }: Store.CancelTask) {
    return this.#write(cancelTask(request));
  }

  async isAwaited(key: Store.RejoinKey) {
    return isAwaited(await this.#ready(), key);
  }

  async stopWaiting({ ...request }: Store.StopWaiting) {
    return this.#write(stopWaiting(request));
  }

  async delete({ ...key }: Store.TaskKey) {
    return this.#write(deleteTask(key));
  }

  async openWait(wait: Store.OpenWait) {
    const copy = copyJson(wait, "wait");
    checkName(wait.name, `the name of a ${wait.wait.kind}`);
    return this.#write(openWait(copy));
  }

  async openCall(call: Store.OpenCall) {
    const input = encodeJson(call.child.input, "input");
    checkBytes(input, "inputBytes", call.child.limits?.inputBytes, `the input of ${call.child.tool}`);
    checkName(call.name, "the name of a call");
    checkName(call.child.tool, "tool");
    if (call.child.idempotencyKey !== undefined) checkName(call.child.idempotencyKey, "idempotencyKey");
    return this.#write(openCall({ ...call, child: { ...call.child } }, input));
  }

  async park({ ...attempt }: Store.Park) {
    return this.#write(park(attempt));
  }

  async answer({ ...answer }: Store.AnswerQuestion) {
    const content = encodeJson(answer.content, "answer");
    return this.#write(answerQuestion(answer, content));
  }

  async askAgain({ ...request }: Store.AskAgain) {
    return this.#write(askAgain(request));
  }

  async leaseQuestion({ ...lease }: Store.LeaseQuestion) {
    return this.#write(leaseQuestion(lease));
  }

  async refuseQuestion({ ...refusal }: Store.RefuseQuestion) {
    return this.#write(refuseQuestion(refusal));
  }

  async signal({ ...signal }: Store.SendSignal) {
    const value = encodeJson(signal.value, "signal");
    checkName(signal.name, "the name of a signal");
    return this.#write(sendSignal(signal, value));
  }

  async recordOperation(operation: Store.RecordOperation) {
    const value = encodeOutcome(operation);
    if (operation.state === "done") {
      checkBytes(
        value,
        "stepBytes",
        operation.maxBytes,
        `the result of step ${JSON.stringify(operation.name)}`,
      );
    }
    checkName(operation.name, `the name of a ${operation.kind}`);
    return this.#write(recordOperation({ ...operation }, value));
  }

  async saveState({ state, maxBytes, ...key }: Store.SaveState) {
    const value = state instanceof Uint8Array ? state.slice() : encodeJson(state, "saved state");
    if (value === undefined) {
      throw new PerdureError("INVALID_VALUE", {
        message: "saved state is undefined; save null or {} to say nothing.",
      });
    }
    checkBytes(value, "stateBytes", maxBytes, "the saved state");
    return this.#write(saveState(key, value));
  }

  async report({ progress, logs = [], maxLogLines, ...key }: Store.Report) {
    const copy = copyJson({ progress, logs }, "report");
    return this.#write(report(key, { ...copy, maxLogLines }));
  }

  async complete({ ...completion }: Store.CompleteTask) {
    const result = encodeJson(completion.result, "result");
    checkBytes(result, "resultBytes", completion.maxBytes, "the result");
    await this.#write(completeTask(completion, result));
    return decodeJson(result);
  }

  async fail(request: Store.FailTask) {
    return this.#write(failTask(copyJson(request, "failure")));
  }

  async retry(request: Store.RetryTask) {
    return this.#write(retryTask(copyJson(request, "failure")));
  }

  async release({ ...attempt }: Store.AttemptKey) {
    return this.#write(releaseTask(attempt));
  }

  async begin({ ...request }: Store.BeginTask) {
    return this.#write(beginTask(request));
  }

  async failOverdue({ limit }: { readonly limit: number }) {
    const overdue = await overdueTasks(await this.#ready(), limit);
    return overdue.length === 0 ? 0 : this.#write(failOverdue(overdue));
  }

  async deleteExpired({ limit }: { readonly limit: number }) {
    return deleteExpired(await this.#ready(), limit);
  }

  async artifactSweeps({ after = 0, limit }: { readonly after?: number; readonly limit: number }) {
    return readSweeps(await this.#ready(), after, limit);
  }

  async artifactsSwept({ id }: { readonly id: number }) {
    await endSweep(await this.#ready(), id);
  }

  async pause({ tool }: Store.ToolKey) {
    checkName(tool, "tool");
    return pauseTool(await this.#ready(), tool);
  }

  async resume({ tool }: Store.ToolKey) {
    const resumed = await resumeTool(await this.#ready(), tool);
    this.#committed({ changes: [], due: true, outboxTouched: false });
    return resumed;
  }

  async pausedTools() {
    return pausedTools(await this.#ready());
  }

  subscribe(listener: (change: Store.TaskChange | undefined) => void): () => void {
    this.#listeners.add(listener);
    const endListening = this.#notifications.listen();
    return () => {
      this.#listeners.delete(listener);
      endListening();
    };
  }

  async secret(name: string) {
    return takeSecret(await this.#ready(), name);
  }

  openArtifacts(): ArtifactStore {
    const ready = () => this.#ready();
    return new DatabaseArtifacts({ ready, location: this.location, maxBytes: this.#maxArtifactBytes });
  }

  async ready() {
    await (await this.#ready()).query("SELECT 1", [], { timeoutMs: 2_000 });
    if (!this.executor.isLost) return;
    throw new PerdureError("STORE_UNAVAILABLE", {
      message: `${this.location}: this process was cut off for longer than its lease. It comes back by itself.`,
      retryable: true,
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await Promise.all([this.#commits.drain(), this.#settlements.drain()]);
    this.executor.halt();
    await this.#membership.leave().catch((error: unknown) => this.#onError(error));
    if (this.#isOpen) await this.#notifications.tellOfProcess("left");
    await this.#notifications.close();
    await this.#database.close();
  }

  /** Open: the schema is there, and this process is known to the others. What fails is tried again by the next call. */
  async #ready(): Promise<Database> {
    this.#refuseClosed();
    if (!this.#isOpen) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
      this.#refuseClosed();
    }
    return this.#database;
  }

  async #open(): Promise<void> {
    if (this.#migrates) await migrate(this.#database, this.#schema);
    else await requireMigrated(this.#database);
    await this.#membership.join();
    this.#isOpen = true;
    // Whoever came while this one was not yet listening was not heard.
    await this.#membership.countOthers();
  }

  /** Without a turn of waiting in between once it is open: the order of calls is that of the transitions. */
  async #write<T>(transition: Transition<T>, commits = this.#commits): Promise<T> {
    this.#refuseClosed();
    if (!this.#isOpen) await this.#ready();
    return commits.run(transition);
  }

  #refuseClosed(): void {
    if (this.#closing === undefined) return;
    throw new PerdureError("STORE_CLOSED", {
      message: `${this.location} was closed. Open it again, or close it later.`,
    });
  }

  #committed({ changes, due, outboxTouched }: Committed): void {
    this.#emit(changes);
    this.#notifications.tell(changes, due, outboxTouched);
    if (outboxTouched) this.deliveries.notify();
    if (due) this.executor.notifyDue("own");
  }

  #emit(changes: readonly (Store.TaskChange | undefined)[]): void {
    if (this.#closing !== undefined) return;
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }

  /** Something unknown has changed. */
  #look(): void {
    this.#emit([undefined]);
    this.executor.notifyDue();
  }

  #onProcess(what: "came" | "left"): void {
    this.#membership.noteOther();
    if (what === "came" || !this.executor.executes) return;
    this.#membership.recover(false).catch((error: unknown) => this.#onError(error));
  }

  #onError(error: unknown): void {
    if (this.#closing === undefined) this.#warn(`trying again: ${String(error)}`);
  }
}

/** What Postgres can compare at all: it knows no NUL, and an unpaired surrogate would become another character. */
function isText(name: string | undefined): boolean {
  return name === undefined || (!name.includes("\0") && name.isWellFormed());
}
