/**
 * Who puts an open question to a person: one client at a time, and each client once. It is kept with the operation that
 * asks, so that all processes agree; and it is no change of the task that anybody would see.
 */
import type { Timestamp } from "../../task/record.ts";
import type { LeaseQuestion, QuestionKey, QuestionLease, RefuseQuestion } from "../store.ts";
import type { Transaction } from "./transaction.ts";

interface Asking {
  /** The question may since have been asked again under another key. */
  readonly key: string;
  readonly by: string;
  readonly until: Timestamp;
  /** Who was asked, the latest last, and by which way; false: it cannot be asked. */
  readonly asked: Readonly<Record<string, string | false>>;
}

/** The earliest are forgotten: a question may stay open for a year, with a new client every day. */
const keptNames = 100;

export function leaseQuestion(tx: Transaction, lease: LeaseQuestion): QuestionLease | undefined {
  const found = read(tx, lease);
  if (found === undefined) return undefined;
  const { name, asking } = found;
  const known = asking.asked[lease.by];
  if (known === false || (asking.by !== lease.by && asking.until > tx.now)) return "elsewhere";
  const asks = known === undefined || (known === lease.via && lease.heard === false);
  write(tx, lease, name, {
    ...asking,
    by: lease.by,
    until: tx.now + lease.forMs,
    asked: asks ? { ...asking.asked, [lease.by]: lease.via } : asking.asked,
  });
  return asks ? "ask" : "asked";
}

export function refuseQuestion(tx: Transaction, refusal: RefuseQuestion): void {
  const found = read(tx, refusal);
  if (found === undefined) return;
  const { name, asking } = found;
  const until = asking.by === refusal.by ? 0 : asking.until;
  write(tx, refusal, name, { ...asking, until, asked: { ...asking.asked, [refusal.by]: false } });
}

function read(
  tx: Transaction,
  { taskId, key }: QuestionKey,
): { readonly name: string; readonly asking: Asking } | undefined {
  const row = tx
    .sql(
      `SELECT name, asking FROM operations WHERE task_id = ? AND question_key = ? AND state = 'open'
         AND (wake_at IS NULL OR wake_at > ?)`,
    )
    .get(taskId, key, tx.now);
  if (row === undefined) return undefined;
  const kept = row["asking"] as string | null;
  const asking = kept === null ? undefined : (JSON.parse(kept) as Asking);
  const fresh: Asking = { key, by: "", until: 0, asked: {} };
  return { name: row["name"] as string, asking: asking?.key === key ? asking : fresh };
}

function write(tx: Transaction, { taskId }: QuestionKey, name: string, asking: Asking): void {
  const asked = Object.fromEntries(Object.entries(asking.asked).slice(-keptNames));
  tx.sql("UPDATE operations SET asking = ? WHERE task_id = ? AND name = ?").run(
    JSON.stringify({ ...asking, asked }),
    taskId,
    name,
  );
}
