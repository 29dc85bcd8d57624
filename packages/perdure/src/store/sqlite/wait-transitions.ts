/**
 * Waiting: what an attempt opens and parks at, and what resolves it from outside.
 *
 * An open wait is an operation without a value. Whatever resolves it (a person's answer, a signal, the end of a child)
 * writes the value into the operation and makes a parked task due, in one transaction; time does so by `wake_at`, of
 * which the earliest is the parked task's `due_at`. A task is `input_required` while a question is open, its own or one
 * of a child that it waits for: every change of what is asked is told upwards (`waking.ts`).
 */
import { PerdureError, quote } from "../../task/errors.ts";
import type { Failure } from "../../task/failure.ts";
import type { TaskId } from "../../task/id.ts";
import { limitExceeded } from "../../task/limits.ts";
import type { Operation, Question, TaskSummary, Timestamp, Wait } from "../../task/record.ts";
import type {
  AnswerQuestion,
  AskAgain,
  AttemptKey,
  OpenCall,
  OpenedCall,
  OpenWait,
  Park,
  SendSignal,
  WaitRequest,
} from "../store.ts";
import { createTask } from "./caller-transitions.ts";
import type { Row } from "./driver.ts";
import { settleCalls } from "./ending.ts";
import { deliverQuestion, deliverQuestionsOf, dropClosedQuestions } from "./outbox.ts";
import { type TaskRow, toOperation } from "./rows.ts";
import {
  appendEvent,
  type ChangedRow,
  changed,
  findTask,
  requireAttempt,
  type Transaction,
  updateByAttempt,
} from "./transaction.ts";
import { resolveOperation, tellCallers, touch, wake } from "./waking.ts";

export function openWait(tx: Transaction, { name, wait, problem, ...key }: OpenWait): Operation {
  const held = requireAttempt(tx, key);
  const existing = findOperation(tx, key.taskId, name, wait.kind);
  if (existing !== undefined) {
    if (problem === undefined || existing["state"] !== "done") return toOperation(existing);
    tx.sql("DELETE FROM operations WHERE task_id = ? AND name = ?").run(key.taskId, name);
  }
  const signal = wait.kind === "signal" ? takeSignal(tx, key.taskId, name) : undefined;
  if (signal !== undefined) {
    return insertOperation(tx, key, held, { name, kind: "signal", state: "done", value: signal.value });
  }
  return insertOperation(tx, key, held, {
    name,
    kind: wait.kind,
    state: "open",
    wait: toWait(tx, held.revision + 1, wait, problem),
  });
}

/** @param input the encoded `call.child.input` */
export function openCall(
  tx: Transaction,
  { name, child, ...key }: OpenCall,
  input: string | undefined,
): OpenedCall {
  const held = requireAttempt(tx, key);
  const { owner } = held;
  const existing = findOperation(tx, key.taskId, name, "call");
  if (existing !== undefined) return { operation: toOperation(existing) };
  const { task, created } = createTask(tx, { ...child, owner, parentId: key.taskId }, input);
  if (!created && task.phase !== "ended") refuseCycle(tx, key.taskId, task);
  const opened = insertOperation(tx, key, held, {
    name,
    kind: "call",
    state: "open",
    wait: { kind: "call", childId: task.id },
  });
  // An idempotency key may have found a task that asks already, or has ended long ago.
  if (task.status === "input_required") {
    tellCallers(tx, task.id, task.status);
    deliverQuestionsOf(tx, task.id);
  }
  if (task.phase !== "ended")
    return { operation: opened, ...(created && task.phase === "running" && { begun: task }) };
  settleCalls(tx, task.id);
  return { operation: toOperation(findOperation(tx, key.taskId, name, "call") ?? {}) };
}

/** A child that was found, and waits for its caller: neither would ever end. */
function refuseCycle(tx: Transaction, callerId: TaskId, child: TaskSummary): void {
  const waits = tx
    .sql(
      `WITH RECURSIVE awaited (id) AS (
         VALUES (?)
         UNION SELECT child_id FROM operations JOIN awaited ON task_id = id WHERE state = 'open' AND child_id IS NOT NULL
       ) SELECT 1 FROM awaited WHERE id = ?`,
    )
    .get(child.id, callerId);
  if (waits === undefined) return;
  const who = child.id === callerId ? "is the caller itself" : "waits for its caller";
  throw new PerdureError("CALL_CYCLE", {
    message:
      `the idempotency key ${quote(child.idempotencyKey)} of tool ${child.tool} names task ${child.id}, which ${who}: ` +
      `the call would never end. Call with a key of its own, or without one.`,
  });
}

