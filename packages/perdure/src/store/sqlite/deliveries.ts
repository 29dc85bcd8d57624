/** The outbox of the embedded store, as the process that executes empties it. */
import { createHash } from "node:crypto";
import type { TaskId } from "../../task/id.ts";
import type {
  DeliveryFailure,
  DeliveryKind,
  SessionContext,
  TimelineEntry,
  Timestamp,
} from "../../task/record.ts";
import { canonicalJson } from "../../task/json.ts";
import type {
  DeliveryLease,
  DeliveryStore,
  LeaseDeliveries,
  LeasedMessage,
  OutboxEntry,
  PendingDelivery,
  SettleDelivery,
} from "../deliveries.ts";
import type { Row } from "./driver.ts";
import { endOf, keyOf, refreshOutbox, withEnd } from "./outbox.ts";
import {
  appendEvent,
  type ChangedRow,
  changed,
  findTask,
  type Sql,
  type Transaction,
} from "./transaction.ts";

export interface DeliveryStoreParts {
  readonly sql: Sql;
  readonly now: () => Timestamp;
  /** Whether this process executes, and so delivers. */
  readonly executes: () => boolean;
  readonly read: <T>(query: () => T) => T;
  readonly write: <T>(transition: (tx: Transaction) => T) => Promise<T>;
  /** Has other processes' commits noticed until the function that it returns was called. */
  readonly beginPolling: () => () => void;
}

export class SqliteDeliveries implements DeliveryStore {
  readonly #parts: DeliveryStoreParts;
  readonly #listeners = new Set<() => void>();

  constructor(parts: DeliveryStoreParts) {
    this.#parts = parts;
  }

