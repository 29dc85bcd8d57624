/**
 * Makes a file that only this user can read, where it is missing.
 *
 * A file that is there is not opened: closing a file takes every POSIX lock on it away from the whole process, also
 * the locks of SQLite's connections to it. With them gone, another process that closed the same file took itself for
 * the last one and removed the write-ahead log under the first, whose later commits were lost (seen with the SQLite
 * 3.47 of Node 22.13; https://sqlite.org/howtocorrupt.html, 2.2).
 */
import { closeSync, openSync } from "node:fs";

export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
