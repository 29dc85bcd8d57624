/**
 * Whether the process whose call waits for a task is still there. Each process that holds calls keeps an exclusive
 * lock on a file of its own beside the store's; whoever can take it knows that its process is gone, at once and for
 * certain, where a lease would still be running.
 */
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nanoid } from "nanoid";
import type { SqliteDriver } from "./driver.ts";
import { FileLock } from "./file-lock.ts";

export class Presence {
  /** Names this process in the record. */
  readonly id = nanoid();
  readonly #file: string | undefined;
  readonly #driver: SqliteDriver;
  #lock: FileLock | undefined;

  /** @param file of the store; `undefined` for one in memory, which no other process sees */
  constructor(file: string | undefined, driver: SqliteDriver) {
    this.#file = file;
    this.#driver = driver;
  }

  /** From now on others see that this process is there. */
  announce(): void {
    if (this.#file === undefined || this.#lock !== undefined) return;
    this.#removeLeftBehind(this.#file);
    this.#lock = new FileLock(this.#nameOf(this.#file, this.id), this.#driver);
    this.#lock.tryAcquire();
  }

  isGone(id: string): boolean {
    if (id === this.id) return false;
    if (this.#file === undefined) return true;
    const name = this.#nameOf(this.#file, id);
    if (new FileLock(name, this.#driver).isHeld()) return false;
    remove(name);
    return true;
  }

  leave(): void {
    this.#lock?.release();
    if (this.#lock !== undefined && this.#file !== undefined) remove(this.#nameOf(this.#file, this.id));
    this.#lock = undefined;
  }

  #nameOf(file: string, id: string): string {
    return `${file}.caller-${id}`;
  }

  /** The lock files of processes that were killed. */
  #removeLeftBehind(file: string): void {
    const [folder, prefix] = [dirname(file), `${basename(file)}.caller-`];
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(prefix) || !name.endsWith(".lock")) continue;
      const own = join(folder, name.slice(0, -".lock".length));
      if (!new FileLock(own, this.#driver).isHeld()) remove(own);
    }
  }
}

function remove(name: string): void {
  for (const suffix of [".lock", ".lock-journal"]) rmSync(name + suffix, { force: true });
}
