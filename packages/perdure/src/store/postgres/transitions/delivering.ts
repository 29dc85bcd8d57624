/** The outbox, as whoever delivers empties it: what of a session is due is leased as one message, and settled. */
import { createHash } from "node:crypto";
import type { TaskId } from "../../../task/id.ts";
import { canonicalJson } from "../../../task/json.ts";
import type { DeliveryFailure, DeliveryKind, SessionContext, TimelineEntry } from "../../../task/record.ts";
import type {
  DeliveryLease,
  LeaseDeliveries,
  LeasedMessage,
  OutboxEntry,
  SettleDelivery,
} from "../../deliveries.ts";
import { endOf, withEnd } from "../../sqlite/outbox.ts";
import type { Transition } from "../commit-group.ts";
import type { DeliveryRow, LoadedOutbox } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";

/** @param sessions those that are due: another process may be faster */
export function leaseMessages(
  { by, forMs, entries }: LeaseDeliveries,
  sessions: readonly string[],
): Transition<readonly LeasedMessage[]> {
  return {
    needs: { outboxes: { sessions, entries } },
    decide: (unit) => {
      const leased: LeasedMessage[] = [];
      for (const session of sessions) {
        const outbox = unit.outbox(session);
        if (outbox?.due_at == null || outbox.due_at > unit.now) continue;
        giveUp(unit, outbox);
        const taken = takenOf(unit, session);
        const rows = taken.length > 0 ? taken : chooseEntries(unit, session, entries);
        if (rows.length === 0) {
          finish(unit, session, Math.max(0, outbox.not_before - unit.now));
          continue;
        }
        const again = taken.length > 0;
        const key = (again ? outbox.message : null) ?? messageKey(rows);
        const failures = again ? outbox.failures : 0;
        const until = unit.now + forMs;
        unit.updateOutbox(session, {
          lease: by,
          process: unit.process,
          message: key,
          failures,
          not_before: until,
          due_at: until,
        });
        leased.push({
          by,
          key,
          session: JSON.parse(session) as SessionContext,
          failures,
          entries: rows.map(toEntry),
        });
      }
      return leased;
    },
  };
}

export function settleMessage(settled: SettleDelivery): Transition<boolean> {
  const session = canonicalJson({ ...settled.session });
  return {
    needs: { outboxes: { sessions: [session], entries: 1 } },
    decide: (unit) => {
      const outbox = unit.outbox(session);
      if (outbox === undefined || outbox.message !== settled.key) return false;
      if (settled.outcome !== "delivered" && outbox.lease !== settled.by) return false;
      const rows = takenOf(unit, session);
      switch (settled.outcome) {
        case "delivered":
          for (const row of rows) settleEntry(unit, row, { type: "delivered", ...named(row) });
          finish(unit, session, settled.paceMs);
          return true;
        case "failed":
          failMessage(unit, outbox, rows, settled);
          return true;
        case "refused":
          refuseMessage(unit, rows, settled.failure);
          finish(unit, session, settled.paceMs);
          return true;
      }
    },
  };
}

export function releaseMessage({ session, key, by }: DeliveryLease): Transition<void> {
  const name = canonicalJson({ ...session });
  return {
    needs: { outboxes: { sessions: [name], entries: 1 } },
    decide: (unit) => {
      const outbox = unit.outbox(name);
      if (outbox?.message !== key || outbox.lease !== by) return;
      setDue(unit, name, { lease: null, process: null, not_before: unit.now });
    },
  };
}

export function claimEnd({ taskId }: { readonly taskId: TaskId }): Transition<boolean> {
  return {
    needs: { ends: [taskId] },
    decide: (unit) => {
      const [end] = unit.deliveriesOf(
        (row) =>
          row.task_id === taskId && row.kind === "end" && row.state !== "taken" && row.due_at > unit.now,
      );
      if (end === undefined || unit.task(taskId) === undefined) return false;
      settleEntry(unit, end, { type: "claimed" });
      unit.updateOutbox(end.session, {});
      return true;
    },
  };
}

function takenOf(unit: UnitOfWork, session: string): DeliveryRow[] {
  return unit.deliveriesOf((row) => row.session === session && row.state === "taken");
}

