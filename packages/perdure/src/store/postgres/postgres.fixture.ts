/** A database of a test file's own, on the PostgreSQL that all tests share. */
import { Client, Pool } from "pg";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly postgresPort: number;
    /** Where every test runs over it (`PERDURE_TEST_STORE=postgres`), else empty. */
    readonly postgresUrl: string;
  }
}

export interface TestDatabase {
  readonly url: string;
  /** One statement or several, as the owner. */
  readonly query: (text: string) => Promise<readonly Record<string, unknown>[]>;
  readonly drop: () => Promise<void>;
}

export async function createDatabase(): Promise<TestDatabase> {
  const response = await fetch(`http://127.0.0.1:${inject("postgresPort")}/`);
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return createDatabaseOn(answer);
}

/** @param server the URL of one of its databases */
export async function createDatabaseOn(server: string): Promise<TestDatabase> {
  const name = `test_${process.pid}_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`;
  await once(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 1, allowExitOnIdle: true });
  pool.on("error", () => undefined);
  return {
    url: url.href,
    query: async (text) => {
      const result: unknown = await pool.query(text);
      const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: Record<string, unknown>[] };
      return last.rows;
    },
    drop: async () => {
      await pool.end();
      await once(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function once(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
