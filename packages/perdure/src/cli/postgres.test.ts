/** The command line over Postgres, and the role that `docs/postgres.md` gives to programs: it may do all but migrate. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { perdure } from "../app/app.ts";
import { openPostgresStore } from "../store/postgres/index.ts";
import { createDatabase, type TestDatabase } from "../store/postgres/postgres.fixture.ts";
import { exitCodes } from "./exit.ts";
import { Bench } from "./command.fixture.ts";

const docs = join(import.meta.dirname, "../../../../docs/postgres.md");
/** Roles are the server's, which other runs may use as well. */
const role = `trainer_${process.pid}`;

let database: TestDatabase;
let bench: Bench;
let asTrainer: string;

beforeAll(async () => {
  database = await createDatabase();
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  const url = new URL(database.url);
  [url.username, url.password] = [role, "secret"];
  url.searchParams.set("schema", "trainer");
  asTrainer = url.href;
});
afterAll(async () => {
  await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await database.drop();
});
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test("a program under the role of the docs does everything but migrate, and so do the commands", async () => {
  const early = openPostgresStore({ url: asTrainer, migrate: false });
  await expect(early.list({})).rejects.toMatchObject({ code: "STORE_OUTDATED" });
  await early.close();
  const refused = await bench.run(["migrate", asTrainer]);
  expect(refused.code).toBe(exitCodes.unreachable);
  expect(refused.stderr).toContain("the role lacks a privilege");
  expect(refused.stderr).not.toContain("secret");

  const migrated = await bench.run(["migrate", database.url, "--schema", "trainer"]);
  expect(migrated).toMatchObject({ code: exitCodes.ok, stdout: "the schema trainer is up to date.\n" });
  const [, grants = ""] = /```sql\n(.*?)```/s.exec(readFileSync(docs, "utf8")) ?? [];
  await database.query(grants.replaceAll("TO trainer;", `TO ${role};`));

  const store = openPostgresStore({ url: asTrainer, migrate: false });
  const app = perdure({ name: "trainer", version: "1", store, linger: 0 });
  const rows = app.task("rows", { description: "Counts.", input: z.object({}) }, () => 7);
  app.task("train", { description: "Trains.", input: z.object({}) }, async (_, task) => {
    await task.step("load", () => 1);
    await task.sleep(10);
    await task.save({ epoch: 1 });
    task.progress(1, 2);
    const counted = await task.call(rows, {});
    const { sure } = await task.ask("Go on?", z.object({ sure: z.boolean() }));
    return { counted, sure };
  });
  await app.start();
  const { id } = await app.submit("train", {});
  await expect.poll(async () => (await app.tasks.questions(id)).length, { timeout: 10_000 }).toBe(1);

  const listed = await bench.run(["tasks", "list", asTrainer, "--json"]);
  expect(listed).toMatchObject({ code: exitCodes.ok, stdout: expect.stringContaining(id) as string });
  const shown = await bench.run(["tasks", "show", asTrainer, id]);
  expect(shown).toMatchObject({
    code: exitCodes.ok,
    stdout: expect.stringContaining("input_required") as string,
  });

  const [question] = await app.tasks.questions(id);
  await app.tasks.answer(id, question?.key ?? "", { action: "accept", content: { sure: true } });
  expect(await app.tasks.handle(id).result()).toEqual({ counted: 7, sure: true });
  const result = await bench.run(["tasks", "result", asTrainer, id]);
  expect(result).toMatchObject({ code: exitCodes.ok, stdout: '{"counted":7,"sure":true}\n' });

  await app.pause("train");
  const held = await app.submit("train", {});
  const cancelled = await bench.run(["tasks", "cancel", asTrainer, held.id]);
  expect(cancelled.code).toBe(exitCodes.ok);
  expect(await held.status()).toMatchObject({ status: "cancelled" });
  await app.resume("train");
  await app.tasks.delete(id);
  expect(await app.tasks.get(id)).toBeUndefined();
  expect(await app.readiness()).toEqual({ ready: true });
  const examined = await bench.run(["doctor", asTrainer]);
  expect(examined.code).toBe(exitCodes.usage);
  expect(examined.stderr).toContain("its server's own tools");
  await app.close();
}, 90_000);

test("a database that is not there is a clear message, without its password", async () => {
  const url = "postgres://ada:secret@127.0.0.1:1/nowhere";
  for (const command of [
    ["migrate", url],
    ["tasks", "list", url],
  ]) {
    const { code, stderr } = await bench.run(command);
    expect([command[0], code]).toEqual([command[0], exitCodes.unreachable]);
    expect(stderr).toContain("the database cannot be reached");
    expect(stderr).not.toContain("secret");
  }
}, 60_000);