/** What is due, as much as fits: what is to be alone, alone. */
function chooseEntries(unit: UnitOfWork, session: string, entries: number): DeliveryRow[] {
  const due = unit.deliveriesOf((row) => row.session === session && row.due_at <= unit.now).slice(0, entries);
  const alone = due.findIndex(({ state }) => state === "alone");
  const rows = alone === -1 ? due : due.slice(0, Math.max(1, alone));
  for (const { position } of rows) unit.updateDelivery(position, { state: "taken" });
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
function giveUp(unit: UnitOfWork, { session, failure }: LoadedOutbox): void {
  const last = failure === null ? undefined : (JSON.parse(failure) as DeliveryFailure);
  const message = last === undefined ? "it was not delivered in time" : `${last.kind}: ${last.message}`;
  for (const row of unit.deliveriesOf((one) => one.session === session && one.until <= unit.now)) {
    settleEntry(unit, row, { type: "undelivered", ...named(row), failure: { kind: "given-up", message } });
  }
}

function failMessage(
  unit: UnitOfWork,
  { session, failures: before }: LoadedOutbox,
  rows: readonly DeliveryRow[],
  { failure, delayMs }: Extract<SettleDelivery, { readonly outcome: "failed" }>,
): void {
  const failures = before + 1;
  if (Number.isInteger(Math.log2(failures))) {
    for (const row of rows) {
      note(unit, row.task_id, { type: "delivery_failed", ...named(row), failure, failures, delayMs });
    }
  }
  const not_before = unit.now + delayMs;
  setDue(unit, session, {
    lease: null,
    process: null,
    not_before,
    failures,
    failure: JSON.stringify(failure),
  });
}

function refuseMessage(unit: UnitOfWork, rows: readonly DeliveryRow[], failure: DeliveryFailure): void {
  const [only, ...others] = rows;
  if (only !== undefined && others.length === 0) {
    settleEntry(unit, only, { type: "undelivered", ...named(only), failure });
    return;
  }
  for (const { position } of rows) unit.updateDelivery(position, { state: "alone" });
}

/** The session has no message under way. */
function finish(unit: UnitOfWork, session: string, paceMs: number): void {
  setDue(unit, session, {
    lease: null,
    process: null,
    message: null,
    failures: 0,
    failure: null,
    not_before: unit.now + paceMs,
  });
}

/** With when its next message is due: of what was read and of what was not. */
function setDue(
  unit: UnitOfWork,
  session: string,
  patch: Partial<LoadedOutbox> & { not_before: number },
): void {
  const rest = unit.outbox(session)?.rest_due ?? null;
  const known = unit.deliveriesOf((row) => row.session === session).map(({ due_at }) => due_at);
  const earliest = Math.min(...known, rest ?? Number.POSITIVE_INFINITY);
  const due_at = Number.isFinite(earliest) ? Math.max(patch.not_before, earliest) : null;
  unit.updateOutbox(session, { ...patch, due_at });
}

function settleEntry(unit: UnitOfWork, row: DeliveryRow, entry: TimelineEntry): void {
  unit.updateDelivery(row.position, undefined);
  const task = unit.task(row.task_id);
  if (task === undefined) return;
  if (row.kind === "end") {
    unit.update(task.id, {
      // From now on the task is kept for its ttl.
      expires_at: task.ttl_ms === null ? null : unit.now + task.ttl_ms,
      delivery: withEnd(task.delivery, endOf(entry, unit.now)),
    });
  }
  note(unit, task.id, entry);
}

/** What became of a delivery is in the task's timeline, and nothing of the task itself. */
function note(unit: UnitOfWork, taskId: TaskId, entry: TimelineEntry): void {
  const task = unit.task(taskId);
  if (task === undefined) return;
  const row = unit.update(taskId, { revision: task.revision + 1 });
  unit.event(taskId, row.revision, entry);
  unit.tell(taskId, row);
}

function named({ kind, key }: DeliveryRow): { readonly kind: DeliveryKind; readonly key: string } {
  return { kind, key };
}
