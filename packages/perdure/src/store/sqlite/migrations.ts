/**
 * The schema of the embedded store, as the list of steps that lead to it: step n brings a file from version n−1 to n
 * (`PRAGMA user_version`). A step that was released never changes; a new need is a new step, in a file of its own.
 *
 * `tasks` holds the small row that changes often; the values stand apart in `payloads`, because SQLite writes a row anew
 * at every update, and a progress report must not rewrite a megabyte of input. What belongs to a task (values,
 * operations, events, signals) is `WITHOUT ROWID`: one b-tree instead of two, and everything of a task side by side.
 *
 * A migration library was looked at and left: `umzug`, the well-kept one, brings a command line and five packages to
 * every user, and its steps are not one transaction with the version number, which a process that may be killed at
 * any write needs.
 */
import type { SqliteConnection } from "./driver.ts";
import { tasks } from "./migrations/1-tasks.ts";
import { rejoin } from "./migrations/2-rejoin.ts";
import { sessions } from "./migrations/3-sessions.ts";
import { waiting } from "./migrations/4-waiting.ts";
import { asking } from "./migrations/5-asking.ts";
import { artifacts } from "./migrations/6-artifacts.ts";
import { outbox } from "./migrations/7-outbox.ts";
import { growing } from "./migrations/8-growing.ts";
import { family } from "./migrations/9-family.ts";
import { askers } from "./migrations/10-askers.ts";

export const migrations: readonly string[] = [
  tasks,
  rejoin,
  sessions,
  waiting,
  asking,
  artifacts,
  outbox,
  growing,
  family,
  askers,
];

/** Says that a file is perdure's: "pdre". */
export const applicationId = 0x70647265;

/** Brings the file to the newest version, in one transaction; two processes that open it together take turns. */
export function migrate(connection: SqliteConnection, steps: readonly string[] = migrations): void {
  if (fileVersion(connection) === steps.length) return;
  connection.exec("BEGIN EXCLUSIVE");
  try {
    const found = fileVersion(connection);
    for (const step of steps.slice(found)) connection.exec(step);
    // Another process may have brought it further than these steps lead.
    const reached = Math.max(found, steps.length);
    connection.exec(`PRAGMA user_version = ${reached}; PRAGMA application_id = ${applicationId}`);
    connection.exec("COMMIT");
  } catch (error) {
    rollBack(connection);
    throw error;
  }
}

function rollBack(connection: SqliteConnection): void {
  try {
    connection.exec("ROLLBACK");
  } catch {
    // A full disk makes SQLite roll back by itself; the first error is the one to tell.
  }
}

export function fileVersion(connection: SqliteConnection): number {
  return Number(connection.prepare("PRAGMA user_version").get()?.["user_version"]);
}
