/**
 * Notices what other processes write to the file. SQLite has no notification across processes; `PRAGMA data_version`
 * rises with each commit by any other connection and costs 2.3 µs, so it is asked five times a second, and only while
 * someone is interested.
 */
import type { Clock, Timer } from "../../task/clock.ts";
import type { SqliteStatement } from "./driver.ts";

/** The owner of a file notices what others write within this time. */
const intervalMs = 200;

export class FilePoll {
  readonly #clock: Clock;
  readonly #dataVersion: SqliteStatement;
  readonly #onPoll: (othersWrote: boolean) => void;
  #interested = 0;
  #seen: unknown;
  #timer: Timer | undefined;

  constructor(clock: Clock, dataVersion: SqliteStatement, onPoll: (othersWrote: boolean) => void) {
    this.#clock = clock;
    this.#dataVersion = dataVersion;
    this.#onPoll = onPoll;
  }

  /** Polls until the function that it returns was called. */
  begin(): () => void {
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

  #schedule(): void {
    this.#timer = this.#clock.after(intervalMs, () => {
      this.#schedule();
      const version = this.#read();
      const othersWrote = version !== this.#seen;
      this.#seen = version;
      this.#onPoll(othersWrote);
    });
  }

  #read(): unknown {
    return this.#dataVersion.get()?.["data_version"];
  }
}
