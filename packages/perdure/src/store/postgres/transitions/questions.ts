/** Answers to what a task asks, signals to it, and who puts a question to a person. */
import { quote } from "../../../task/errors.ts";
import type { Failure } from "../../../task/failure.ts";
import { limitExceeded } from "../../../task/limits.ts";
import type { Timestamp, Wait } from "../../../task/record.ts";
import type {
  AnswerQuestion,
  AskAgain,
  LeaseQuestion,
  QuestionKey,
  QuestionLease,
  RefuseQuestion,
  SendSignal,
} from "../../store.ts";
import type { Transition } from "../commit-group.ts";
import type { LoadedTask, OperationRow } from "../rows.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { deliverQuestion, dropQuestion } from "./outbox.ts";
import { change, findTask } from "./shared.ts";
import { resolveOperation, tellCallers, wake } from "./waking.ts";

export function answerQuestion(
  answer: AnswerQuestion,
  content: string | undefined,
): Transition<boolean | undefined> {
  return {
    needs: { waits: [answer.taskId] },
    decide: (unit) => {
      const task = findTask(unit, answer.taskId, answer.owner);
      if (task === undefined) return undefined;
      const row = openQuestion(unit, task, answer.key);
      if (row === undefined) return false;
      if (answer.action === "accept") resolveOperation(unit, row, "done", content ?? null);
      else resolveOperation(unit, row, "failed", JSON.stringify(declined(row, answer.action)));
      wake(unit, task.id, "ask", (revision) =>
        unit.event(task.id, revision, { type: "answered", key: answer.key, action: answer.action }),
      );
      dropQuestion(unit, task, answer.key);
      return true;
    },
  };
}

export function askAgain({ taskId, owner, key, problem }: AskAgain): Transition<boolean | undefined> {
  return {
    needs: { waits: [taskId] },
    decide: (unit) => {
      const task = findTask(unit, taskId, owner);
      if (task === undefined) return undefined;
      const row = openQuestion(unit, task, key);
      if (row === undefined) return false;
      const { question } = JSON.parse(row.wait ?? "null") as Extract<Wait, { kind: "ask" }>;
      const again = {
        ...question,
        key: questionKey(task.revision + 1),
        message: withProblem(question.message, problem),
      };
      const wait = JSON.stringify({ kind: "ask", question: again });
      unit.putOperation({ ...row, wait, question_key: again.key });
      change(unit, taskId, {});
      dropQuestion(unit, task, key);
      deliverQuestion(unit, task, again);
      tellCallers(unit, taskId);
      return true;
    },
  };
}

export function sendSignal(signal: SendSignal, value: string | undefined): Transition<boolean | undefined> {
  const { taskId, owner, name } = signal;
  return {
    needs: { tasks: [taskId], named: [{ taskId, name }] },
    decide: (unit) => {
      const task = findTask(unit, taskId, owner);
      if (task === undefined) return undefined;
      if (task.ended_at !== null) return false;
      const open = unit.operation(taskId, name);
      if (open?.kind === "signal" && open.state === "open") {
        resolveOperation(unit, open, "done", value ?? null);
        wake(unit, taskId, "signal");
      } else {
        refuseMany(unit, signal);
        unit.addSignal({ task_id: taskId, name, revision: task.revision + 1, value: value ?? null });
        change(unit, taskId, {});
      }
      return true;
    },
  };
}

function refuseMany(unit: UnitOfWork, { taskId, name, maxKept = 1_000 }: SendSignal): void {
  const kept = unit.signalsOf(taskId);
  if (kept < maxKept) return;
  const came = `task ${taskId} keeps ${kept} signals that nobody has waited for, and ${quote(name)} was not kept`;
  throw limitExceeded("signals", came, maxKept, "Wait for them in the handler (waitUntil)");
}

// ── who puts a question to a person: one client at a time, and each client once ──────────────────────────────────

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

export function leaseQuestion(lease: LeaseQuestion): Transition<QuestionLease | undefined> {
  return {
    needs: { waits: [lease.taskId] },
    decide: (unit) => {
      const found = readAsking(unit, lease);
      if (found === undefined) return undefined;
      const { row, asking } = found;
      const known = asking.asked[lease.by];
      if (known === false || (asking.by !== lease.by && asking.until > unit.now)) return "elsewhere";
      const asks = known === undefined || (known === lease.via && lease.heard === false);
      writeAsking(unit, row, {
        ...asking,
        by: lease.by,
        until: unit.now + lease.forMs,
        asked: asks ? { ...asking.asked, [lease.by]: lease.via } : asking.asked,
      });
      return asks ? "ask" : "asked";
    },
  };
}

export function refuseQuestion(refusal: RefuseQuestion): Transition<void> {
  return {
    needs: { waits: [refusal.taskId] },
    decide: (unit) => {
      const found = readAsking(unit, refusal);
      if (found === undefined) return;
      const { row, asking } = found;
      const until = asking.by === refusal.by ? 0 : asking.until;
      writeAsking(unit, row, { ...asking, until, asked: { ...asking.asked, [refusal.by]: false } });
    },
  };
}

function readAsking(
  unit: UnitOfWork,
  { taskId, key }: QuestionKey,
): { readonly row: OperationRow; readonly asking: Asking } | undefined {
  const row = questionOf(unit, taskId, key);
  if (row === undefined) return undefined;
  const asking = row.asking === null ? undefined : (JSON.parse(row.asking) as Asking);
  const fresh: Asking = { key, by: "", until: 0, asked: {} };
  return { row, asking: asking?.key === key ? asking : fresh };
}

function writeAsking(unit: UnitOfWork, row: OperationRow, asking: Asking): void {
  const asked = Object.fromEntries(Object.entries(asking.asked).slice(-keptNames));
  unit.putOperation({ ...row, asking: JSON.stringify({ ...asking, asked }) });
  // No change that anybody would see; but of two processes that ask at once, one has to look again.
  unit.update(row.task_id, {});
}

// ── questions ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Never used twice in the life of a task: revisions only rise. */
export function questionKey(revision: number): string {
  return `q${revision}`;
}

export function withProblem(message: string, problem: string): string {
  const [question = message] = message.split(problemMark);
  return `${question}${problemMark}${problem}`;
}

const problemMark = "\n\nThe last answer did not fit: ";

function openQuestion(unit: UnitOfWork, task: LoadedTask, key: string): OperationRow | undefined {
  return task.ended_at === null ? questionOf(unit, task.id, key) : undefined;
}

function questionOf(unit: UnitOfWork, taskId: string, key: string): OperationRow | undefined {
  const [row] = unit.findOperations(
    (operation) =>
      operation.task_id === taskId &&
      operation.question_key === key &&
      operation.state === "open" &&
      (operation.wake_at === null || operation.wake_at > unit.now),
  );
  return row;
}

function declined(row: OperationRow, action: "decline" | "cancel"): Failure {
  const verb = action === "decline" ? "declined" : "dismissed";
  return {
    code: "DECLINED",
    name: "DeclinedError",
    message: `the question ${quote(row.name)} was ${verb}.`,
    retryable: false,
    data: { action },
  };
}
