/**
 * Group commit: all transitions that one turn of the event loop asks for are one SQLite transaction.
 *
 * A durable commit costs a flush of the disk whatever it holds, so 64 callers who would each wait for their own share
 * one (measured: 27,800 creates/s against 6,400). The whole group runs synchronously, inside one call, so that no
 * read ever finds the transaction open: nobody sees what is not committed. When one is refused, all run again, each in a savepoint: one
 * that is refused takes only itself back. A failed COMMIT rejects them all.
 *
 * While another process writes, the group waits outside of SQLite: its busy handler would stop the event loop, and
 * with it every read and heartbeat, for as long as a stopped process holds the file.
 */
import type { TaskChange } from "../store.ts";
import type { SqliteConnection, SqliteStatement } from "./driver.ts";
import { isBusy } from "./errors.ts";

/** Synchronous; throws to refuse; names the tasks that it changed. */
export type Transition<T> = (changes: TaskChange[]) => T;

interface Pending {
  readonly transition: Transition<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a group waits for another process, and how often it asks. */
const busyPatienceMs = 5_000;
const busyRetryMs = 10;

type Outcome = { readonly value: unknown } | { readonly error: unknown };

export class CommitGroup {
  readonly #committed: (changes: readonly TaskChange[]) => void;
  readonly #toError: (error: unknown) => unknown;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #rollback: SqliteStatement;
  readonly #savepoint: SqliteStatement;
  readonly #release: SqliteStatement;
  readonly #rollbackTo: SqliteStatement;
  readonly #patienceMs: number;
  readonly #rolledBack: () => void;
  #queue: Pending[] = [];
  /** The time of the first refused BEGIN, by `performance.now()`. */
  #waitingSince: number | undefined;

  /**
   * @param committed is told after each commit what it changed, before the callers are; must not throw.
   * @param toError makes the error that callers get of one that came out of SQLite.
   * @param rolledBack is told when transitions that were run are as if they had not been.
   */
  constructor(
    connection: SqliteConnection,
    committed: (changes: readonly TaskChange[]) => void,
    toError: (error: unknown) => unknown,
    patienceMs = busyPatienceMs,
    rolledBack = (): void => undefined,
  ) {
    this.#patienceMs = patienceMs;
    this.#rolledBack = rolledBack;
    this.#committed = committed;
    this.#toError = toError;
    this.#begin = connection.prepare("BEGIN IMMEDIATE");
    this.#commit = connection.prepare("COMMIT");
    this.#rollback = connection.prepare("ROLLBACK");
    this.#savepoint = connection.prepare("SAVEPOINT transition");
    this.#release = connection.prepare("RELEASE transition");
    this.#rollbackTo = connection.prepare("ROLLBACK TO transition");
  }

  /** Runs `transition` in the commit of this turn; resolves when that is durable. */
  run<T>(transition: Transition<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const size = this.#queue.push({ transition, resolve: resolve as (value: unknown) => void, reject });
      if (size === 1) setImmediate(() => this.flush());
    });
  }

  /** Commits all that is waiting; while another process writes, soon. */
  async drain(): Promise<void> {
    this.flush();
    while (this.#queue.length > 0) await new Promise((resolve) => setTimeout(resolve, busyRetryMs));
  }

  /** Commits what is waiting, now or, while another process writes, soon. */
  flush(): void {
    const group = this.#queue;
    if (group.length === 0) return;
    this.#queue = [];
    const changes: TaskChange[] = [];
    if (!this.#beginFor(group)) return;
    let outcomes: Outcome[] | undefined;
    try {
      outcomes = this.#runTogether(group, changes);
      if (outcomes === undefined) {
        if (!this.#beginFor(group)) return;
        outcomes = this.#runApart(group, changes);
      }
      this.#commit.run();
    } catch (error) {
      this.#rollBackAll();
      this.#rejectAll(group, error);
      return;
    }
    this.#committed(changes);
    group.forEach(({ resolve, reject }, i) => {
      const outcome = outcomes[i];
      if (outcome !== undefined && "error" in outcome) reject(this.#toError(outcome.error));
      else resolve(outcome?.value);
    });
  }

  /**
   * Without savepoints, because one makes SQLite copy every page that is written in it: 4 µs of a create's 15. One
   * around the group is no better, its journal goes to a file from 64 kB on. `undefined`, and nothing written, when
   * one of several was refused, which is rare: then all run again, each in its own savepoint.
   */
  #runTogether(group: readonly Pending[], changes: TaskChange[]): Outcome[] | undefined {
    try {
      return group.map(({ transition }) => ({ value: transition(changes) }));
    } catch (error) {
      if (group.length === 1) throw error;
      changes.length = 0;
      this.#rollBack(error);
      return undefined;
    }
  }

  #runApart(group: readonly Pending[], changes: TaskChange[]): Outcome[] {
    return group.map(({ transition }) => this.#runOne(transition, changes));
  }

  /** False when another process is writing, or the file cannot be written: the group waits or was rejected. */
  #beginFor(group: readonly Pending[]): boolean {
    try {
      this.#begin.run();
    } catch (error) {
      if (isBusy(error) && this.#hasPatience()) this.#waitForOther(group);
      else this.#rejectAll(group, error);
      return false;
    }
    this.#waitingSince = undefined;
    return true;
  }

  #runOne(transition: Transition<unknown>, changes: TaskChange[]): Outcome {
    const before = changes.length;
    this.#savepoint.run();
    try {
      const value = transition(changes);
      this.#release.run();
      return { value };
    } catch (error) {
      changes.length = before;
      this.#rollBackSavepoint(error);
      return { error };
    }
  }

  #rollBackSavepoint(reason: unknown): void {
    try {
      this.#rollbackTo.run();
      this.#release.run();
    } catch {
      // A full disk makes SQLite roll the whole transaction back by itself: then nothing of the group is left.
      throw reason;
    }
  }

  #hasPatience(): boolean {
    this.#waitingSince ??= performance.now();
    return performance.now() - this.#waitingSince < this.#patienceMs;
  }

  #waitForOther(group: readonly Pending[]): void {
    this.#queue = [...group, ...this.#queue];
    setTimeout(() => this.flush(), busyRetryMs);
  }

  #rejectAll(group: readonly Pending[], error: unknown): void {
    this.#waitingSince = undefined;
    for (const { reject } of group) reject(this.#toError(error));
  }

  #rollBack(reason: unknown): void {
    this.#rolledBack();
    try {
      this.#rollback.run();
    } catch {
      // A full disk makes SQLite roll the whole transaction back by itself: running it again would end the same.
      throw reason;
    }
  }

  #rollBackAll(): void {
    this.#rolledBack();
    try {
      this.#rollback.run();
    } catch {
      // No transaction is open: BEGIN failed, or SQLite has already rolled back.
    }
  }
}
