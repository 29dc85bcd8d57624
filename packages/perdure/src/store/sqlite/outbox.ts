/**
 * What the transitions of a task put into the outbox of its session, and take out again before it was sent. Each is
 * called within the transition that it belongs to: the end of a task and its delivery are one commit.
 */
import type { TaskId } from "../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../task/json.ts";
import type {
  DeliveryKind,
  DeliveryPolicy,
  EndDelivery,
  Question,
  Remembered,
  TimelineEntry,
  Timestamp,
} from "../../task/record.ts";
import { readQuestions } from "./reads.ts";
import type { Transaction } from "./transaction.ts";

/** Of a task that nothing is delivered of, its column `delivery` is null, and this costs nothing. */
export type DeliveryColumn = string | null;

/** What of interim results waits in one entry; the earliest are left out, and counted. */
const maxRemembered = 20;
const maxRememberedLength = 32_768;

/** A result that the caller itself has ended is not news to it. */
export function deliverEnd(
  tx: Transaction,
  taskId: TaskId,
  delivery: DeliveryColumn,
  byCaller: boolean,
): void {
  if (delivery === null) return;
  // Of an ended task the record keeps what was never answered.
  drop(tx, "task_id = ? AND kind = 'question' AND state <> 'taken'", taskId);
  if (byCaller) {
    tx.sql("UPDATE tasks SET delivery = ? WHERE id = ?").run(
      withEnd(delivery, { claimedAt: tx.now }),
      taskId,
    );
    return;
  }
  const policy = JSON.parse(delivery) as DeliveryPolicy;
  tx.sql("UPDATE tasks SET expires_at = ? + max(ttl_ms, ?) WHERE id = ?").run(tx.now, policy.keepMs, taskId);
  put(tx, { taskId, policy, kind: "end", what: "end", dueAt: tx.now + policy.graceMs });
}

/** A request for the client's own model is nobody else's to answer. */
export function deliverQuestion(
  tx: Transaction,
  taskId: TaskId,
  delivery: DeliveryColumn,
  question: Question,
): void {
  if (question.mode === "sample") return;
  if (delivery !== null) putQuestion(tx, { taskId, delivery, question });
  for (const caller of callersOf(tx, taskId)) putQuestion(tx, { ...caller, askerId: taskId, question });
}

/** What a task asks already that another now waits for: it, and whoever waits for it, ask that from now on. */
export function deliverQuestionsOf(tx: Transaction, childId: TaskId): void {
  const callers = callersOf(tx, childId);
  if (callers.length === 0) return;
  for (const { taskId: askerId, question } of readQuestions(tx.sql, tx.now, childId)) {
    if (question.mode === "sample") continue;
    for (const caller of callers) putQuestion(tx, { ...caller, askerId, question });
  }
}

/** Whoever waits for a task, up to the first caller: a child's question is delivered to theirs, having no session. */
function callersOf(
  tx: Transaction,
  taskId: TaskId,
): { readonly taskId: TaskId; readonly delivery: string }[] {
  return tx
    .sql(
      `WITH RECURSIVE waiting (id) AS (
         SELECT task_id FROM operations WHERE child_id = ? AND state = 'open'
         UNION SELECT task_id FROM operations JOIN waiting ON child_id = id WHERE state = 'open'
       ) SELECT tasks.id, delivery FROM waiting JOIN tasks ON tasks.id = waiting.id
         WHERE delivery IS NOT NULL AND ended_at IS NULL`,
    )
    .all(taskId)
    .map((row) => ({ taskId: row["id"] as TaskId, delivery: row["delivery"] as string }));
}

interface AskedFor {
  readonly taskId: TaskId;
  readonly delivery: string;
  /** Absent: the task itself asks. */
  readonly askerId?: TaskId;
  readonly question: Question;
}

function putQuestion(tx: Transaction, { taskId, delivery, askerId, question }: AskedFor): void {
  const policy = JSON.parse(delivery) as DeliveryPolicy;
  put(tx, {
    taskId,
    policy,
    kind: "question",
    what: `question-${askerId ?? ""}${question.key}`,
    dueAt: tx.now + policy.graceMs,
    content: JSON.stringify({ question, askerId }),
    askerId,
  });
}

/** @param revision that the task has with it */
export function deliverInterim(
  tx: Transaction,
  taskId: TaskId,
  delivery: DeliveryColumn,
  text: string,
  revision: number,
): void {
  if (delivery === null) return;
  const remembered: Remembered = { text, at: tx.now };
  const waiting = tx
    .sql(
      `SELECT position, content FROM deliveries WHERE task_id = ? AND kind = 'interim' AND state = 'waiting'
       ORDER BY position DESC LIMIT 1`,
    )
    .get(taskId);
  if (waiting === undefined) {
    put(tx, {
      taskId,
      policy: JSON.parse(delivery) as DeliveryPolicy,
      kind: "interim",
      what: `interim-${revision}`,
      dueAt: tx.now,
      content: JSON.stringify({ remembered: [remembered], omitted: 0 }),
    });
    return;
  }
  const before = JSON.parse(waiting["content"] as string) as InterimContent;
  tx.sql("UPDATE deliveries SET content = ? WHERE position = ?").run(
    JSON.stringify(joined(before, remembered)),
    waiting["position"] as number,
  );
}