  async lease({ ...request }: LeaseDeliveries): Promise<readonly LeasedMessage[]> {
    if (!this.#parts.executes()) return [];
    return this.#parts.write((tx) => leaseMessages(tx, request));
  }

  async settle({ ...outcome }: SettleDelivery): Promise<boolean> {
    return this.#parts.write((tx) => settleMessage(tx, outcome));
  }

  async release({ ...lease }: DeliveryLease): Promise<void> {
    return this.#parts.write((tx) => releaseMessage(tx, lease));
  }

  async claimEnd({ taskId }: { readonly taskId: TaskId }): Promise<boolean> {
    return this.#parts.write((tx) => claimEnd(tx, taskId));
  }

  async pending({ taskId }: { readonly taskId: TaskId }): Promise<readonly PendingDelivery[]> {
    const { sql, read, now } = this.#parts;
    return read(() => readPending(sql, now(), taskId));
  }

  async nextDueMs(): Promise<number | undefined> {
    const { sql, read, now, executes } = this.#parts;
    if (!executes()) return undefined;
    const row = read(() => sql("SELECT min(due_at) AS at FROM outboxes WHERE due_at IS NOT NULL").get());
    const at = row?.["at"] as Timestamp | null | undefined;
    return at == null ? undefined : Math.max(0, at - now());
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    const endPolling = this.#parts.beginPolling();
    return () => {
      this.#listeners.delete(listener);
      endPolling();
    };
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What a dead process had leased is due now. Only for the process that has just become the one that executes. */
export function recoverLeases(tx: Transaction): void {
  tx.sql("UPDATE outboxes SET lease = NULL, not_before = ?, due_at = ? WHERE lease IS NOT NULL").run(
    tx.now,
    tx.now,
  );
}

/** Of sessions that have nothing waiting, and whose rate need not be remembered any more. */
export function deleteEmptyOutboxes(tx: Transaction, limit: number): void {
  tx.sql(
    `DELETE FROM outboxes WHERE session IN (
       SELECT session FROM outboxes WHERE due_at IS NULL AND not_before <= ? LIMIT ?
     )`,
  ).run(tx.now, limit);
}

interface DeliveryRow {
  readonly position: number;
  readonly session: string;
  readonly task_id: TaskId;
  readonly key: string;
  readonly kind: DeliveryKind;
  readonly content: string | null;
  readonly at: Timestamp;
  readonly due_at: Timestamp;
  readonly state: "waiting" | "taken" | "alone";
}

interface OutboxRow {
  readonly session: string;
  readonly lease: string | null;
  readonly message: string | null;
  readonly failures: number;
  readonly failure: string | null;
}

function leaseMessages(tx: Transaction, { by, forMs, limit, entries }: LeaseDeliveries): LeasedMessage[] {
  const due = tx.sql("SELECT * FROM outboxes WHERE due_at <= ? ORDER BY due_at LIMIT ?").all(tx.now, limit);
  const leased: LeasedMessage[] = [];
  for (const outbox of due as unknown as OutboxRow[]) {
    const { session } = outbox;
    giveUp(tx, outbox);
    const taken = deliveryRows(tx, session, "taken");
    const rows = taken.length > 0 ? taken : chooseEntries(tx, session, entries);
    if (rows.length === 0) {
      finish(tx, session, 0);
      continue;
    }
    const again = taken.length > 0;
    const key = (again ? outbox.message : null) ?? messageKey(rows);
    const failures = again ? outbox.failures : 0;
    const until = tx.now + forMs;
    tx.sql(
      `UPDATE outboxes SET lease = ?, message = ?, failures = ?, not_before = ?, due_at = ? WHERE session = ?`,
    ).run(by, key, failures, until, until, session);
    leased.push({
      by,
      key,
      session: JSON.parse(session) as SessionContext,
      failures,
      entries: rows.map(toEntry),
    });
  }
  return leased;
}

function deliveryRows(tx: Transaction, session: string, state: "taken"): DeliveryRow[] {
  const rows = tx.sql(`${select} WHERE session = ? AND state = ? ${inOrder}`).all(session, state);
  return rows as unknown as DeliveryRow[];
}

const select = "SELECT position, session, task_id, key, kind, content, at, due_at, state FROM deliveries";
const inOrder = "ORDER BY kind = 'interim', due_at, position";

/** What is due, as much as fits: what is to be alone, alone. */
function chooseEntries(tx: Transaction, session: string, entries: number): DeliveryRow[] {
  const due = tx
    .sql(`${select} WHERE session = ? AND due_at <= ? ${inOrder} LIMIT ?`)
    .all(session, tx.now, entries) as unknown as DeliveryRow[];
  const alone = due.findIndex(({ state }) => state === "alone");
  const rows = alone === -1 ? due : due.slice(0, Math.max(1, alone));
  for (const { position } of rows) {
    tx.sql("UPDATE deliveries SET state = 'taken' WHERE position = ?").run(position);
  }
  return rows;
}

function messageKey(rows: readonly DeliveryRow[]): string {
  const [first, ...others] = rows.map(({ key }) => key);
  if (others.length === 0) return first ?? "";
  const hash = createHash("sha256").update(others.join(" ")).digest("hex").slice(0, 16);
  return `${first}-and-${others.length}-${hash}`;
}

function toEntry({ key, task_id, at, kind, content }: DeliveryRow): OutboxEntry {
  const head = { key, taskId: task_id, at };
  return { ...head, kind, ...(JSON.parse(content ?? "{}") as object) } as OutboxEntry;
}

/** What has waited too long, whether or not it was ever tried. */
function giveUp(tx: Transaction, { session, failure }: OutboxRow): void {
  const overdue = tx.sql(`${select} WHERE session = ? AND until <= ? ${inOrder}`).all(session, tx.now);
  const last = failure === null ? undefined : (JSON.parse(failure) as DeliveryFailure);
  const message = last === undefined ? "it was not delivered in time" : `${last.kind}: ${last.message}`;
  for (const row of overdue as unknown as DeliveryRow[]) {
    settleEntry(tx, row, { type: "undelivered", ...named(row), failure: { kind: "given-up", message } });
  }
}

function settleMessage(tx: Transaction, settled: SettleDelivery): boolean {
  const session = canonicalJson({ ...settled.session });
  const outbox = tx
    .sql("SELECT * FROM outboxes WHERE session = ? AND message = ?")
    .get(session, settled.key) as unknown as OutboxRow | undefined;
  if (outbox === undefined) return false;
  if (settled.outcome !== "delivered" && outbox.lease !== settled.by) return false;
  const rows = deliveryRows(tx, session, "taken");
  switch (settled.outcome) {
    case "delivered":
      for (const row of rows) settleEntry(tx, row, { type: "delivered", ...named(row) });
      finish(tx, session, settled.paceMs);
      return true;
    case "failed":
      failMessage(tx, outbox, rows, settled);
      return true;
    case "refused":
      refuseMessage(tx, rows, settled.failure);
      finish(tx, session, settled.paceMs);
      return true;
  }
}

function failMessage(
  tx: Transaction,
  { session, failures: before }: OutboxRow,
  rows: readonly DeliveryRow[],
  { failure, delayMs }: Extract<SettleDelivery, { readonly outcome: "failed" }>,
): void {
  const failures = before + 1;
  if (Number.isInteger(Math.log2(failures))) {
    for (const row of rows) {
      note(tx, row.task_id, { type: "delivery_failed", ...named(row), failure, failures, delayMs });
    }
  }
  tx.sql("UPDATE outboxes SET lease = NULL, not_before = ?, failures = ?, failure = ? WHERE session = ?").run(
    tx.now + delayMs,
    failures,
    JSON.stringify(failure),
    session,
  );
  refreshOutbox(tx, session);
}

function refuseMessage(tx: Transaction, rows: readonly DeliveryRow[], failure: DeliveryFailure): void {
  const [only, ...others] = rows;
  if (only !== undefined && others.length === 0) {
    settleEntry(tx, only, { type: "undelivered", ...named(only), failure });
    return;
  }
  for (const { position } of rows) {
    tx.sql("UPDATE deliveries SET state = 'alone' WHERE position = ?").run(position);
  }
}

function releaseMessage(tx: Transaction, { session, key, by }: DeliveryLease): void {
  const name = canonicalJson({ ...session });
  tx.sql(
    "UPDATE outboxes SET lease = NULL, not_before = ? WHERE session = ? AND message = ? AND lease = ?",
  ).run(tx.now, name, key, by);
  refreshOutbox(tx, name);
}

/** The session has no message under way. */
function finish(tx: Transaction, session: string, paceMs: number): void {
  tx.sql(
    `UPDATE outboxes SET lease = NULL, message = NULL, failures = 0, failure = NULL, not_before = ?
     WHERE session = ?`,
  ).run(tx.now + paceMs, session);
  refreshOutbox(tx, session);
}

function claimEnd(tx: Transaction, taskId: TaskId): boolean {
  const end = tx
    .sql(`${select} WHERE task_id = ? AND key = ? AND state <> 'taken' AND due_at > ?`)
    .get(taskId, keyOf(taskId, "end"), tx.now) as unknown as DeliveryRow | undefined;
  if (end === undefined) return false;
  settleEntry(tx, end, { type: "claimed" });
  refreshOutbox(tx, end.session);
  return true;
}

function settleEntry(tx: Transaction, row: DeliveryRow, entry: TimelineEntry): void {
  tx.sql("DELETE FROM deliveries WHERE position = ?").run(row.position);
  if (row.kind === "end") {
    const task = tx.sql("SELECT delivery FROM tasks WHERE id = ?").get(row.task_id);
    const delivery = withEnd((task?.["delivery"] as string | null | undefined) ?? null, endOf(entry, tx.now));
    // From now on the task is kept for its ttl.
    tx.sql("UPDATE tasks SET expires_at = ? + ttl_ms, delivery = ? WHERE id = ?").run(
      tx.now,
      delivery,
      row.task_id,
    );
  }
  note(tx, row.task_id, entry);
}

/** What became of a delivery is in the task's timeline, and nothing of the task itself. */
function note(tx: Transaction, taskId: TaskId, entry: TimelineEntry): void {
  const row = tx
    .sql("UPDATE tasks SET revision = revision + 1 WHERE id = ? RETURNING attempt, revision, status")
    .get(taskId) as ChangedRow | undefined;
  if (row === undefined) return;
  appendEvent(tx, taskId, row.revision, entry);
  changed(tx, taskId, row);
}

function named({ kind, key }: DeliveryRow): { readonly kind: DeliveryKind; readonly key: string } {
  return { kind, key };
}

function readPending(sql: Sql, now: Timestamp, taskId: TaskId): PendingDelivery[] {
  if (findTask(sql, now, taskId, undefined) === undefined) return [];
  return sql(
    `SELECT kind, key, at, deliveries.due_at, coalesce(failures, 0) AS failures, failure
     FROM deliveries LEFT JOIN outboxes ON outboxes.session = deliveries.session AND state = 'taken'
     WHERE task_id = ? ORDER BY position`,
  )
    .all(taskId)
    .map(toPending);
}

function toPending(row: Row): PendingDelivery {
  const { kind, key, at, due_at, failures, failure } = row as unknown as DeliveryRow & OutboxRow;
  return {
    kind,
    key,
    at,
    dueAt: due_at,
    failures,
    ...(failure !== null && { failure: JSON.parse(failure) as DeliveryFailure }),
  };
}
