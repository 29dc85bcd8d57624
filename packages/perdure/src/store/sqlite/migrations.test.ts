/**
 * Files of earlier versions. Each step has a writer here, which fills a file of that version by the SQL of its time;
 * what it wrote must be read right by the newest. A new step without one fails the first test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { TaskId } from "../../task/id.ts";
import { nodeSqlite, openSqliteStore, type SqliteConnection } from "./index.ts";
import { watched } from "./killing-driver.fixture.ts";
import { applicationId, fileVersion, migrate, migrations } from "./migrations.ts";
import { openFile } from "./open.ts";
import { StoreProcess, temporaryFolder } from "./processes.fixture.ts";

const [waiting, running, ended] = ["0waiting", "0running", "0ended"] as TaskId[] as [TaskId, TaskId, TaskId];

/** What a file of version n, counted from 0, gets beside what the versions before it have written. */
const writers: readonly ((connection: SqliteConnection) => void)[] = [
  () => undefined,
  (connection) =>
    connection.exec(`
      INSERT INTO tasks (id, tool, owner, status, attempt, running, errors, crashes, priority, due_at, progress,
        session, idempotency_key, retry_of, failure, reason, created_at, updated_at, deadline_at, ttl_ms, ended_at,
        expires_at, revision)
      VALUES
        ('${waiting}', 'train', 'ada', 'working', 0, 0, 0, 0, 5, 1000, NULL, '{"session":"s"}', 'monday', NULL, NULL,
          NULL, 1000, 1000, 9000000000000, 60000, NULL, NULL, 1),
        ('${running}', 'train', 'ada', 'working', 2, 1, 1, 0, 0, NULL, '{"done":1,"total":3}', NULL, NULL, NULL, NULL,
          NULL, 1000, 2000, NULL, NULL, NULL, NULL, 5),
        ('${ended}', 'train', 'ada', 'failed', 1, 0, 0, 0, 0, NULL, NULL, NULL, NULL, '${waiting}',
          '{"code":"HANDLER_ERROR","name":"Error","message":"no","retryable":true}', NULL, 1000, 3000, NULL, NULL,
          3000, NULL, 3);
      INSERT INTO payloads VALUES ('${waiting}', 'input', '{"epochs":3}'), ('${running}', 'saved', x'010203');
      INSERT INTO operations VALUES ('${running}', 'load', 'step', 'done', 1, 0, '{"rows":7}', 1500, 3);
      INSERT INTO events VALUES ('${running}', 1, 1000, 'created', NULL), ('${running}', 2, 1001, 'begun', '{"attempt":1}');
      INSERT INTO meta VALUES ('executor', '{"epoch":"old","pid":1,"host":"gone","tools":["train"]}')`),
  (connection) =>
    connection.exec(`UPDATE tasks SET rejoin_key = 'k', waiter = 'gone' WHERE id = '${running}'`),
  (connection) =>
    connection.exec(
      "INSERT INTO sessions VALUES ('s1', 'ada', '2025-11-25', '{}', '{\"name\":\"c\"}', 'info', 9000000000000, NULL)",
    ),
  (connection) =>
    connection.exec(`
      INSERT INTO operations (task_id, name, kind, state, attempt, tries, recorded_at, revision, wait, question_key)
      VALUES ('${running}', 'sure?', 'ask', 'open', 2, 0, 1600, 4,
        '{"kind":"ask","question":{"key":"q4","message":"sure?","mode":"form"}}', 'q4');
      INSERT INTO signals VALUES ('${running}', 'go', 5, 'true')`),
  (connection) =>
    connection.exec(
      `UPDATE operations SET asking = '{"key":"q4","by":"d","until":0,"asked":{"c":"s"}}' WHERE name = 'sure?'`,
    ),
  (connection) =>
    connection.exec(`
      UPDATE tasks SET artifacts = 1 WHERE id = '${ended}';
      INSERT INTO artifact_sweeps (task_id) VALUES ('${ended}')`),
  (connection) =>
    connection.exec(`
      UPDATE tasks SET session = '{"session":"s"}', delivery = '{"mode":"always","graceMs":0,"keepMs":60000}'
        WHERE id = '${ended}';
      INSERT INTO deliveries VALUES
        (1, '{"session":"s"}', '${ended}', '${ended}-end', 'end', NULL, 3000, 3000, 9000000000000, 'waiting');
      INSERT INTO outboxes VALUES ('{"session":"s"}', 3000, 0, NULL, NULL, 0, NULL)`),
  (connection) =>
    connection.exec(`
      UPDATE tasks SET version = '1', log_lines = 2 WHERE id = '${ended}';
      INSERT INTO paused_tools VALUES ('other', 1700)`),
  (connection) => connection.exec(`UPDATE tasks SET backs_off = 1 WHERE id = '${waiting}'`),
  (connection) =>
    connection.exec(`
      INSERT INTO deliveries VALUES (2, '{"session":"s"}', '${running}', '${running}-question-${waiting}q2', 'question',
        '{"question":{"key":"q2","message":"sure?","mode":"form"},"askerId":"${waiting}"}', 3000, 9000000000000,
        9000000000000, 'waiting', '${waiting}')`),
];

