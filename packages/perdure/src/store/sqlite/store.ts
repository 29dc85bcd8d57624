/** The embedded store: the record in one SQLite file, its transitions group-committed, its executor a column of it. */
import { type Clock, systemClock } from "../../task/clock.ts";
import { PerdureError } from "../../task/errors.ts";
import { copyJson, decodeJson, encodeJson } from "../../task/json.ts";
import { checkBytes } from "../../task/limits.ts";
import { checkName } from "../../task/name.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import { openFolderArtifacts, openTemporaryArtifacts } from "../artifacts/folder.ts";
import { encodeOutcome } from "../encoding.ts";
import type * as Store from "../store.ts";
import { endSweep, readSweeps } from "./artifact-sweeps.ts";
import {
  completeTask,
  failTask,
  recordOperation,
  releaseTask,
  report,
  retryTask,
  saveState,
} from "./attempt-transitions.ts";
import { Admission } from "./admission.ts";
import { leaseQuestion, refuseQuestion } from "./asking.ts";
import { backupFile, backupMemory } from "./backup.ts";
import { cancelTask, createTask, deleteTask, isAwaited, stopWaiting } from "./caller-transitions.ts";
import { CommitGroup } from "./commit-group.ts";
import { nodeSqlite, type SqliteConnection, type SqliteDriver } from "./driver.ts";
import { deleteExpired, giveBackSpace } from "./deleting.ts";
import { beginUnlessPaused, failOverdue } from "./engine-transitions.ts";
import { storeError } from "./errors.ts";
import { SqliteExecutor } from "./executor.ts";
import { FileLock } from "./file-lock.ts";
import { FilePoll } from "./file-poll.ts";
import { memoryFile, openFile } from "./open.ts";
import {
  listTasks,
  readOperations,
  readQuestions,
  readRecord,
  readSavedState,
  readSummary,
  readTimeline,
} from "./reads.ts";
import { pausedTools, pauseTool, resumeTool } from "./pausing.ts";
import { reportOn } from "./report.ts";
import { takeSecret } from "./secrets.ts";
import { Presence } from "./presence.ts";
import { SqliteDeliveries } from "./deliveries.ts";
import { SqliteSessions } from "./sessions.ts";
import { type Sql, statementCache, type Transaction } from "./transaction.ts";
import { answerQuestion, askAgain, openCall, openWait, park, sendSignal } from "./wait-transitions.ts";

export interface SqliteStoreOptions {
  /** A path, or `:memory:`. */
  readonly file: string;
  readonly clock?: Clock;
  readonly driver?: SqliteDriver;
  /** Is told what is allowed but unwise. Default: `process.emitWarning`. */
  readonly warn?: (message: string) => void;
}

/** @throws PerdureError `STORE_…` when the file cannot be used; it is then unchanged. */
export function openSqliteStore(options: SqliteStoreOptions): Store.TaskStore {
  const driver = options.driver ?? nodeSqlite;
  const warn = options.warn ?? ((message: string) => process.emitWarning(message, "PerdureWarning"));
  const { connection, file } = openFile(options.file, { driver, warn });
  return new SqliteStore({ connection, file, driver, warn, clock: options.clock ?? systemClock });
}

interface OpenStore {
  readonly connection: SqliteConnection;
  readonly file: string;
  readonly driver: SqliteDriver;
  readonly warn: (message: string) => void;
  readonly clock: Clock;
}

class SqliteStore implements Store.TaskStore {
  readonly location: string;
  readonly executor: SqliteExecutor;
  readonly sessions: SqliteSessions;
  readonly deliveries: SqliteDeliveries;
  readonly #open: OpenStore;
  readonly #sql: Sql;
  readonly #commits: CommitGroup;
  readonly #poll: FilePoll | undefined;
  readonly #presence: Presence;
  readonly #outbox = { touched: false };
  readonly #admission: Admission;
  readonly #listeners = new Set<(change: Store.TaskChange | undefined) => void>();
  #closed = false;