export interface InterimContent {
  readonly remembered: readonly Remembered[];
  readonly omitted: number;
}

export function joined({ remembered, omitted }: InterimContent, next: Remembered): InterimContent {
  const kept = [...remembered, next];
  let length = kept.reduce((sum, { text }) => sum + text.length, 0);
  let left = omitted;
  while (kept.length > maxRemembered || (length > maxRememberedLength && kept.length > 1)) {
    length -= kept.shift()?.text.length ?? 0;
    left++;
  }
  return { remembered: kept, omitted: left };
}

/** The questions of a task that are open no more, of those that were not taken for a message yet. */
export function dropClosedQuestions(tx: Transaction, taskId: TaskId, delivery: DeliveryColumn): void {
  if (delivery !== null) {
    drop(tx, `task_id = ? AND asker_id IS NULL AND kind = 'question' AND ${isClosed}`, taskId);
  }
  drop(tx, `asker_id = ? AND ${isClosed}`, taskId);
}

const isClosed = `state <> 'taken' AND key NOT IN (
  SELECT deliveries.task_id || '-question-' || coalesce(asker_id, '') || question_key FROM operations
  WHERE task_id = coalesce(asker_id, deliveries.task_id) AND state = 'open' AND question_key IS NOT NULL
)`;

/** The task that asked them has ended. */
export function dropAskedBy(tx: Transaction, askerId: TaskId): void {
  drop(tx, "asker_id = ? AND state <> 'taken'", askerId);
}

/** The task is deleted. */
export function dropDeliveries(tx: Transaction, taskId: TaskId): void {
  drop(tx, "task_id = ?", taskId);
}

function drop(tx: Transaction, condition: string, taskId: TaskId): void {
  const dropped = tx.sql(`DELETE FROM deliveries WHERE ${condition} RETURNING session`).all(taskId);
  for (const row of dropped) refreshOutbox(tx, row["session"] as string);
}

/** The column of a task whose end is settled so. */
export function withEnd(delivery: string | null, end: EndDelivery): string {
  return JSON.stringify({ ...(JSON.parse(delivery ?? "{}") as DeliveryPolicy), ...end });
}

export function endOf(entry: TimelineEntry, now: Timestamp): EndDelivery {
  switch (entry.type) {
    case "delivered":
      return { deliveredAt: now };
    case "undelivered":
      return { undelivered: entry.failure };
    default:
      return { claimedAt: now };
  }
}

/** `TASK-end`, `TASK-question-q5`, `TASK-question-CHILDq5`, `TASK-interim-7`. */
export function keyOf(taskId: TaskId, what: string): string {
  return `${taskId}-${what}`;
}

/** After entries of a session went: when its next message is due. */
export function refreshOutbox(tx: Transaction, session: string): void {
  tx.outbox.touched = true;
  tx.sql(
    `UPDATE outboxes SET due_at = (
       SELECT max(outboxes.not_before, min(due_at)) FROM deliveries WHERE session = outboxes.session
     ) WHERE session = ?`,
  ).run(session);
}

interface NewDelivery {
  readonly taskId: TaskId;
  readonly policy: DeliveryPolicy;
  readonly kind: DeliveryKind;
  readonly what: string;
  readonly dueAt: Timestamp;
  readonly content?: string;
  readonly askerId?: TaskId | undefined;
}

function put(tx: Transaction, { taskId, policy, kind, what, dueAt, content, askerId }: NewDelivery): void {
  const row = tx.sql("SELECT session FROM tasks WHERE id = ?").get(taskId);
  const session = canonicalJson(JSON.parse((row?.["session"] as string | null) ?? "{}") as JsonValue);
  tx.sql(
    `INSERT INTO deliveries (session, task_id, key, kind, content, at, due_at, until, state, asker_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT DO NOTHING`,
  ).run(
    session,
    taskId,
    keyOf(taskId, what),
    kind,
    content ?? null,
    tx.now,
    dueAt,
    tx.now + policy.keepMs,
    askerId ?? null,
  );
  tx.sql(
    `INSERT INTO outboxes (session, due_at, not_before, failures) VALUES (?, ?, 0, 0)
     ON CONFLICT DO UPDATE SET due_at =
       CASE WHEN due_at IS NULL THEN max(not_before, excluded.due_at)
       ELSE min(due_at, max(not_before, excluded.due_at)) END`,
  ).run(session, dueAt);
  tx.outbox.touched = true;
}