/** A file as perdure left it when `version` was the newest. */
function makeFile(version: number): string {
  const file = join(temporaryFolder(), "tasks.db");
  const connection = nodeSqlite(file);
  connection.exec("PRAGMA journal_mode = WAL");
  for (let step = 1; step <= version; step++) {
    migrate(connection, migrations.slice(0, step));
    writers[step]?.(connection);
  }
  connection.close();
  return file;
}

/** Versions that a released or committed perdure has written. */
const earlier = migrations.map((_, version) => version);

async function expectAllRead(file: string, version: number): Promise<void> {
  const store = openSqliteStore({ file });
  onTestFinished(() => store.close());
  const { tasks } = await store.list({});
  expect(tasks.map((task) => task.id)).toEqual(version === 0 ? [] : [waiting, running, ended]);
  if (version === 0) return;
  expect(await store.get({ taskId: waiting })).toEqual({
    id: waiting,
    tool: "train",
    owner: "ada",
    status: "working",
    phase: "queued",
    attempt: 0,
    errors: 0,
    crashes: 0,
    priority: 5,
    dueAt: 1_000,
    session: { session: "s" },
    idempotencyKey: "monday",
    createdAt: 1_000,
    updatedAt: 1_000,
    deadlineAt: 9_000_000_000_000,
    ttlMs: 60_000,
    revision: 1,
    input: { epochs: 3 },
    result: undefined,
  });
  expect(await store.get({ taskId: running })).toMatchObject({
    phase: "running",
    attempt: 2,
    errors: 1,
    progress: { done: 1, total: 3 },
    revision: 5,
  });
  expect(await store.get({ taskId: ended })).toMatchObject({
    status: "failed",
    endedAt: 3_000,
    retryOf: waiting,
    failure: { message: "no" },
  });
  const session = await store.sessions.get({ id: "s1", owner: "ada" });
  expect(session?.clientInfo).toEqual(version < 3 ? undefined : { name: "c" });
  expect(await store.savedState({ taskId: running })).toEqual(new Uint8Array([1, 2, 3]));
  const [load, ...waits] = await store.operations({ taskId: running });
  expect(load).toMatchObject({ name: "load", value: { rows: 7 } });
  const open = { name: "sure?", state: "open", wait: { question: { key: "q4" } } };
  expect(waits).toMatchObject(version < 4 ? [] : [open]);
  const lease = await store.leaseQuestion({ taskId: running, key: "q4", by: "c", via: "s", forMs: 1_000 });
  expect(lease).toBe(version < 4 ? undefined : version < 5 ? "ask" : "asked");
  expect((await store.get({ taskId: ended }))?.artifacts).toBe(version < 6 ? undefined : 1);
  const sweeps = await store.artifactSweeps({ limit: 9 });
  expect(sweeps).toEqual(version < 6 ? [] : [{ id: 1, taskId: ended }]);
  const pending = await store.deliveries.pending({ taskId: ended });
  expect(pending).toMatchObject(version < 7 ? [] : [{ key: `${ended}-end`, failures: 0 }]);
  const asked = await store.deliveries.pending({ taskId: running });
  expect(asked).toMatchObject(version < 10 ? [] : [{ kind: "question" }]);
  expect(await store.timeline({ taskId: running })).toMatchObject([{ type: "created" }, { type: "begun" }]);
  await store.executor.start({ tools: ["train"], wake: () => undefined });
  const { begun } = await store.executor.claim({
    tools: [{ tool: "train", slots: 9, maxCrashes: 9 }],
    limit: 9,
  });
  expect(begun).toMatchObject([
    { id: waiting, attempt: 1 },
    { id: running, attempt: 3, crashes: 1 },
  ]);
}

