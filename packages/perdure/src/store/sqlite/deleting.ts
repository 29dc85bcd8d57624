/**
 * How history leaves, so that no request waits for it: each call is one short transaction, which ends where its time is
 * up, also in the middle of a large task. That is harmless, because what has expired is seen by nobody.
 *
 * The pages that fall free are used again, and a file that has many of them gives some back to the file system.
 */
import type { TaskId } from "../../task/id.ts";
import { deleteRows } from "./caller-transitions.ts";
import { deleteEmptyOutboxes } from "./deliveries.ts";
import type { TaskRow } from "./rows.ts";
import type { Sql, Transaction } from "./transaction.ts";

/** What one call may take of the event loop, beside its last statement and the flush. */
const budgetMs = 5;
/** A task with more events than these is deleted in pieces. */
const small = 20;
/** 128 pages of 4 kB: about 1 ms, measured. */
const pagesAtOnce = 128;
/** Free pages are kept for what comes next: so many, or so much of the file. */
const keptPages = 1_000;
const keptShare = 0.1;

/** Returns how many tasks went, and at least 1 while one is left. */
export function deleteExpired(tx: Transaction, limit: number): number {
  const until = performance.now() + budgetMs;
  const expired = tx
    .sql("SELECT id, artifacts, revision FROM tasks WHERE expires_at <= ? LIMIT ?")
    .all(tx.now, limit) as unknown as Pick<TaskRow, "id" | "artifacts" | "revision">[];
  let deleted = 0;
  for (const row of expired) {
    if (row.revision > small && !deletePieces(tx, row.id, until)) break;
    deleteRows(tx, row);
    deleted++;
    if (performance.now() >= until) break;
  }
  deleteEmptyOutboxes(tx, limit);
  return Math.max(deleted, Math.min(expired.length, 1));
}

const pieces = [
  `DELETE FROM operations WHERE task_id = ?1
     AND name IN (SELECT name FROM operations WHERE task_id = ?1 LIMIT ${small})`,
  `DELETE FROM events WHERE task_id = ?1
     AND revision IN (SELECT revision FROM events WHERE task_id = ?1 LIMIT ${small * 10})`,
  `DELETE FROM signals WHERE task_id = ?1
     AND (name, revision) IN (SELECT name, revision FROM signals WHERE task_id = ?1 LIMIT ${small})`,
  "DELETE FROM payloads WHERE task_id = ?1 AND kind = (SELECT kind FROM payloads WHERE task_id = ?1 LIMIT 1)",
];

/** False when the time was up before everything was deleted. */
function deletePieces({ sql }: Transaction, taskId: TaskId, until: number): boolean {
  for (const piece of pieces) {
    while (Number(sql(piece).run(taskId).changes) > 0) {
      if (performance.now() >= until) return false;
    }
  }
  return true;
}

/** Gives some free pages back to the file system. Returns whether there are more. */
export function giveBackSpace({ sql }: Transaction): boolean {
  const free = pragma(sql, "freelist_count");
  if (free <= Math.max(keptPages, keptShare * pragma(sql, "page_count"))) return false;
  // Of a file that was made without it, nothing can be given back: `perdure doctor` says so.
  if (pragma(sql, "auto_vacuum") !== incremental) return false;
  sql(`PRAGMA incremental_vacuum(${pagesAtOnce})`).all();
  return true;
}

const incremental = 2;

export function pragma(sql: Sql, name: string): number {
  return Number(sql.values(`PRAGMA ${name}`)()?.[0]);
}