  constructor(open: OpenStore) {
    const { connection, file, driver, clock } = open;
    this.location = `sqlite:${file}`;
    this.#open = open;
    this.#sql = statementCache(connection);
    this.#commits = new CommitGroup(
      connection,
      (changes) => this.#onCommit(changes),
      (error) => storeError(error, this.location),
      undefined,
      () => this.#admission.forget(),
    );
    const inMemory = file === memoryFile;
    this.#presence = new Presence(inMemory ? undefined : file, driver);
    const dataVersion = inMemory ? undefined : connection.prepare("PRAGMA data_version");
    this.#admission = new Admission(dataVersion);
    this.#poll =
      dataVersion === undefined
        ? undefined
        : new FilePoll({
            clock,
            dataVersion,
            onPoll: (othersWrote) => this.#onPoll(othersWrote),
            onError: (error) => this.#onPollError(error),
          });
    this.sessions = new SqliteSessions({
      sql: this.#sql,
      read: (query) => this.#read(query),
      write: (transition) => this.#write(transition),
    });
    this.deliveries = new SqliteDeliveries({
      sql: this.#sql,
      now: () => this.#now(),
      executes: () => this.executor.executes,
      read: (query) => this.#read(query),
      write: (transition) => this.#write(transition),
      beginPolling: () => this.#poll?.begin() ?? (() => undefined),
    });
    this.executor = new SqliteExecutor({
      commits: this.#commits,
      sql: this.#sql,
      clock,
      lock: inMemory ? undefined : new FileLock(file, driver),
      transaction: (changes) => this.#transaction(changes),
      read: (query) => this.#read(query),
      beginPolling: () => this.#poll?.begin() ?? (() => undefined),
      onExecutes: () => this.deliveries.notify(),
    });
  }

  async get(key: Store.TaskKey) {
    return this.#read(() => readRecord(this.#sql, this.#now(), key));
  }

  async summary(key: Store.TaskKey) {
    return this.#read(() => readSummary(this.#sql, this.#now(), key));
  }

  async list(query: Store.ListTasks) {
    return listTasks((look) => this.#read(() => look(this.#sql)), this.#now(), query);
  }

  async operations({ taskId }: Store.TaskKey) {
    return this.#read(() => readOperations(this.#sql, this.#now(), taskId));
  }

  async questions({ taskId }: Store.TaskKey) {
    return this.#read(() => readQuestions(this.#sql, this.#now(), taskId));
  }

  async savedState({ taskId }: Store.TaskKey) {
    return this.#read(() => readSavedState(this.#sql, this.#now(), taskId));
  }

  async timeline(query: Store.ReadTimeline) {
    return this.#read(() => readTimeline(this.#sql, this.#now(), query));
  }

  async create(task: Store.CreateTask) {
    const input = encodeJson(task.input, "input");
    checkBytes(input, "inputBytes", task.limits?.inputBytes, `the input of ${task.tool}`);
    const session = copyJson(task.session, "session");
    const delivery = copyJson(task.delivery, "delivery");
    checkName(task.tool, "tool");
    checkName(task.owner, "owner");
    if (task.version !== undefined) checkName(task.version, "version");
    if (task.idempotencyKey !== undefined) checkName(task.idempotencyKey, "idempotencyKey");
    const answers = copyJson(task.answers, "answers");
    if (task.rejoinKey !== undefined) this.#presence.announce();
    for (const name of Object.keys(answers ?? {})) checkName(name, "the name of a question");
    return this.#write((tx) => createTask(tx, { ...task, session, delivery, answers }, input));
  }

  async cancel({ ...request }: Store.CancelTask) {
    return this.#write((tx) => cancelTask(tx, request));
  }

  async isAwaited(key: Store.RejoinKey) {
    return this.#read(() => isAwaited(this.#transaction([]), key));
  }

  async stopWaiting(request: Store.StopWaiting) {
    return this.#write((tx) => stopWaiting(tx, request));
  }

  async delete(key: Store.TaskKey) {
    return this.#write((tx) => deleteTask(tx, key));
  }

  async openWait(wait: Store.OpenWait) {
    const copy = copyJson(wait, "wait");
    checkName(wait.name, `the name of a ${wait.wait.kind}`);
    return this.#write((tx) => openWait(tx, copy));
  }

  async openCall(call: Store.OpenCall) {
    const input = encodeJson(call.child.input, "input");
    checkBytes(input, "inputBytes", call.child.limits?.inputBytes, `the input of ${call.child.tool}`);
    checkName(call.name, "the name of a call");
    checkName(call.child.tool, "tool");
    if (call.child.idempotencyKey !== undefined) checkName(call.child.idempotencyKey, "idempotencyKey");
    return this.#write((tx) => openCall(tx, call, input));
  }

  async park({ ...attempt }: Store.Park) {
    return this.#write((tx) => park(tx, attempt));
  }

  async answer({ ...answer }: Store.AnswerQuestion) {
    const content = encodeJson(answer.content, "answer");
    return this.#write((tx) => answerQuestion(tx, answer, content));
  }

  async askAgain({ ...request }: Store.AskAgain) {
    return this.#write((tx) => askAgain(tx, request));
  }

  async leaseQuestion({ ...lease }: Store.LeaseQuestion) {
    return this.#write((tx) => leaseQuestion(tx, lease));
  }

  async refuseQuestion({ ...refusal }: Store.RefuseQuestion) {
    return this.#write((tx) => refuseQuestion(tx, refusal));
  }

  async signal({ ...signal }: Store.SendSignal) {
    const value = encodeJson(signal.value, "signal");
    checkName(signal.name, "the name of a signal");
    return this.#write((tx) => sendSignal(tx, signal, value));
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
    return this.#write((tx) => recordOperation(tx, operation, value));
  }

  async saveState({ state, maxBytes, ...key }: Store.SaveState) {
    const value = state instanceof Uint8Array ? state.slice() : encodeJson(state, "saved state");
    if (value === undefined) {
      throw new PerdureError("INVALID_VALUE", {
        message: "saved state is undefined; save null or {} to say nothing.",
      });
    }
    checkBytes(value, "stateBytes", maxBytes, "the saved state");
    return this.#write((tx) => saveState(tx, key, value));
  }

  async report({ progress, logs = [], maxLogLines, ...key }: Store.Report) {
    const copy = copyJson({ progress, logs }, "report");
    return this.#write((tx) => report(tx, key, { ...copy, maxLogLines }));
  }

  async complete(completion: Store.CompleteTask) {
    const result = encodeJson(completion.result, "result");
    checkBytes(result, "resultBytes", completion.maxBytes, "the result");
    await this.#write((tx) => completeTask(tx, completion, result));
    return decodeJson(result);
  }

  async fail(request: Store.FailTask) {
    const copy = copyJson(request, "failure");
    return this.#write((tx) => failTask(tx, copy));
  }

  async retry(request: Store.RetryTask) {
    const copy = copyJson(request, "failure");
    return this.#write((tx) => retryTask(tx, copy));
  }

  async release(attempt: Store.AttemptKey) {
    return this.#write((tx) => releaseTask(tx, attempt));
  }

  async begin(request: Store.BeginTask) {
    return this.#write((tx) => beginUnlessPaused(tx, request));
  }

  async failOverdue({ limit }: { readonly limit: number }) {
    return this.#write((tx) => failOverdue(tx, limit));
  }

  async deleteExpired({ limit }: { readonly limit: number }) {
    return this.#write((tx) => deleteExpired(tx, limit));
  }

  async inspect() {
    this.#refuseClosed();
    const { location, executor } = this;
    try {
      const { file } = this.#open;
      return await reportOn({ sql: this.#sql, file, location, now: this.#now(), executor });
    } catch (error) {
      throw storeError(error, location);
    }
  }

  async compact() {
    return this.#write((tx) => giveBackSpace(tx));
  }

  async artifactSweeps({ after = 0, limit }: { readonly after?: number; readonly limit: number }) {
    return this.#read(() => readSweeps(this.#sql, after, limit));
  }

  async artifactsSwept({ id }: { readonly id: number }) {
    return this.#write((tx) => endSweep(tx, id));
  }

  async pause({ tool }: Store.ToolKey) {
    checkName(tool, "tool");
    return this.#write((tx) => pauseTool(tx, { tool }));
  }

  async resume({ tool }: Store.ToolKey) {
    return this.#write((tx) => resumeTool(tx, { tool }));
  }

  async pausedTools() {
    return this.#read(() => pausedTools(this.#sql));
  }

  subscribe(listener: (change: Store.TaskChange | undefined) => void): () => void {
    this.#listeners.add(listener);
    const endPolling = this.#poll?.begin();
    return () => {
      this.#listeners.delete(listener);
      endPolling?.();
    };
  }

  async secret(name: string) {
    return this.#write((tx) => takeSecret(tx, name));
  }

  openArtifacts(where?: "database"): ArtifactStore {
    const { file } = this.#open;
    if (where !== undefined) {
      throw new PerdureError("INVALID_OPTION", {
        message: `artifacts: "database" needs a store on Postgres; beside ${this.location} they are kept in a folder.`,
      });
    }
    return file === memoryFile ? openTemporaryArtifacts() : openFolderArtifacts(`${file}.artifacts`);
  }

  async backup(file: string): Promise<void> {
    this.#refuseClosed();
    await this.#commits.drain();
    try {
      if (this.#open.file === memoryFile) backupMemory(this.#open.connection, file);
      else await backupFile(this.#open.file, file);
    } catch (error) {
      throw storeError(error, `backup to ${file}`);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    // First: what the last commit sets off finds the store closed, and does not queue behind it.
    this.#closed = true;
    await this.#commits.drain();
    this.#poll?.stop();
    await this.executor.stop();
    this.#presence.leave();
    this.#open.connection.close();
  }

  #read<T>(query: () => T): T {
    this.#refuseClosed();
    try {
      return query();
    } catch (error) {
      throw storeError(error, this.location);
    }
  }

  async #write<T>(transition: (tx: Transaction) => T): Promise<T> {
    this.#refuseClosed();
    let tx: Transaction | undefined;
    const value = await this.#commits.run((changes) => transition((tx = this.#transaction(changes))));
    if (tx?.due === true) this.executor.notifyDue();
    return value;
  }

  #transaction(changes: Store.TaskChange[]): Transaction {
    return {
      sql: this.#sql,
      now: this.#now(),
      changes,
      due: false,
      presence: this.#presence,
      admission: this.#admission,
      outbox: this.#outbox,
    };
  }

  #now(): number {
    return this.#open.clock.now();
  }

  #refuseClosed(): void {
    if (!this.#closed) return;
    throw new PerdureError("STORE_CLOSED", {
      message: `${this.location} was closed. Open it again, or close it later.`,
    });
  }

  #onCommit(changes: readonly Store.TaskChange[]): void {
    if (this.#outbox.touched) {
      this.#outbox.touched = false;
      this.deliveries.notify();
    }
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }

  #onPoll(othersWrote: boolean): void {
    if (othersWrote) {
      for (const listener of this.#listeners) listener(undefined);
      this.deliveries.notify();
    }
    this.executor.poll(othersWrote).catch((error: unknown) => this.#onPollError(error));
  }

  #onPollError(error: unknown): void {
    if (!this.#closed)
      this.#open.warn(`${this.location}: polling the file failed, trying again: ${String(error)}`);
  }
}
