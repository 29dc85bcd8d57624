/** What SQLite says, as an error that says what to do. Result codes: https://sqlite.org/rescode.html */
import { type ErrorCode, PerdureError } from "../../task/errors.ts";

interface Advice {
  readonly code: ErrorCode;
  readonly text: string;
  readonly retryable: boolean;
}

const busy: Advice = {
  code: "STORE_BUSY",
  text: "another process held the file for longer than 5 s. Try again; if it stays so, look for a program that keeps a transaction open on it.",
  retryable: true,
};
const corrupt: Advice = {
  code: "STORE_CORRUPT",
  text: "the file is damaged or no SQLite database. Nothing was written. Keep it, and restore a copy made with app.backup(file), or move it away to begin anew.",
  retryable: false,
};
const readOnly: Advice = {
  code: "STORE_READ_ONLY",
  text: "the file or its folder cannot be written by this user, or its file system is mounted read-only. The folder must be writable too: SQLite keeps -wal and -shm files beside the file.",
  retryable: false,
};

/** By primary result code: the low byte of the extended one. */
const adviceByResult: Readonly<Record<number, Advice>> = {
  5: busy,
  6: busy,
  8: readOnly,
  10: {
    code: "STORE_IO",
    text: "the operating system failed to read or write it; see the cause. Check the disk, then try again.",
    retryable: true,
  },
  11: corrupt,
  13: {
    code: "STORE_FULL",
    text: "the disk or the quota is full. Nothing that was acknowledged is lost; free some space and it goes on.",
    retryable: true,
  },
  14: readOnly,
  26: corrupt,
};

/** The error to throw for one that came out of SQLite; any other error comes back as it is. */
export function storeError(error: unknown, location: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  const advice = adviceByResult[Number(error.errcode) & 0xff];
  if (advice === undefined) return error;
  return new PerdureError(advice.code, {
    message: `${location}: ${advice.text} (SQLite: ${error.message})`,
    cause: error,
    retryable: advice.retryable,
  });
}

/** Another process holds the lock that is wanted. */
export function isBusy(error: unknown): boolean {
  const code = Number((error as { errcode?: unknown }).errcode) & 0xff;
  return code === 5 || code === 6;
}
