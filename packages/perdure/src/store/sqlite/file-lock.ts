/**
 * The lock that decides which process executes: an exclusive SQLite transaction on a file beside the store's.
 *
 * Measured: it survives SIGSTOP, and is free within a millisecond of SIGKILL. A file with a process id in it has
 * neither property, and lies in containers, where every process is number 1. A lock file that is merely there, left by
 * a dead process, locks nothing.
 */
import type { SqliteConnection, SqliteDriver } from "./driver.ts";
import { isBusy } from "./errors.ts";
import { createPrivateFile } from "./private-file.ts";

export class FileLock {
  readonly #file: string;
  readonly #driver: SqliteDriver;
  #held: SqliteConnection | undefined;

  constructor(storeFile: string, driver: SqliteDriver) {
    this.#file = `${storeFile}.lock`;
    this.#driver = driver;
  }

  /** Takes the lock where it is free; never waits. */
  tryAcquire(): boolean {
    if (this.#held !== undefined) return true;
    createPrivateFile(this.#file);
    const connection = this.#driver(this.#file);
    try {
      connection.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
      this.#held = connection;
      return true;
    } catch (error) {
      connection.close();
      if (isBusy(error)) return false;
      throw error;
    }
  }

  /** Whether any process holds it. */
  isHeld(): boolean {
    if (this.#held !== undefined) return true;
    if (!this.tryAcquire()) return true;
    this.release();
    return false;
  }

  release(): void {
    this.#held?.close();
    this.#held = undefined;
  }
}
