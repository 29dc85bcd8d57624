/** What every transition of the embedded store is given, and the few writes that several of them share. */
import { PerdureError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { TimelineEntry, Timestamp } from "../../task/record.ts";
import type { AttemptKey, TaskChange } from "../store.ts";
import type { Admission } from "./admission.ts";
import type { Row, SqliteConnection, SqliteStatement, SqlValue } from "./driver.ts";
import type { Presence } from "./presence.ts";
import { taskColumns, type TaskRow, toTaskRow } from "./rows.ts";

/** Prepares a statement once and keeps it. Texts are constants of this folder, so the cache stays small. */
export interface Sql {
  (text: string): SqliteStatement;
  /**
   * Reads the first row as the values of its columns. For what is read often: a row that is an object costs 0.2 µs
   * for each column, more than all the rest of finding it.
   */
  values(text: string): ReadValues;
}

export type ReadValues = (...parameters: SqlValue[]) => readonly unknown[] | undefined;

export function statementCache(connection: SqliteConnection): Sql {
  const statement = memoized((text) => connection.prepare(text));
  const values = memoized((text) => readValues(connection.prepare(text)));
  return Object.assign(statement, { values });
}

function memoized<T>(make: (text: string) => T): (text: string) => T {
  const made = new Map<string, T>();
  return (text) => {
    let value = made.get(text);
    if (value === undefined) {
      value = make(text);
      made.set(text, value);
    }
    return value;
  };
}

function readValues(statement: SqliteStatement): ReadValues {
  statement.setReturnArrays?.(true);
  return (...parameters) => {
    const row: unknown = statement.get(...parameters);
    if (row === undefined || Array.isArray(row)) return row;
    return Object.values(row as Row);
  };
}

export interface Transaction {
  readonly sql: Sql;
  readonly now: Timestamp;
  /** This process, and whether another is still there. */
  readonly presence: Presence;
  readonly admission: Admission;
  /** What the transition changes is named here, for those who watch. */
  readonly changes: TaskChange[];
  /** Touched where the next delivery may be due at another time: who delivers is told after the commit. */
  readonly outbox: { touched: boolean };
  /** Set where a task may be due that was not before: the executor is told after the commit. */
  due: boolean;
}

export function changed(tx: Transaction, taskId: TaskId, row: ChangedRow): void {
  tx.changes.push({ taskId, attempt: row.attempt, revision: row.revision, status: row.status });
}

export type ChangedRow = Pick<TaskRow, "attempt" | "revision" | "status">;
/** With the column that says whether anything of the task is delivered. */
export type DeliveringRow = ChangedRow & Pick<TaskRow, "delivery">;

export function appendEvent(tx: Transaction, taskId: TaskId, revision: number, entry: TimelineEntry): void {
  const { type, ...detail } = entry;
  let text: string | null = null;
  for (const _ in detail) {
    text = JSON.stringify(detail);
    break;
  }
  tx.sql("INSERT INTO events (task_id, revision, at, type, detail) VALUES (?, ?, ?, ?, ?)").run(
    taskId,
    revision,
    tx.now,
    type,
    text,
  );
}

export function writePayload(
  tx: Transaction,
  taskId: TaskId,
  kind: "input" | "result" | "saved",
  value: SqlValue,
): void {
  tx.sql("INSERT OR REPLACE INTO payloads (task_id, kind, value) VALUES (?, ?, ?)").run(taskId, kind, value);
}

/**
 * Updates the row of a task whose attempt still holds it, and returns the row after the change.
 * @param revisions how many events the change is: `revision` rises by so many.
 * @throws PerdureError `STALE_ATTEMPT`
 */
export function updateByAttempt(
  tx: Transaction,
  key: AttemptKey,
  assignments: string,
  values: readonly SqlValue[],
  revisions = 1,
): DeliveringRow {
  const row = tx.sql.values(
    `UPDATE tasks SET ${assignments}, revision = revision + ?, updated_at = ?
     WHERE id = ? AND attempt = ? AND running = 1 AND due_at IS NULL RETURNING revision, status, delivery`,
  )(...values, revisions, tx.now, key.taskId, key.attempt);
  if (row === undefined) throw staleAttempt(tx, key);
  const [revision, status, delivery] = row as [number, TaskRow["status"], TaskRow["delivery"]];
  const after = { attempt: key.attempt, revision, status };
  changed(tx, key.taskId, after);
  return { ...after, delivery };
}

/** For a transition by an attempt that may turn out to change nothing. @throws PerdureError `STALE_ATTEMPT` */
export function requireAttempt(tx: Transaction, key: AttemptKey): HeldRow {
  const row = tx.sql.values(
    `SELECT owner, revision, status, artifacts, delivery FROM tasks
     WHERE id = ? AND attempt = ? AND running = 1 AND due_at IS NULL`,
  )(key.taskId, key.attempt);
  if (row === undefined) throw staleAttempt(tx, key);
  const [owner, revision, status, artifacts, delivery] = row as [
    HeldRow["owner"],
    HeldRow["revision"],
    HeldRow["status"],
    HeldRow["artifacts"],
    HeldRow["delivery"],
  ];
  return { owner, revision, status, artifacts, delivery };
}

type HeldRow = Pick<TaskRow, "owner" | "revision" | "status" | "artifacts" | "delivery">;

const findById = `SELECT ${taskColumns} FROM tasks WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)`;

/** The row of a task that has not expired; of another owner's, none. */
export function findTask(
  sql: Sql,
  now: Timestamp,
  taskId: TaskId,
  owner: string | undefined,
): TaskRow | undefined {
  const values = sql.values(findById)(taskId, now);
  if (values === undefined) return undefined;
  const task = toTaskRow(values);
  return owner === undefined || task.owner === owner ? task : undefined;
}

function staleAttempt(tx: Transaction, key: AttemptKey): PerdureError {
  const row = findTask(tx.sql, tx.now, key.taskId, undefined);
  return new PerdureError("STALE_ATTEMPT", {
    message: `attempt ${key.attempt} of task ${key.taskId} may write nothing any more: ${whyStale(row, key)}.`,
  });
}

function whyStale(row: TaskRow | undefined, key: AttemptKey): string {
  if (row === undefined) return "there is no such task";
  if (row.ended_at !== null) return `the task is ${row.status}`;
  if (row.attempt > key.attempt) return `attempt ${row.attempt} has begun`;
  if (row.attempt < key.attempt) return "it has not begun";
  return "it has lost its lease or was given back";
}
