/**
 * The store of a test that is of no store in particular: in SQLite, or with `PERDURE_TEST_STORE=postgres`
 * (`npm run test:postgres`) in PostgreSQL.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { inject, onTestFinished } from "vitest";
import { noteWork } from "../testing/manual-clock.ts";
import { type Clock, systemClock } from "../task/clock.ts";
import { openShortLeased } from "./program-store.fixture.ts";
import { openSqliteStore } from "./sqlite/index.ts";
import type { TaskStore } from "./store.ts";

/** `it.runIf(inSqlite)`: of what only a file has; a comment there says why. */
export const inSqlite = process.env["PERDURE_TEST_STORE"] !== "postgres";

/** Names an empty record of this test's own, that many stores and processes may open one after the other or together. */
export function temporaryStore(): string {
  return inSqlite ? `sqlite:${temporaryFile()}` : schemaUrl(`test_${process.pid}_${++schemas}`);
}

/** An empty record that one store of this process opens. */
export function temporaryStoreInMemory(): string {
  if (inSqlite) return "sqlite::memory:";
  const schema = emptied.pop() ?? `test_${process.pid}_${++schemas}`;
  // Hooks run from the last to the first: by then the store is closed.
  onTestFinished(() => empty(schema));
  return schemaUrl(schema);
}

let schemas = 0;
/** Making a schema takes 200 ms, emptying one 5. */
const emptied: string[] = [];

function schemaUrl(schema: string): string {
  const url = new URL(inject("postgresUrl"));
  url.searchParams.set("schema", schema);
  return url.href;
}

async function empty(schema: string): Promise<void> {
  const client = new Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename <> 'meta'",
      [schema],
    );
    await client.query(rows.map(({ name }) => `DELETE FROM ${schema}.${name};`).join(" "));
    if (rows.length > 0) await client.query(`DELETE FROM ${schema}.meta WHERE key <> 'version'`);
    emptied.push(schema);
  } finally {
    await client.end();
  }
}

/** Opens what one of the above has named. A clock that a test moves waits for what the database is asked. */
export function openTestStore(clock: Clock = systemClock, store = temporaryStoreInMemory()): TaskStore {
  if (store.startsWith("sqlite:")) return openSqliteStore({ file: store.slice("sqlite:".length), clock });
  const waitedFor: Clock = {
    now: () => clock.now(),
    after: (ms, run) => clock.after(ms, run),
    waitFor: noteWork,
  };
  return openShortLeased(store, waitedFor);
}

/** The name of a database file in a folder of its own, removed with the test. */
export function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "perdure-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "tasks.db");
}
