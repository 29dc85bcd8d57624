/** One PostgreSQL for all benchmarks of a run, begun by the first that asks; each has a database of its own. Commits wait for the disk. */
import { Client } from "pg";
import {
  type PostgresServer,
  startPostgres,
} from "../../packages/perdure/src/store/postgres/server.fixture.ts";

let starting: Promise<PostgresServer> | undefined;
let databases = 0;

/** Of a new database. */
export async function newDatabase(): Promise<string> {
  const { url } = await (starting ??= startPostgres({ flush: true }));
  const name = `bench_${++databases}`;
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

export async function endServer(): Promise<void> {
  await (await starting)?.dispose();
}
