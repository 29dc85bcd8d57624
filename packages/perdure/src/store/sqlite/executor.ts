/**
 * Dispatch from the `due_at` column of the file. One process executes: the one that holds the file's lock. The others
 * are *attached*: they read, submit, answer and cancel by short transactions, and take over when the lock is free.
 *
 * Whoever takes the lock knows that every attempt marked as running is dead, and makes it due again. It also writes an
 * epoch into the file. Should a lock file be deleted under a running owner, so that a second process takes a lock of
 * the same name, the first one reads the foreign epoch and executes no more; until it does, fencing refuses its writes.
 */
import { hostname } from "node:os";
import { nanoid } from "nanoid";
import type { Clock } from "../../task/clock.ts";
import type { ClaimedTasks, ClaimTasks, Executor, NextDue, StartExecutor, ToolVersions } from "../store.ts";
import { claimTasks, type Turns } from "./claiming.ts";
import type { CommitGroup } from "./commit-group.ts";
import { recoverLeases } from "./deliveries.ts";
import { nextDueAt, recoverRunning } from "./engine-transitions.ts";
import type { FileLock } from "./file-lock.ts";
import type { Sql, Transaction } from "./transaction.ts";

/** Looking for the process that executes takes its lock for a moment, and 110 µs: not for each status of many. */
const seenForMs = 100;
/** A process that lacks handlers for open tasks leaves a free lock to a better one for so long. */
const patienceMs = 5_000;

export interface ExecutorParts {
  readonly commits: CommitGroup;
  readonly sql: Sql;
  readonly clock: Clock;
  /** None for a store in memory, which no other process can see. */
  readonly lock: FileLock | undefined;
  readonly transaction: (changes: Transaction["changes"]) => Transaction;
  /** Runs a query; what comes out of SQLite becomes an error that says what to do. */
  readonly read: <T>(query: () => T) => T;
  /** Is told when this process begins to execute, or may have. */
  readonly onExecutes: () => void;
  /** Has `poll` called until the function that it returns was called. */
  readonly beginPolling: () => () => void;
}

interface ExecutingProcess {
  readonly epoch: string;
  readonly pid: number;
  readonly host: string;
  readonly tools: readonly string[];
  readonly versions?: ToolVersions | undefined;
}

export class SqliteExecutor implements Executor {
  readonly #parts: ExecutorParts;
  readonly #epoch = nanoid();
  readonly #turns: Turns = new Map();
  #request: StartExecutor | undefined;
  #executes = false;
  #freeSince: number | undefined;
  #seen: { readonly at: number; readonly process: ExecutingProcess | undefined } | undefined;
  #endPolling: (() => void) | undefined;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  get executes(): boolean {
    return this.#executes;
  }

  async start(request: StartExecutor): Promise<void> {
    this.#request = request;
    this.#endPolling ??= this.#parts.beginPolling();
    const { lock, read } = this.#parts;
    if (lock === undefined || read(() => lock.tryAcquire())) await this.#takeOver(request);
  }

  async claim(request: ClaimTasks): Promise<ClaimedTasks> {
    if (!this.#executes) return { begun: [], more: false };
    const { commits, transaction } = this.#parts;
    return commits.run((changes) => claimTasks(transaction(changes), request, this.#turns));
  }

  async nextDueMs(request: NextDue): Promise<number | undefined> {
    const at = this.#parts.read(() => nextDueAt(this.#parts.sql, request));
    return at === undefined ? undefined : Math.max(0, at - this.#parts.clock.now());
  }

  async activeTools(): Promise<readonly string[] | undefined> {
    return this.#executes ? this.#request?.tools : this.#seeExecuting()?.tools;
  }

  async activeVersions(): Promise<ToolVersions> {
    return (this.#executes ? this.#request : this.#seeExecuting())?.versions ?? {};
  }

  /** The process that executes now, where it is another. */
  #seeExecuting(): ExecutingProcess | undefined {
    const { clock, lock, read } = this.#parts;
    const now = clock.now();
    if (this.#seen === undefined || Math.abs(now - this.#seen.at) >= seenForMs) {
      const process = read(() => (lock?.isHeld() === true ? this.#readExecutingProcess() : undefined));
      this.#seen = { at: now, process };
    }
    return this.#seen.process;
  }

  async stop(): Promise<void> {
    this.#request = undefined;
    this.#endPolling?.();
    this.#endPolling = undefined;
    this.#executes = false;
    this.#parts.lock?.release();
  }

  /** Something is due that was not before, by a transition of this process. */
  notifyDue(): void {
    this.#request?.wake("own");
  }

  /** Called at every poll of the file, with whether others have written to it. */
  async poll(othersWrote: boolean): Promise<void> {
    const request = this.#request;
    if (request === undefined) return;
    if (this.#executes) {
      if (!othersWrote) return;
      if (this.#readExecutingProcess()?.epoch !== this.#epoch) this.#stepDown();
      request.wake();
    } else if (this.#parts.lock !== undefined && this.#mayTakeOver(this.#parts.lock, request)) {
      await this.#takeOver(request);
      request.wake();
    }
  }

  /** Takes a free lock at once with handlers for all open tasks, otherwise when it stayed free for a while. */
  #mayTakeOver(lock: FileLock, request: StartExecutor): boolean {
    if (!lock.tryAcquire()) {
      this.#freeSince = undefined;
      return false;
    }
    const now = this.#parts.clock.now();
    this.#freeSince ??= now;
    if (this.#knowsAllOpen(request) || now - this.#freeSince >= patienceMs) return true;
    lock.release();
    return false;
  }

  #knowsAllOpen({ tools, versions = {} }: StartExecutor): boolean {
    const due = this.#parts
      .sql(
        `SELECT tool, version FROM tasks WHERE due_at IS NOT NULL
         UNION SELECT tool, version FROM tasks WHERE running = 1 AND due_at IS NULL`,
      )
      .all() as { readonly tool: string; readonly version: string }[];
    return due.every(
      ({ tool, version }) => tools.includes(tool) && versions[tool]?.includes(version) !== false,
    );
  }

  /** The lock that it holds is of a file that was deleted: from now on it waits for the new one. */
  #stepDown(): void {
    this.#executes = false;
    this.#parts.lock?.release();
  }

  async #takeOver(request: StartExecutor): Promise<void> {
    const { tools, versions } = request;
    const executing: ExecutingProcess = {
      epoch: this.#epoch,
      pid: process.pid,
      host: hostname(),
      tools,
      versions,
    };
    await this.#parts.commits.run((changes) => {
      // Stopped meanwhile: the lock is gone, and what is running may be another process's.
      if (this.#request !== request) return;
      const tx = this.#parts.transaction(changes);
      tx.sql("INSERT OR REPLACE INTO meta (key, value) VALUES ('executor', ?)").run(
        JSON.stringify(executing),
      );
      recoverRunning(tx);
      recoverLeases(tx);
    });
    this.#executes = this.#request === request;
    this.#parts.onExecutes();
  }

  #readExecutingProcess(): ExecutingProcess | undefined {
    const row = this.#parts.sql("SELECT value FROM meta WHERE key = 'executor'").get();
    return row === undefined ? undefined : (JSON.parse(row["value"] as string) as ExecutingProcess);
  }
}
