/** What Postgres or the way to it says, as an error that says what to do. https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { PerdureError } from "../../task/errors.ts";

interface DatabaseError extends Error {
  /** An SQLSTATE, or a code of the operating system. */
  readonly code?: string;
  readonly constraint?: string;
}

/** The server goes away, comes up, has no room, or is a standby since a failover; and what sockets say. */
const unavailable =
  /^(08...|57P0[1-5]|53300|25006|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** What `pg` says of a connection, without a code. */
const unavailableMessage =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed/i;

export function isUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  if (!(error instanceof Error)) return false;
  const { code } = error as DatabaseError;
  return code === undefined ? unavailableMessage.test(error.message) : unavailable.test(code);
}

/**
 * The server itself says that it is not there: it goes down, comes up, or nobody listens. That it says to everybody, so
 * nobody else reaches it either; of silence that cannot be known.
 */
export function isDown(error: unknown): boolean {
  if (error instanceof PerdureError) return isDown(error.cause);
  if (error instanceof AggregateError) return error.errors.every(isDown);
  return error instanceof Error && /^(57P0[1-3]|ECONNREFUSED)$/.test((error as DatabaseError).code ?? "");
}

/** Nothing was written, and the same statement may go through at once: a deadlock, or two that crossed. */
export function isCrossed(error: unknown): boolean {
  const { code } = error as DatabaseError;
  return code === "40P01" || code === "40001";
}

/** Two wrote the same key: whoever looks again sees which. */
export function isTaken(error: unknown): boolean {
  return (error as DatabaseError).code === "23505";
}

/** There is no such table or schema: nobody has migrated. */
export function isNotMigrated(error: unknown): boolean {
  const { code } = error as DatabaseError;
  return code === "42P01" || code === "3F000";
}

/** The error to throw for one that came out of the driver; any other comes back as it is. */
export function storeError(error: unknown, location: string): unknown {
  if (error instanceof PerdureError || !(error instanceof Error)) return error;
  const say = (code: PerdureError["code"], text: string, retryable: boolean): PerdureError =>
    new PerdureError(code, { message: `${location}: ${text} (${reasonOf(error)})`, cause: error, retryable });
  if (isUnavailable(error)) {
    return say("STORE_UNAVAILABLE", "the database cannot be reached. Nothing was written; try again.", true);
  }
  const { code = "" } = error as DatabaseError;
  if (code === "53100" || code === "53200") {
    return say(
      "STORE_FULL",
      "the database has no room. Nothing was written; free some, and it goes on.",
      true,
    );
  }
  if (code.startsWith("28") || code === "3D000") {
    return say("STORE_UNAVAILABLE", "the database does not let this user in. Check the URL.", false);
  }
  if (code === "42501") {
    return say(
      "STORE_READ_ONLY",
      "the role lacks a privilege; the page on Postgres lists those that it needs.",
      false,
    );
  }
  if (isNotMigrated(error)) {
    return say(
      "STORE_OUTDATED",
      "the schema is not there, or older than this program. Run: perdure migrate",
      false,
    );
  }
  if (isCrossed(error))
    return say("STORE_BUSY", "other writers were in the way again and again. Try again.", true);
  return error;
}

function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(String).join("; ");
  return error.message;
}
