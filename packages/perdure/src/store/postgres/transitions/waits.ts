/** What an attempt opens and parks at. An open wait is an operation without a value. */
import { PerdureError, quote } from "../../../task/errors.ts";
import type { TaskId } from "../../../task/id.ts";
import type { Operation, Question, TaskRecord, Timestamp, Wait } from "../../../task/record.ts";
import type { AttemptKey, OpenCall, OpenedCall, OpenWait, Park, WaitRequest } from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import type { OperationRow } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { operationOf } from "./attempt.ts";
import { create, needsOf } from "./create.ts";
import { settleCalls } from "./ending.ts";
import { deliverQuestion, deliverQuestionsOf } from "./outbox.ts";
import { questionKey, withProblem } from "./questions.ts";
import { changeByAttempt, requireAttempt } from "./shared.ts";
import { tellCallers } from "./waking.ts";

export function openWait({ name, wait, problem, ...key }: OpenWait): Transition<Operation> {
  return {
    needs: { tasks: [key.taskId], named: [{ taskId: key.taskId, name }] },
    decide: (unit) => {
      const { revision } = requireAttempt(unit, key);
      const existing = findOperation(unit, key.taskId, name, wait.kind);
      if (existing !== undefined && (problem === undefined || existing.state !== "done")) {
        return operationOf(existing);
      }
      const signal = wait.kind === "signal" ? unit.takeSignal(key.taskId, name) : undefined;
      if (signal !== undefined) {
        return insertOperation(unit, key, { name, kind: "signal", state: "done", value: signal.value });
      }
      const opened = toWait(unit, revision + 1, wait, problem);
      return insertOperation(unit, key, { name, kind: wait.kind, state: "open", wait: opened });
    },
  };
}

/** @param input the encoded `call.child.input` */
export function openCall(
  { name, child, ...key }: OpenCall,
  input: string | undefined,
): Transition<OpenedCall> {
  const { idempotencyKey } = child;
  return {
    needs: { tasks: [key.taskId], named: [{ taskId: key.taskId, name }] },
    needsIfTaken: { tasks: [child.id] },
    decide: (unit) => {
      const { owner } = requireAttempt(unit, key);
      const existing = findOperation(unit, key.taskId, name, "call");
      if (existing !== undefined) return { operation: operationOf(existing) };
      const asked = { ...child, owner, parentId: key.taskId };
      if (idempotencyKey !== undefined) unit.requireKey(needsOf(asked));
      const { created, task } = create(unit, asked, input);
      // Whoever is about to end that task has to look again.
      if (!created) unit.update(task.id, { family: true });
      if (!created && task.phase !== "ended") refuseCycle(unit, key.taskId, task);
      const wait = { kind: "call", childId: task.id } as const;
      const opened = insertOperation(unit, key, { name, kind: "call", state: "open", wait });
      // An idempotency key may have found a task that asks already, or has ended long ago.
      if (task.status === "input_required") {
        tellCallers(unit, task.id);
        deliverQuestionsOf(unit, task.id);
      }
      if (task.phase !== "ended") {
        return { operation: opened, ...(created && task.phase === "running" && { begun: task }) };
      }
      settleCalls(unit, task.id);
      const settled = unit.operation(key.taskId, name);
      return { operation: settled === undefined ? opened : operationOf(settled) };
    },
  };
}

/** A child that was found, and waits for its caller: neither would ever end. */
function refuseCycle(unit: UnitOfWork, callerId: TaskId, child: TaskRecord): void {
  unit.requireAwaited(child.id);
  const awaited = new Set<TaskId>([child.id]);
  for (const id of awaited) {
    const calls = unit.findOperations(({ task_id, state }) => task_id === id && state === "open");
    for (const { child_id } of calls) if (child_id !== null) awaited.add(child_id);
  }
  if (!awaited.has(callerId)) return;
  const who = child.id === callerId ? "is the caller itself" : "waits for its caller";
  throw new PerdureError("CALL_CYCLE", {
    message:
      `the idempotency key ${quote(child.idempotencyKey)} of tool ${child.tool} names task ${child.id}, which ${who}: ` +
      `the call would never end. Call with a key of its own, or without one.`,
  });
}

export function park({ waits, ...key }: Park): Transition<boolean> {
  return {
    needs: { waits: [key.taskId] },
    decide: (unit) => {
      requireAttempt(unit, key);
      let earliest: Timestamp | null = null;
      for (const name of waits) {
        const row = unit.operation(key.taskId, name);
        if (row === undefined || (row.state !== "open" && row.state !== "attempted")) return false;
        // Only of those it stands at: a sleep that is over stays open, and would wake it again and again.
        if (row.wake_at !== null && (earliest === null || row.wake_at < earliest)) earliest = row.wake_at;
      }
      const { revision } = changeByAttempt(unit, key, { running: 0, process: null, due_at: earliest });
      const until = earliest === null ? {} : { until: earliest };
      unit.event(key.taskId, revision, { type: "parked", attempt: key.attempt, ...until });
      unit.wakeExecutor();
      return true;
    },
  };
}

function findOperation(
  unit: UnitOfWork,
  taskId: TaskId,
  name: string,
  kind: Wait["kind"],
): OperationRow | undefined {
  const row = unit.operation(taskId, name);
  if (row === undefined || row.kind === kind) return row;
  throw new PerdureError("STEP_MISMATCH", {
    message: `${quote(name)} was recorded as a ${row.kind} and is now a ${kind}. Give the new one another name.`,
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

function insertOperation(unit: UnitOfWork, key: AttemptKey, operation: Recorded): Operation {
  const { name, kind, state } = operation;
  const wait = operation.state === "open" ? operation.wait : undefined;
  const asks = wait?.kind === "ask";
  const after = changeByAttempt(unit, key, { crashes: 0, ...(asks && { status: "input_required" }) });
  const { revision } = after;
  const row = unit.putOperation({
    task_id: key.taskId,
    name,
    kind,
    state,
    attempt: key.attempt,
    tries: 0,
    value: operation.state === "done" ? operation.value : null,
    recorded_at: unit.now,
    revision,
    wait: wait === undefined ? null : JSON.stringify(wait),
    wake_at: wait === undefined ? null : wakeAt(wait),
    question_key: wait?.kind === "ask" ? wait.question.key : null,
    child_id: wait?.kind === "call" ? wait.childId : null,
    child_asks: 0,
    asking: null,
  });
  unit.event(key.taskId, revision, { type: "operation", name, kind, state });
  if (wait?.kind === "ask") {
    deliverQuestion(unit, after, wait.question);
    tellCallers(unit, key.taskId);
  }
  return operationOf(row);
}

/** @param revision that the task has with it */
function toWait(unit: UnitOfWork, revision: number, request: WaitRequest, problem: string | undefined): Wait {
  switch (request.kind) {
    case "sleep":
      return { kind: "sleep", until: "until" in request ? request.until : unit.now + request.ms };
    case "signal":
      return { kind: "signal", ...untilOf(unit, request.timeoutMs) };
    case "ask": {
      const { message } = request.question;
      const question: Question = {
        ...request.question,
        message: problem === undefined ? message : withProblem(message, problem),
        key: questionKey(revision),
        ...untilOf(unit, request.timeoutMs),
      };
      return { kind: "ask", question };
    }
  }
}

function untilOf(unit: UnitOfWork, timeoutMs: number | undefined): { until?: Timestamp } {
  return timeoutMs === undefined ? {} : { until: unit.now + timeoutMs };
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