function versionOf(file: string): number {
  const connection = nodeSqlite(file);
  try {
    expect(connection.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    return fileVersion(connection);
  } finally {
    connection.close();
  }
}

describe("a file of an earlier version", () => {
  it.each(earlier)("%i is brought to the newest, and all in it is read right", async (version) => {
    expect(version === 0 || writers[version] !== undefined, "this version has a writer").toBe(true);
    const file = makeFile(version);
    await expectAllRead(file, version);
    expect(versionOf(file)).toBe(migrations.length);
  });

  it("says whose it is and how far it was brought", () => {
    const connection = nodeSqlite(makeFile(migrations.length));
    onTestFinished(() => connection.close());
    expect(connection.prepare("PRAGMA application_id").get()).toEqual({ application_id: applicationId });
  });

  it("may be opened by two processes at the same moment", async () => {
    for (const version of [0, 1]) {
      const file = makeFile(version);
      const processes = await Promise.all([1, 2, 3].map(() => StoreProcess.open(file)));
      await Promise.all(processes.map((process) => process.create({ tool: "other" })));
      await Promise.all(processes.map((process) => process.kill()));
      expect(versionOf(file)).toBe(migrations.length);
    }
  });

  it("that another process has brought further meanwhile is not taken back", () => {
    const connection = nodeSqlite(makeFile(migrations.length));
    onTestFinished(() => connection.close());
    migrate(connection, migrations.slice(0, 1));
    expect(fileVersion(connection)).toBe(migrations.length);
  });
});

describe("a step that fails", () => {
  it("leaves the version before, with what was in it", () => {
    const connection = nodeSqlite(makeFile(1));
    onTestFinished(() => connection.close());
    const broken = [migrations[0] ?? "", "CREATE TABLE half (a); DELETE FROM tasks; CREATE TABLE tasks (a)"];
    expect(() => migrate(connection, broken)).toThrow("table tasks already exists");
    expect(fileVersion(connection)).toBe(1);
    expect(connection.prepare("SELECT count(*) AS n FROM tasks").get()).toEqual({ n: 3 });
    expect(() => connection.prepare("SELECT * FROM half")).toThrow("no such table");
  });
});

describe("a process that dies while it opens", () => {
  const kinds = ["", "-journal", "-wal"];

  it.each(earlier)(
    "a file of version %i leaves one that opens, at whichever statement it was",
    async (version) => {
      const original = makeFile(version);
      const folder = temporaryFolder();
      // What SIGKILL leaves is what lies on the disk just then; a copy of it stands for a process that died there.
      let statements = 0;
      const copying = watched(() => {
        statements++;
        for (const kind of kinds) {
          if (existsSync(original + kind))
            copyFileSync(original + kind, join(folder, `${statements}.db${kind}`));
        }
      });
      openFile(original, { driver: copying, warn: () => undefined }).connection.close();
      expect(statements).toBeGreaterThan(12);
      for (let statement = 1; statement <= statements; statement++) {
        const left = join(folder, `${statement}.db`);
        await expectAllRead(left, version);
        expect(versionOf(left), `at statement ${statement}`).toBe(migrations.length);
      }
    },
  );

  it.each([7, 12, 17])("by SIGKILL, at statement %i, too", async (statement) => {
    const program = fileURLToPath(new URL("migrating.fixture.ts", import.meta.url));
    const file = makeFile(1);
    const child = spawn(process.execPath, ["--no-warnings", program, file, String(statement)], {
      stdio: "inherit",
    });
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    await expectAllRead(file, 1);
    expect(versionOf(file)).toBe(migrations.length);
  });
});