export function park(tx: Transaction, { waits, ...key }: Park): boolean {
  requireAttempt(tx, key);
  const open = new Map(openOperations(tx, key.taskId).map((row) => [row["name"] as string, row]));
  let earliest: Timestamp | null = null;
  for (const name of waits) {
    const row = open.get(name);
    if (row === undefined) return false;
    const at = row["wake_at"] as Timestamp | null;
    // Only of those it stands at: a sleep that is over stays open, and would wake it again and again.
    if (at !== null && (earliest === null || at < earliest)) earliest = at;
  }
  const { revision } = updateByAttempt(tx, key, "running = 0, due_at = ?", [earliest]);
  const until = earliest === null ? {} : { until: earliest };
  appendEvent(tx, key.taskId, revision, { type: "parked", attempt: key.attempt, ...until });
  tx.due = true;
  return true;
}

export function answerQuestion(
  tx: Transaction,
  answer: AnswerQuestion,
  content: string | undefined,
): boolean | undefined {
  const task = findTask(tx.sql, tx.now, answer.taskId, answer.owner);
  if (task === undefined) return undefined;
  const row = openQuestion(tx, task, answer.key);
  if (row === undefined) return false;
  const name = row["name"] as string;
  if (answer.action === "accept") resolveOperation(tx, task.id, name, "done", content ?? null);
  else resolveOperation(tx, task.id, name, "failed", JSON.stringify(declined(row, answer.action)));
  wake(tx, task.id, "ask", (revision) =>
    appendEvent(tx, task.id, revision, { type: "answered", key: answer.key, action: answer.action }),
  );
  dropClosedQuestions(tx, task.id, task.delivery);
  return true;
}

export function askAgain(tx: Transaction, { taskId, owner, key, problem }: AskAgain): boolean | undefined {
  const task = findTask(tx.sql, tx.now, taskId, owner);
  if (task === undefined) return undefined;
  const row = openQuestion(tx, task, key);
  if (row === undefined) return false;
  const { question } = JSON.parse(row["wait"] as string) as Extract<Wait, { kind: "ask" }>;
  const again = {
    ...question,
    key: questionKey(task.revision + 1),
    message: withProblem(question.message, problem),
  };
  tx.sql("UPDATE operations SET wait = ?, question_key = ? WHERE task_id = ? AND name = ?").run(
    JSON.stringify({ kind: "ask", question: again }),
    again.key,
    taskId,
    row["name"] as string,
  );
  dropClosedQuestions(tx, taskId, task.delivery);
  deliverQuestion(tx, taskId, task.delivery, again);
  tellCallers(tx, taskId, touch(tx, taskId).status);
  return true;
}

export function sendSignal(
  tx: Transaction,
  signal: SendSignal,
  value: string | undefined,
): boolean | undefined {
  const task = findTask(tx.sql, tx.now, signal.taskId, signal.owner);
  if (task === undefined) return undefined;
  if (task.ended_at !== null) return false;
  const open = tx
    .sql("SELECT name FROM operations WHERE task_id = ? AND name = ? AND kind = 'signal' AND state = 'open'")
    .get(task.id, signal.name);
  if (open === undefined) {
    refuseMany(tx, signal);
    tx.sql("INSERT INTO signals (task_id, name, revision, value) VALUES (?, ?, ?, ?)").run(
      task.id,
      signal.name,
      task.revision + 1,
      value ?? null,
    );
    touch(tx, task.id);
  } else {
    resolveOperation(tx, task.id, signal.name, "done", value ?? null);
    wake(tx, task.id, "signal");
  }
  return true;
}

function findOperation(tx: Transaction, taskId: TaskId, name: string, kind: Wait["kind"]): Row | undefined {
  const row = tx.sql("SELECT * FROM operations WHERE task_id = ? AND name = ?").get(taskId, name);
  if (row === undefined || row["kind"] === kind) return row;
  throw new PerdureError("STEP_MISMATCH", {
    message: `${quote(name)} was recorded as a ${String(row["kind"])} and is now a ${kind}. Give the new one another name.`,
  });
}

type Recorded =
  | { readonly name: string; readonly kind: Wait["kind"]; readonly state: "open"; readonly wait: Wait }
  | {
      readonly name: string;
      readonly kind: Wait["kind"];
      readonly state: "done";
      readonly value: string | null;
    };

