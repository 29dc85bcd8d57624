/**
 * Opening the file. Everything that can be wrong with it is found here, before anything is written: a file of another
 * program, of a newer perdure, damaged, read-only, or on a network file system, where SQLite's locks and shared
 * memory do not work and files were lost.
 */
import { accessSync, constants, mkdirSync, readlinkSync, realpathSync, statfsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PerdureError } from "../../task/errors.ts";
import type { SqliteConnection, SqliteDriver } from "./driver.ts";
import { storeError } from "./errors.ts";
import { applicationId, fileVersion, migrate, migrations } from "./migrations.ts";
import { createPrivateFile } from "./private-file.ts";

/** Four times what SQLite lets the log grow to by itself, before it copies it into the file. */
const walBytes = 16_777_216;

export const memoryFile = ":memory:";

export interface OpenedFile {
  readonly connection: SqliteConnection;
  /** The file itself, behind any symbolic link: all who open it agree on the names beside it. */
  readonly file: string;
}

export interface OpenFileOptions {
  readonly driver: SqliteDriver;
  /** Is told what is allowed but unwise. */
  readonly warn: (message: string) => void;
  /** The `f_type` of statfs(2) for a folder; a test tells of file systems that it does not have. */
  readonly fileSystemOf?: (folder: string) => number;
}

export function openFile(file: string, options: OpenFileOptions): OpenedFile {
  const location = `sqlite:${file}`;
  let connection: SqliteConnection | undefined;
  try {
    const path = file === memoryFile ? file : prepareFile(file, location, options);
    connection = options.driver(path);
    connection.exec("PRAGMA busy_timeout = 5000");
    const isNew = checkOrigin(connection, location);
    // So that deleted history can be given back to the file system in pieces. Only an empty file takes it, and on any
    // other it would be a write: opening must work beside a stopped owner and on a full disk.
    if (isNew) connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    // A log that grew while somebody read for long is cut again when it begins anew.
    connection.exec(`PRAGMA journal_size_limit = ${walBytes}`);
    migrate(connection);
    // From here on the commit group waits for others, without stopping the event loop for longer than this.
    connection.exec("PRAGMA busy_timeout = 2");
    return { connection, file: path };
  } catch (error) {
    connection?.close();
    throw fileError(error, location);
  }
}

/** Makes the folder and the file, readable by this user only: the record holds what tools were given. */
function prepareFile(file: string, location: string, options: OpenFileOptions): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const path = behindLinks(file);
  checkFileSystem(dirname(path), location, options);
  createPrivateFile(path);
  accessSync(path, constants.R_OK | constants.W_OK);
  return path;
}

/** The file that is meant, whether or not it exists. */
function behindLinks(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  let target: string;
  try {
    target = readlinkSync(file);
  } catch {
    return join(realpathSync(dirname(file)), basename(file));
  }
  return behindLinks(resolve(dirname(file), target));
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** `f_type` of statfs(2), for the file systems that other machines write to. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);
/** Local or remote, nobody can tell from here. */
const doubtfulFileSystems: ReadonlyMap<number, string> = new Map([
  [0x65735546, "FUSE"],
  [0x01021997, "9P"],
  [0x6a656a63, "a Docker Desktop share"],
]);

function checkFileSystem(
  folder: string,
  location: string,
  { warn, fileSystemOf = (path) => statfsSync(path).type }: OpenFileOptions,
): void {
  if (process.platform !== "linux") return;
  const type = fileSystemOf(folder) >>> 0;
  const network = networkFileSystems.get(type);
  if (network !== undefined) {
    throw new PerdureError("STORE_NETWORK_FILE_SYSTEM", {
      message:
        `${location} lies on a network file system (${network}), where SQLite's locks cannot be relied on and data ` +
        `is lost. Put the file on a local disk.`,
    });
  }
  const doubtful = doubtfulFileSystems.get(type);
  if (doubtful !== undefined) {
    warn(
      `${location} lies on ${doubtful}: if another machine can write there too, put the file on a local disk.`,
    );
  }
}

/** Refuses what is not perdure's, or not yet. Returns whether the file is empty. */
function checkOrigin(connection: SqliteConnection, location: string): boolean {
  // One snapshot: another process may be making the tables and the id just now.
  connection.exec("BEGIN");
  const tables = Number(connection.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]);
  const id = Number(connection.prepare("PRAGMA application_id").get()?.["application_id"]);
  const version = fileVersion(connection);
  connection.exec("COMMIT");
  if (id !== applicationId && tables > 0) {
    throw new PerdureError("STORE_FOREIGN", {
      message: `${location} is the database of another program; it was left untouched. Name another file.`,
    });
  }
  if (version > migrations.length) {
    throw new PerdureError("STORE_NEWER", {
      message:
        `${location} was written by a newer perdure (format ${version}; this one knows up to ` +
        `${migrations.length}); it was left untouched. Update perdure, or name another file.`,
    });
  }
  return tables === 0;
}

function fileError(error: unknown, location: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  // A folder to make on a read-only file system is "missing" to Node's recursive mkdir.
  const notMade = code === "ENOENT" && syscall === "mkdir";
  if (code === "EACCES" || code === "EROFS" || code === "EPERM" || notMade) {
    return new PerdureError("STORE_READ_ONLY", {
      message: `${location} cannot be written by this user (${code}). Name a file in a folder that can be written.`,
      cause: error,
    });
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new PerdureError("STORE_FULL", {
      message: `${location}: the disk or the quota is full (${code}). Free some space, then try again.`,
      cause: error,
      retryable: true,
    });
  }
  return storeError(error, location);
}
