/** The contract of a store, over a file and in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { describeStoreContract, type StoreUnderTest } from "../../testing/index.ts";
import type { Clock } from "../../task/clock.ts";
import type { TaskStore } from "../store.ts";
import { openSqliteStore } from "./index.ts";

describeStoreContract({
  name: "SQLite, in memory",
  offers: ["backup"],
  open: async (clock) => new SqliteUnderTest(":memory:", clock),
  describe,
  it,
});

describeStoreContract({
  name: "SQLite, over a file",
  offers: ["reopen", "attach", "exclusive", "backup"],
  open: async (clock) => new SqliteUnderTest("tasks.db", clock),
  describe,
  it,
});

class SqliteUnderTest implements StoreUnderTest {
  readonly #folder = mkdtempSync(join(tmpdir(), "perdure-contract-"));
  readonly #file: string;
  readonly #clock: Clock;
  readonly #opened: TaskStore[] = [];
  #last: TaskStore;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#last = this.#open(file);
  }

  get store(): TaskStore {
    return this.#last;
  }

  /** A store that is closed releases no attempt: the file is left as by a process that died. */
  async reopen(): Promise<TaskStore> {
    await this.#last.close();
    return (this.#last = this.#open(this.#file));
  }

  async attach(): Promise<TaskStore> {
    return this.#open(this.#file);
  }

  async backup(): Promise<TaskStore> {
    await this.#last.backup?.(join(this.#folder, "copy.db"));
    return this.#open("copy.db");
  }

  async dispose(): Promise<void> {
    for (const store of this.#opened) await store.close();
    rmSync(this.#folder, { recursive: true });
  }

  #open(file: string): TaskStore {
    const path = file === ":memory:" ? file : join(this.#folder, file);
    const store = openSqliteStore({ file: path, clock: this.#clock });
    this.#opened.push(store);
    return store;
  }
}
