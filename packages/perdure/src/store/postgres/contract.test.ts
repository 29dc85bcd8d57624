/** The contract of a store, over Postgres. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { describeStoreContract, type StoreUnderTest } from "../../testing/index.ts";
import type { Clock } from "../../task/clock.ts";
import type { TaskStore } from "../store.ts";
import { openPostgresStore } from "./index.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

describeStoreContract({
  name: "Postgres",
  offers: ["reopen", "attach", "shared"],
  open: async (clock) => PostgresUnderTest.open(clock),
  describe,
  it,
});

class PostgresUnderTest implements StoreUnderTest {
  readonly #clock: Clock;
  readonly #opened: TaskStore[] = [];
  #last: TaskStore;

  private constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = this.#open();
  }

  /** The schema stays from case to case, emptied. */
  static async open(clock: Clock): Promise<PostgresUnderTest> {
    const opened = new PostgresUnderTest(clock);
    await opened.#last.list({});
    return opened;
  }

  get store(): TaskStore {
    return this.#last;
  }

  /** A store that is closed releases no attempt: the record is left as by a process that died and was missed. */
  async reopen(): Promise<TaskStore> {
    await this.#last.close();
    return (this.#last = this.#open());
  }

  async attach(): Promise<TaskStore> {
    const store = this.#open();
    await store.list({});
    return store;
  }

  async dispose(): Promise<void> {
    for (const store of this.#opened) await store.close();
    const tables = [
      "tasks",
      "payloads",
      "operations",
      "events",
      "signals",
      "sessions",
      "processes",
      "commits",
      "paused_tools",
      "artifact_sweeps",
      "artifact_files",
      "artifact_chunks",
      "deliveries",
      "outboxes",
    ];
    const emptied = tables.map((table) => `DELETE FROM perdure.${table};`).join(" ");
    await database.query(`${emptied} DELETE FROM perdure.meta WHERE key <> 'version'`);
  }

  #open(): TaskStore {
    const store = openPostgresStore({ url: database.url, clock: this.#clock });
    this.#opened.push(store);
    return store;
  }
}