/** @param held the task before, whose attempt is known to hold it */
function insertOperation(
  tx: Transaction,
  key: AttemptKey,
  held: Pick<TaskRow, "revision" | "status" | "delivery">,
  operation: Recorded,
): Operation {
  const { name, kind, state } = operation;
  const wait = state === "open" ? operation.wait : undefined;
  const after: ChangedRow = {
    attempt: key.attempt,
    revision: held.revision + 1,
    status: wait?.kind === "ask" ? "input_required" : held.status,
  };
  tx.sql("UPDATE tasks SET crashes = 0, status = ?, revision = ?, updated_at = ? WHERE id = ?").run(
    after.status,
    after.revision,
    tx.now,
    key.taskId,
  );
  changed(tx, key.taskId, after);
  const row = {
    name,
    kind,
    state,
    attempt: key.attempt,
    tries: 0,
    value: state === "done" ? operation.value : null,
    wait: wait === undefined ? null : JSON.stringify(wait),
    wake_at: wait === undefined ? null : wakeAt(wait),
    recorded_at: tx.now,
  };
  tx.sql(
    `INSERT INTO operations (task_id, name, kind, state, attempt, tries, value, wait, wake_at, question_key, child_id,
       recorded_at, revision)
     VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    key.taskId,
    name,
    kind,
    state,
    key.attempt,
    row.value,
    row.wait,
    row.wake_at,
    wait?.kind === "ask" ? wait.question.key : null,
    wait?.kind === "call" ? wait.childId : null,
    tx.now,
    after.revision,
  );
  appendEvent(tx, key.taskId, after.revision, { type: "operation", name, kind, state });
  if (wait?.kind === "ask") {
    deliverQuestion(tx, key.taskId, held.delivery, wait.question);
    tellCallers(tx, key.taskId, after.status);
  }
  return toOperation(row);
}

/** @param revision that the task has with it */
function toWait(tx: Transaction, revision: number, request: WaitRequest, problem: string | undefined): Wait {
  switch (request.kind) {
    case "sleep":
      return { kind: "sleep", until: "until" in request ? request.until : tx.now + request.ms };
    case "signal":
      return { kind: "signal", ...untilOf(tx, request.timeoutMs) };
    case "ask": {
      const question: Question = {
        ...request.question,
        message:
          problem === undefined ? request.question.message : withProblem(request.question.message, problem),
        key: questionKey(revision),
        ...untilOf(tx, request.timeoutMs),
      };
      return { kind: "ask", question };
    }
  }
}

function untilOf(tx: Transaction, timeoutMs: number | undefined): { until?: Timestamp } {
  return timeoutMs === undefined ? {} : { until: tx.now + timeoutMs };
}

function wakeAt(wait: Wait): Timestamp | null {
  switch (wait.kind) {
    case "sleep":
      return wait.until;
    case "ask":
      return wait.question.until ?? null;
    case "signal":
      return wait.until ?? null;
    case "call":
      return null;
  }
}

/** Never used twice in the life of a task: revisions only rise. */
function questionKey(revision: number): string {
  return `q${revision}`;
}

function withProblem(message: string, problem: string): string {
  const [question = message] = message.split(problemMark);
  return `${question}${problemMark}${problem}`;
}

const problemMark = "\n\nThe last answer did not fit: ";

function declined(row: Row, action: "decline" | "cancel"): Failure {
  const verb = action === "decline" ? "declined" : "dismissed";
  return {
    code: "DECLINED",
    name: "DeclinedError",
    message: `the question ${quote(row["name"])} was ${verb}.`,
    retryable: false,
    data: { action },
  };
}

function openOperations(tx: Transaction, taskId: TaskId): Row[] {
  return tx.sql("SELECT * FROM operations WHERE task_id = ? AND state IN ('open', 'attempted')").all(taskId);
}

function openQuestion(tx: Transaction, task: TaskRow, key: string): Row | undefined {
  if (task.ended_at !== null) return undefined;
  return tx
    .sql(
      `SELECT * FROM operations WHERE task_id = ? AND question_key = ? AND state = 'open'
         AND (wake_at IS NULL OR wake_at > ?)`,
    )
    .get(task.id, key, tx.now);
}

function refuseMany(tx: Transaction, { taskId, name, maxKept = 1_000 }: SendSignal): void {
  const kept = tx.sql("SELECT count(*) AS kept FROM signals WHERE task_id = ?").get(taskId)?.["kept"];
  if (Number(kept) < maxKept) return;
  const came = `task ${taskId} keeps ${Number(kept)} signals that nobody has waited for, and ${quote(name)} was not kept`;
  throw limitExceeded("signals", came, maxKept, "Wait for them in the handler (waitUntil)");
}

function takeSignal(
  tx: Transaction,
  taskId: TaskId,
  name: string,
): { readonly value: string | null } | undefined {
  const row = tx
    .sql("SELECT revision, value FROM signals WHERE task_id = ? AND name = ? ORDER BY revision LIMIT 1")
    .get(taskId, name);
  if (row === undefined) return undefined;
  tx.sql("DELETE FROM signals WHERE task_id = ? AND name = ? AND revision = ?").run(
    taskId,
    name,
    Number(row["revision"]),
  );
  return { value: row["value"] as string | null };
}
