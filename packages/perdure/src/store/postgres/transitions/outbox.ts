/**
 * What the transitions of a task put into the outbox of its session, and take out again before it was sent: the end of
 * a task and its delivery are one commit. When an outbox is next due is kept as an *earliest* time: what is taken out
 * leaves it as it is, and whoever then finds nothing due says when.
 */
import type { TaskId } from "../../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../../task/json.ts";
import type { DeliveryKind, DeliveryPolicy, Question, Remembered, Timestamp } from "../../../task/record.ts";
import { type InterimContent, joined, keyOf, withEnd } from "../../sqlite/outbox.ts";
import type { LoadedTask } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";

/** A result that the caller itself has ended is not news to it. */
export function deliverEnd(unit: UnitOfWork, task: LoadedTask, byCaller: boolean): void {
  if (task.delivery === null) return;
  // Of an ended task the record keeps what was never answered.
  unit.dropQuestions(sessionOf(task), task.id);
  if (byCaller) {
    unit.update(task.id, { delivery: withEnd(task.delivery, { claimedAt: unit.now }) });
    return;
  }
  const policy = JSON.parse(task.delivery) as DeliveryPolicy;
  const keptMs = task.ttl_ms === null ? null : Math.max(task.ttl_ms, policy.keepMs);
  unit.update(task.id, { expires_at: keptMs === null ? null : unit.now + keptMs });
  put(unit, task, { policy, kind: "end", what: "end", dueAt: unit.now + policy.graceMs });
}

/** A request for the client's own model is nobody else's to answer. */
export function deliverQuestion(unit: UnitOfWork, task: LoadedTask, question: Question): void {
  if (task.delivery === null || question.mode === "sample") return;
  const policy = JSON.parse(task.delivery) as DeliveryPolicy;
  put(unit, task, {
    policy,
    kind: "question",
    what: `question-${question.key}`,
    dueAt: unit.now + policy.graceMs,
    content: JSON.stringify({ question }),
  });
}

/** A question is open no more: it is not sent, unless it was taken for a message. */
export function dropQuestion(unit: UnitOfWork, task: LoadedTask, questionKey: string | null): void {
  if (task.delivery === null || questionKey === null) return;
  unit.dropDelivery(sessionOf(task), keyOf(task.id, `question-${questionKey}`));
}

/** @param revision that the task has with it */
export function deliverInterim(unit: UnitOfWork, task: LoadedTask, text: string, revision: number): void {
  if (task.delivery === null) return;
  unit.requireInterim(task.id);
  const remembered: Remembered = { text, at: unit.now };
  const isWaiting = (row: { kind: DeliveryKind; state: string; task_id: TaskId }): boolean =>
    row.task_id === task.id && row.kind === "interim" && row.state === "waiting";
  const mine = unit.newDeliveries.findLast(isWaiting);
  const theirs = unit.deliveriesOf(isWaiting).toSorted((a, b) => b.position - a.position)[0];
  const before = mine ?? theirs;
  if (before === undefined) {
    put(unit, task, {
      policy: JSON.parse(task.delivery) as DeliveryPolicy,
      kind: "interim",
      what: `interim-${revision}`,
      dueAt: unit.now,
      content: JSON.stringify({ remembered: [remembered], omitted: 0 }),
    });
    return;
  }
  const content = JSON.stringify(joined(JSON.parse(before.content ?? "{}") as InterimContent, remembered));
  if (mine !== undefined) {
    unit.rewriteDelivery(mine.key, content);
  } else if (theirs !== undefined) {
    unit.updateDelivery(theirs.position, { content });
    unit.updateOutbox(theirs.session, {});
  }
}

export function sessionOf(task: LoadedTask): string {
  return canonicalJson(JSON.parse(task.session ?? "{}") as JsonValue);
}

interface NewDelivery {
  readonly policy: DeliveryPolicy;
  readonly kind: DeliveryKind;
  readonly what: string;
  readonly dueAt: Timestamp;
  readonly content?: string;
}

function put(unit: UnitOfWork, task: LoadedTask, { policy, kind, what, dueAt, content }: NewDelivery): void {
  unit.putDelivery({
    session: sessionOf(task),
    task_id: task.id,
    key: keyOf(task.id, what),
    kind,
    content: content ?? null,
    at: unit.now,
    due_at: dueAt,
    until: unit.now + policy.keepMs,
    state: "waiting",
  });
}
