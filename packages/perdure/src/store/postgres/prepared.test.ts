import { afterAll, beforeAll, expect, it } from "vitest";
import { newTaskId } from "../../task/id.ts";
import { Database } from "./database.ts";
import { createDatabase, type TestDatabase } from "./postgres.fixture.ts";
import { often } from "./prepared.ts";
import { openPostgresStoreForTest } from "./store.ts";

let server: TestDatabase;

beforeAll(async () => {
  server = await createDatabase();
});

afterAll(async () => {
  await server.drop();
});

const options = () => ({
  url: server.url,
  listenerUrl: server.url,
  schema: "public",
  maxConnections: 2,
  timeoutMs: 5_000,
  clock: undefined,
});

const prepared = "SELECT name FROM pg_prepared_statements WHERE name LIKE 'perdure%'";

it("is prepared once for a connection, and no other statement is", async () => {
  const database = new Database(options());
  const read = `${often}SELECT $1::integer AS n`;
  expect(await database.query(read, [1])).toEqual([{ n: 1 }]);
  expect(await database.query(read, [2])).toEqual([{ n: 2 }]);
  await database.query("SELECT $1::integer AS n", [3]);
  expect(await database.query(prepared)).toHaveLength(1);
  await database.close();
});

it("is asked by its text where a pooler gave the transaction to another connection", async () => {
  const database = new Database(options());
  const read = `${often}SELECT $1::integer + 1 AS n`;
  await database.query(read, [1]);
  await database.query("DEALLOCATE ALL");
  expect(await database.query(read, [2])).toEqual([{ n: 3 }]);
  expect(await database.query(read, [3])).toEqual([{ n: 4 }]);
  expect(await database.query(prepared)).toEqual([]);
  await database.close();
});

it("is asked by its text where a newer version has added a column", async () => {
  const database = new Database(options());
  await database.query("CREATE TABLE grown AS SELECT 1 AS a");
  const read = `${often}SELECT * FROM grown`;
  expect(await database.query(read)).toEqual([{ a: 1 }]);
  await database.query("ALTER TABLE grown ADD COLUMN b integer");
  expect(await database.query(read)).toEqual([{ a: 1, b: null }]);
  expect(await database.query(read)).toEqual([{ a: 1, b: null }]);
  await database.close();
});

it("holds for the reads of a task", async () => {
  const store = openPostgresStoreForTest({ url: server.url, maxConnections: 2 });
  const taskId = newTaskId(Date.now());
  await store.create({ id: taskId, tool: "train", owner: "ada", input: { n: 1 } });
  for (let n = 0; n < 7; n++) {
    expect(await store.summary({ taskId })).toMatchObject({ id: taskId, status: "working" });
    expect(await store.get({ taskId, owner: "ada" })).toMatchObject({ input: { n: 1 } });
  }
  await store.close();
});
