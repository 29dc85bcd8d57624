/** Opening: whose file it is, what is wrong with it, where it lies. What is refused is left as it was. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeSqlite, openSqliteStore, type SqliteConnection } from "./index.ts";
import { openFile } from "./open.ts";
import { request, StoreProcess, temporaryFolder } from "./processes.fixture.ts";
import type { TaskStore } from "../store.ts";

const newFile = (): string => join(temporaryFolder(), "tasks.db");

function open(file: string): TaskStore {
  const store = openSqliteStore({ file });
  onTestFinished(() => store.close());
  return store;
}

/** Every file of the folder with its bytes, before and after a refusal. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]),
  );
}

function makeDatabase(file: string, script: string): void {
  const connection = nodeSqlite(file);
  connection.exec(script);
  connection.close();
}

describe("a file that is not perdure's, or not yet", () => {
  const noise = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * 7919) % 251));
  it.each<[string, string, (file: string) => void]>([
    [
      "another program's",
      "STORE_FOREIGN",
      (file) => makeDatabase(file, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('dear diary')"),
    ],
    [
      "another program's in WAL mode",
      "STORE_FOREIGN",
      (file) => makeDatabase(file, "PRAGMA journal_mode = WAL; CREATE TABLE notes (text)"),
    ],
    [
      "another program's with an id",
      "STORE_FOREIGN",
      (file) => makeDatabase(file, "PRAGMA application_id = 42; CREATE TABLE notes (text)"),
    ],
    [
      "a newer perdure's",
      "STORE_NEWER",
      (file) => {
        openFile(file, { driver: nodeSqlite, warn: () => undefined }).connection.close();
        makeDatabase(file, "PRAGMA user_version = 9999");
      },
    ],
    ["noise", "STORE_CORRUPT", (file) => writeFileSync(file, noise)],
    ["a few letters", "STORE_CORRUPT", (file) => writeFileSync(file, "hello")],
    ["zeros", "STORE_CORRUPT", (file) => writeFileSync(file, Buffer.alloc(8_192))],
  ])("is refused and left untouched: %s", (_, code, make) => {
    const folder = temporaryFolder();
    const file = join(folder, "tasks.db");
    make(file);
    const before = contents(folder);
    expect(() => openSqliteStore({ file })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`sqlite:${file}`) as string }),
    );
    expect(contents(folder)).toEqual(before);
  });

  it("may be empty: then it becomes perdure's", async () => {
    const file = newFile();
    writeFileSync(file, "");
    await expect(open(file).create(request())).resolves.toMatchObject({ created: true });
  });
});

describe("a file that is damaged in the middle", () => {
  it("is an error that says so, and nothing dies of it", async () => {
    const file = newFile();
    const store = openSqliteStore({ file });
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => store.create(request({ input: "x".repeat(n * 20) }))),
    );
    await store.close();
    const bytes = readFileSync(file);
    // Beyond the pages that hold the schema.
    for (let page = 40; page * 4_096 < bytes.length; page++)
      bytes.fill(0xa5, page * 4_096, page * 4_096 + 2_000);
    writeFileSync(file, bytes);
    const damaged = open(file);
    await expect(damaged.list({ limit: 1_000 })).rejects.toMatchObject({
      code: "STORE_CORRUPT",
      message: expect.stringContaining("app.backup") as string,
    });
    await expect(damaged.create(request())).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });

  it("while it is open and polled, is a warning", async () => {
    const file = newFile();
    const warnings: string[] = [];
    let broken = false;
    const store = openSqliteStore({
      file,
      warn: (message) => warnings.push(message),
      driver: (path) => {
        const connection = nodeSqlite(path);
        const prepare: SqliteConnection["prepare"] = (sql) => {
          const statement = connection.prepare(sql);
          if (sql !== "PRAGMA data_version") return statement;
          const get = () => {
            if (broken) throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
            return statement.get();
          };
          return { get, run: statement.run.bind(statement), all: statement.all.bind(statement) };
        };
        return { exec: (sql) => connection.exec(sql), prepare, close: () => connection.close() };
      },
    });
    onTestFinished(() => store.close());
    onTestFinished(store.subscribe(() => undefined));
    broken = true;
    await expect.poll(() => warnings[0], { timeout: 2_000 }).toContain("disk I/O error");
  });
});

describe("where a file lies", () => {
  it("is made, folders too, for this user only", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "a", "b", "tasks.db");
    const store = open(file);
    await store.executor.start({ tools: [], wake: () => undefined });
    const modes = [
      "a",
      "a/b",
      "a/b/tasks.db",
      "a/b/tasks.db-wal",
      "a/b/tasks.db-shm",
      "a/b/tasks.db.lock",
    ].map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600, 0o600, 0o600]);
  });

  it("may be relative, and stays when the process goes elsewhere", async () => {
    const file = newFile();
    const store = open(relative(process.cwd(), file));
    expect(store.location).toBe(`sqlite:${file}`);
    await store.create(request());
    expect((await open(file).list({})).tasks).toHaveLength(1);
  });

  it("may be behind a link: all agree on who executes", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "links"));
    const [file, link] = [join(folder, "tasks.db"), join(folder, "links", "link.db")];
    symlinkSync("../tasks.db", link);
    const [one, other] = [open(link), open(file)];
    await one.executor.start({ tools: ["train"], wake: () => undefined });
    await other.executor.start({ tools: ["train"], wake: () => undefined });
    expect([one.executor.executes, other.executor.executes]).toEqual([true, false]);
    expect(readdirSync(join(folder, "links"))).toEqual(["link.db"]);
    expect(statSync(file).mode & 0o777, "made behind the link that led nowhere").toBe(0o600);
  });

  it("may be memory, which leaves nothing anywhere and is another one each time", async () => {
    const [one, other] = [open(":memory:"), open(":memory:")];
    await one.create(request());
    expect((await other.list({})).tasks).toEqual([]);
    expect(() => statSync(":memory:")).toThrow("ENOENT");
  });

  it.runIf(process.platform === "linux").each([
    [0x6969, "NFS"],
    [0xff534d42, "CIFS"],
    [0xff534d42 | 0, "CIFS"],
    [0x0bd00bd0, "Lustre"],
  ])("is refused on a network file system, and nothing is made there: %#x", (type, name) => {
    const folder = temporaryFolder();
    const file = join(folder, "tasks.db");
    const attempt = () =>
      openFile(file, { driver: nodeSqlite, warn: () => undefined, fileSystemOf: () => type });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "STORE_NETWORK_FILE_SYSTEM",
        message: expect.stringMatching(`${name}.*Put the file on a local disk`) as string,
      }),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("is asked of the file's own folder, not of its link's", () => {
    const folder = temporaryFolder();
    for (const name of ["local", "remote"]) mkdirSync(join(folder, name));
    symlinkSync("../remote/tasks.db", join(folder, "local", "tasks.db"));
    const asked: string[] = [];
    const warnings: string[] = [];
    const fileSystemOf = (path: string): number => (asked.push(path), 0x65735546);
    const opened = openFile(join(folder, "local", "tasks.db"), {
      driver: nodeSqlite,
      warn: (message) => warnings.push(message),
      fileSystemOf,
    });
    opened.connection.close();
    expect(asked).toEqual([join(folder, "remote")]);
    expect(warnings).toEqual([expect.stringContaining("FUSE")]);
  });
});

describe.runIf(process.platform === "linux")("the locks of SQLite", () => {
  it("are still held after the process has opened the file a second time", async () => {
    const file = newFile();
    await open(file).create(request());
    const { ino } = statSync(file);
    const locks = () =>
      readFileSync("/proc/locks", "utf8")
        .split("\n")
        .filter((lock) => lock.includes(`:${ino} `));
    expect(locks()).toHaveLength(1);
    open(file);
    expect(locks()).toHaveLength(1);
  });
});

describe("a new file", () => {
  it("may be opened by several processes at the same moment", async () => {
    for (let round = 0; round < 2; round++) {
      const file = newFile();
      const processes = await Promise.all([1, 2, 3, 4].map(() => StoreProcess.open(file)));
      await Promise.all(processes.map((process) => process.create()));
      expect((await open(file).list({})).tasks).toHaveLength(4);
      await Promise.all(processes.map((process) => process.kill()));
    }
  });
});
