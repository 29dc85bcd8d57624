/**
 * Notices what other processes write to the file. SQLite has no notification across processes; `PRAGMA data_version`
 * rises with each commit by any other connection and costs 2.3 µs, so it is asked five times a second, and only while
 * someone is interested.
 */
import type { Clock, Timer } from "../../task/clock.ts";
import type { SqliteStatement } from "./driver.ts";

/** The owner of a file notices what others write within this time. */
const intervalMs = 200;

export interface FilePollParts {
  readonly clock: Clock;
  /** The statement `PRAGMA data_version`. */
  readonly dataVersion: SqliteStatement;
  readonly onPoll: (othersWrote: boolean) => void;
  /** The file could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
}

export class FilePoll {
  readonly #parts: FilePollParts;
  #interested = 0;
  #stopped = false;
  #seen: unknown;
  #timer: Timer | undefined;

  constructor(parts: FilePollParts) {
    this.#parts = parts;
  }

  /** Polls until the function that it returns was called. */
  begin(): () => void {
    if (this.#stopped) return () => undefined;
    if (this.#interested++ === 0) {
      this.#seen = this.#read();
      this.#schedule();
    }
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#interested === 0) this.#timer?.cancel();
    };
  }

  /** For good: the file is closed, whoever is still interested. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(intervalMs, () => {
      this.#schedule();
      this.#poll();
    });
  }

  #poll(): void {
    const before = this.#seen;
    try {
      this.#seen = this.#read();
    } catch (error) {
      this.#parts.onError(error);
      return;
    }
    this.#parts.onPoll(this.#seen !== before);
  }

  #read(): unknown {
    return this.#parts.dataVersion.get()?.["data_version"];
  }
}
