/**
 * What the transitions of a task put into the outbox of its session, and take out again before it was sent: the end of
 * a task and its delivery are one commit. When an outbox is next due is kept as an *earliest* time: what is taken out
 * leaves it as it is, and whoever then finds nothing due says when.
 */
import type { TaskId } from "../../../task/id.ts";
import { canonicalJson, type JsonValue } from "../../../task/json.ts";
import type {
  DeliveryKind,
  DeliveryPolicy,
  Question,
  Remembered,
  Timestamp,
  Wait,
} from "../../../task/record.ts";
import { type InterimContent, joined, keyOf, withEnd } from "../../sqlite/outbox.ts";
import type { LoadedTask, OperationRow } from "../rows.ts";
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
  if (question.mode === "sample") return;
  if (task.delivery !== null) putQuestion(unit, task, undefined, question);
  for (const caller of callersOf(unit, task.id)) putQuestion(unit, caller, task.id, question);
}

/** What a task asks already that another now waits for: it, and whoever waits for it, ask that from now on. */
export function deliverQuestionsOf(unit: UnitOfWork, childId: TaskId): void {
  const callers = callersOf(unit, childId);
  if (callers.length === 0) return;
  unit.requireAwaited(childId);
  const asking = new Set<TaskId>([childId]);
  for (const id of asking) {
    for (const { child_id } of unit.findOperations(isOpenOf(id))) if (child_id !== null) asking.add(child_id);
  }
  unit.requireWaits([...asking]);
  for (const askerId of asking) {
    for (const row of unit.findOperations(isOpenOf(askerId))) {
      const wait = JSON.parse(row.wait ?? "null") as Wait | null;
      if (wait?.kind !== "ask" || wait.question.mode === "sample") continue;
      for (const caller of callers) putQuestion(unit, caller, askerId, wait.question);
    }
  }
}

const isOpenOf =
  (id: TaskId) =>
  ({ task_id, state }: OperationRow): boolean =>
    task_id === id && state === "open";

/** Whoever waits for a task, up to the first caller: a child's question is delivered to theirs, having no session. */
function callersOf(unit: UnitOfWork, taskId: TaskId): LoadedTask[] {
  unit.requireCallers(taskId);
  const waiting = new Set<TaskId>([taskId]);
  for (const id of waiting) {
    const calls = unit.findOperations(({ child_id, state }) => child_id === id && state === "open");
    for (const { task_id } of calls) waiting.add(task_id);
  }
  waiting.delete(taskId);
  return unit.find(({ id, delivery, ended_at }) => waiting.has(id) && delivery !== null && ended_at === null);
}

function putQuestion(
  unit: UnitOfWork,
  task: LoadedTask,
  askerId: TaskId | undefined,
  question: Question,
): void {
  const policy = JSON.parse(task.delivery ?? "{}") as DeliveryPolicy;
  put(unit, task, {
    policy,
    kind: "question",
    what: `question-${askerId ?? ""}${question.key}`,
    dueAt: unit.now + policy.graceMs,
    content: JSON.stringify({ question, askerId }),
    askerId,
  });
}

/** A question is open no more: it is not sent, unless it was taken for a message. */
export function dropQuestion(unit: UnitOfWork, task: LoadedTask, questionKey: string | null): void {
  if (questionKey === null) return;
  if (task.delivery !== null) unit.dropDelivery(sessionOf(task), keyOf(task.id, `question-${questionKey}`));
  for (const caller of callersOf(unit, task.id)) {
    unit.dropDelivery(sessionOf(caller), keyOf(caller.id, `question-${task.id}${questionKey}`));
  }
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
  readonly askerId?: TaskId | undefined;
}

function put(unit: UnitOfWork, task: LoadedTask, delivery: NewDelivery): void {
  const { policy, kind, what, dueAt, content, askerId } = delivery;
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
    asker_id: askerId ?? null,
  });
}
