/** The transitions by a running attempt. Each is fenced by the attempt's number. */
import { PerdureError } from "../../../task/errors.ts";
import type { TaskId } from "../../../task/id.ts";
import type { LogLine, Operation, Progress } from "../../../task/record.ts";
import { toOperation } from "../../sqlite/rows.ts";
import type { AttemptKey, CompleteTask, FailTask, RecordOperation, RetryTask } from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import { tellCallers } from "./waking.ts";
import type { EventRow, OperationRow } from "../rows.ts";
import type { Payload, UnitOfWork } from "../unit-of-work.ts";
import { endByAttempt } from "./ending.ts";
import { deliverInterim, dropQuestion } from "./outbox.ts";
import { changeByAttempt, requireAttempt } from "./shared.ts";

/** @param value the encoded value when done, the encoded failure when failed */
export function recordOperation(
  operation: RecordOperation,
  value: string | undefined,
): Transition<Operation> {
  const { taskId, name, kind, state, attempt } = operation;
  return {
    needs: { tasks: [taskId], named: [{ taskId, name }] },
    decide: (unit) => {
      const { revision, artifacts } = requireAttempt(unit, operation);
      const before = unit.operation(taskId, name);
      if (
        before !== undefined &&
        (before.kind !== kind || before.state === "done" || before.state === "failed")
      ) {
        throw new PerdureError("STEP_MISMATCH", {
          message:
            `task ${taskId} has already recorded an operation named ${JSON.stringify(name)}. ` +
            `A name is recorded once: put the key of a loop or branch into it.`,
        });
      }
      const row = unit.putOperation({
        task_id: taskId,
        name,
        kind,
        state,
        attempt,
        tries: state === "attempted" ? operation.tries : 0,
        value: value ?? null,
        recorded_at: unit.now,
        revision: revision + 1,
        wait: null,
        wake_at: state === "attempted" ? unit.now + operation.delayMs : null,
        question_key: null,
        child_id: null,
        child_asks: 0,
        asking: before?.asking ?? null,
      });
      const after = changeByAttempt(unit, operation, {
        crashes: 0,
        ...(kind === "ask" && { status: unit.statusOf(taskId) }),
        ...(kind === "artifact" && { artifacts: (artifacts ?? 0) + (state === "done" ? 1 : 0) }),
      });
      unit.event(taskId, revision + 1, { type: "operation", name, kind, state });
      if (kind === "ask") {
        dropQuestion(unit, after, before?.question_key ?? null);
        tellCallers(unit, taskId);
      }
      if (kind === "remember" && value !== undefined) {
        deliverInterim(unit, after, String(JSON.parse(value)), revision + 1);
      }
      return operationOf(row);
    },
  };
}

export function saveState(key: AttemptKey, state: Payload): Transition<void> {
  return {
    needs: { tasks: [key.taskId] },
    decide: (unit) => {
      changeByAttempt(unit, key, { crashes: 0 });
      unit.putPayload(key.taskId, "saved", state);
    },
  };
}

export function report(
  key: AttemptKey,
  {
    progress,
    logs,
    maxLogLines,
  }: { progress: Progress | undefined; logs: readonly LogLine[]; maxLogLines: number | undefined },
): Transition<void> {
  return {
    needs: { tasks: [key.taskId] },
    decide: (unit) => {
      const lines = requireAttempt(unit, key).log_lines + logs.length;
      const patch = {
        ...(progress !== undefined && { progress: JSON.stringify(progress) }),
        log_lines: lines,
      };
      const { revision } = changeByAttempt(unit, key, patch, Math.max(1, logs.length));
      for (const [i, line] of logs.entries()) {
        unit.event(key.taskId, revision - logs.length + 1 + i, { type: "log", ...line });
      }
      if (maxLogLines !== undefined && lines > maxLogLines && logs.length > 0)
        keepLogLines(unit, key.taskId, maxLogLines);
    },
  };
}

/** Of what is dropped, so many lines at once more than need be: the next drop is not at the next line. */
const droppedShare = 0.1;

/** Drops the oldest lines beyond `max`, and leaves in the place of the last of them how many there were. */
function keepLogLines(unit: UnitOfWork, taskId: TaskId, max: number): void {
  const lines = unit.task(taskId)?.log_lines ?? 0;
  const surplus = Math.min(lines, lines - max + Math.floor(max * droppedShare));
  const oldest: EventRow[] = [];
  let dropped = 0;
  let before = 0;
  for (const row of unit.logLines(taskId, surplus + 1)) {
    if (row.type === "log" && dropped === surplus) break;
    if (row.type === "log") dropped++;
    else before += (JSON.parse(row.detail ?? "{}") as { readonly lines: number }).lines;
    oldest.push(row);
  }
  const detail = JSON.stringify({ lines: before + dropped });
  for (const row of oldest) {
    const isLast = row === oldest.at(-1);
    unit.replaceEvent(row, isLast ? { ...row, at: unit.now, type: "dropped", detail } : undefined);
  }
  unit.update(taskId, { log_lines: lines - dropped });
}

/** @param result the encoded `completion.result` */
export function completeTask(completion: CompleteTask, result: string | undefined): Transition<void> {
  return {
    needs: { tasks: [completion.taskId] },
    decide: (unit) => {
      requireAttempt(unit, completion);
      if (result !== undefined) unit.putPayload(completion.taskId, "result", result);
      endByAttempt(unit, completion, { type: "completed" });
    },
  };
}

export function failTask({ failure, ...key }: FailTask): Transition<void> {
  return {
    needs: { tasks: [key.taskId] },
    decide: (unit) => endByAttempt(unit, key, { type: "failed", failure }),
  };
}

export function retryTask({ failure, delayMs, ...key }: RetryTask): Transition<void> {
  return {
    needs: { waits: [key.taskId] },
    decide: (unit) => {
      const { errors } = requireAttempt(unit, key);
      const { revision } = changeByAttempt(unit, key, {
        status: unit.statusOf(key.taskId),
        errors: errors + 1,
        running: 0,
        process: null,
        due_at: unit.now + delayMs,
        backs_off: 1,
      });
      const forgotten = unit.findOperations(
        ({ task_id, state }) => task_id === key.taskId && (state === "failed" || state === "attempted"),
      );
      for (const { name } of forgotten) unit.removeOperation(key.taskId, name);
      unit.event(key.taskId, revision, { type: "retry", failure, delayMs });
      unit.wakeExecutor();
    },
  };
}

export function releaseTask(key: AttemptKey): Transition<void> {
  return {
    needs: { tasks: [key.taskId] },
    decide: (unit) => {
      const { revision } = changeByAttempt(unit, key, { running: 0, process: null, due_at: unit.now });
      unit.event(key.taskId, revision, { type: "released", attempt: key.attempt });
      unit.wakeExecutor();
    },
  };
}

export function operationOf(row: OperationRow): Operation {
  return toOperation({ ...row });
}
