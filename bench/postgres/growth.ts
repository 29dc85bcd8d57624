/**
 * The same with a history: an application whose database holds 1,000,000 finished tasks and 100,000 parked ones,
 * against one whose database is empty.
 */
import { Client } from "pg";
import { perdure } from "perdure";
import { z } from "zod";
import type { Benchmark } from "../benchmark.ts";
import { input } from "../subject.ts";
import { newDatabase } from "./server.ts";
import { fromSubmitToResult, openSubject } from "./subject.ts";

const finished = 1_000_000;
const parked = 100_000;
let grown: Promise<string> | undefined;

export const growthOnPostgres: readonly Benchmark[] = [
  {
    name: "postgres: end to end with 1,100,000 tasks, of an empty database",
    target: 0.67,
    async prepare() {
      const full = await openSubject(await (grown ??= grow()));
      const empty = await openSubject(await newDatabase());
      return {
        subject: fromSubmitToResult(full.app),
        reference: fromSubmitToResult(empty.app),
        close: async () => void (await Promise.all([full.close(), empty.close()])),
      };
    },
  },
  {
    name: "postgres: status reads with 1,100,000 tasks, of an empty database",
    target: 0.67,
    async prepare() {
      const full = await openSubject(await (grown ??= grow()));
      const empty = await openSubject(await newDatabase());
      const [handle, other] = await Promise.all([full, empty].map(({ app }) => app.submit("bench", input)));
      const reads = (one: typeof handle) => async (untilMs: number) => {
        let count = 0;
        for (; performance.now() < untilMs; count++) await one?.status();
        return count;
      };
      await Promise.all([handle?.result(), other?.result()]);
      return {
        subject: reads(handle),
        reference: reads(other),
        close: async () => void (await Promise.all([full.close(), empty.close()])),
      };
    },
  },
];

/** One of each is made by the application, and copied in the database, for 1,000 owners: one may not have so many open. */
async function grow(): Promise<string> {
  const store = await newDatabase();
  const app = perdure({ name: "bench", version: "1.0.0", store, linger: 0 });
  app.task(
    "bench",
    { description: "Ends, or sleeps.", input: z.looseObject({}) },
    async ({ sleeps }, task) => {
      if (sleeps === true) await task.sleep("30d");
      return { accepted: true, amount: 129.5 };
    },
  );
  await app.start();
  const [ended, sleeping] = [await app.submit("bench", input), await app.submit("bench", { sleeps: true })];
  await ended.result();
  while ((await sleeping.status()).phase === "running")
    await new Promise((resolve) => setTimeout(resolve, 20));
  await app.close();
  const client = new Client({ connectionString: store });
  await client.connect();
  await client.query("SET synchronous_commit = off");
  await copy(client, ended.id, finished, "0A");
  await copy(client, sleeping.id, parked, "0B");
  await client.query("VACUUM ANALYZE");
  await client.end();
  return store;
}

async function copy(client: Client, id: string, count: number, prefix: string): Promise<void> {
  for (const [table, key] of [
    ["tasks", "id"],
    ["payloads", "task_id"],
    ["operations", "task_id"],
    ["events", "task_id"],
  ] as const) {
    const { rows } = await client.query<{ name: string }>(
      "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'perdure' AND table_name = $1",
      [table],
    );
    const columns = rows.map(({ name }) => name);
    const values = columns.map((name) => {
      if (name === key) return `'${prefix}' || lpad(n::text, 24, '0')`;
      return name === "owner" ? "'owner ' || n % 1000" : name;
    });
    await client.query(
      `INSERT INTO perdure.${table} (${columns.join(", ")})
       SELECT ${values.join(", ")} FROM perdure.${table}, generate_series(1, ${count}) AS n WHERE ${key} = $1`,
      [id],
    );
  }
}
