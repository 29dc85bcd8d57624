/** A call of a durable tool: answered with a task, or held; and its questions, before there is a task and afterwards. */
import { DeclinedError } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject, JsonValue } from "../../task/json.ts";
import { CallEnd, cancelledByClient, disconnected } from "../call/call-end.ts";
import { FirstQuestions } from "../call/first-questions.ts";
import { type HeldCall, holdCall, refusal, submitCall, waitForOutcome } from "../call/held-call.ts";
import { questionsOf } from "../call/questions.ts";
import { invalidParams, toolError } from "../call/tool-result.ts";
import type { ServedTask } from "../service.ts";
import { giveAnswers } from "./answers.ts";
import { missingTasks, stamp } from "./envelope.ts";
import { toInputRequests } from "./input-requests.ts";
import type { Round } from "./round.ts";
import { createdTask, startedTask } from "./task-view.ts";

type Answers = HeldCall["answers"];

export async function serveTaskCall(round: Round, task: ServedTask): Promise<void> {
  const { state, envelope } = round;
  if (task.start === "task" && !envelope.declaresTasks) return round.answer({ error: missingTasks });
  if (state !== undefined && "taskId" in state) return goOn(round, task, state.taskId);
  const answers = await askBefore(round, task);
  if (answers === "ended") return;
  if (envelope.declaresTasks) await startTask(round, task, answers);
  else await hold(round, task, (call) => holdCall(round.service, { ...call, answers }));
}

/** The answers to what is asked before there is a task; or the round has ended, with questions or for good. */
async function askBefore(round: Round, task: ServedTask): Promise<Answers | "ended"> {
  const { before } = task;
  const { askable } = round.envelope;
  const asks = Object.values(before ?? {});
  if (before === undefined || !asks.every(({ url }) => askable.has(url === undefined ? "form" : "url"))) {
    return undefined;
  }
  const questions = new FirstQuestions(round.answers, askable);
  try {
    // Nobody is asked for a call that will be refused.
    await task.tool.parseInput(round.call.arguments);
    const open = await Promise.race([questions.askAll(before), questions.asked]);
    if (round.exchange.gone.aborted) return "ended";
    if (Array.isArray(open)) {
      await round.askFirst(open, questions.kept);
      return "ended";
    }
  } catch (error) {
    round.answer({ result: error instanceof DeclinedError ? toolError(error.message) : refusal(error) });
    return "ended";
  }
  return contentsOf(questions);
}

function contentsOf({ kept }: FirstQuestions): Answers {
  return Object.fromEntries(
    [...kept].map(([name, { content }]): [string, JsonValue] => [name, content ?? null]),
  );
}

async function startTask(round: Round, task: ServedTask, answers: Answers): Promise<void> {
  const { service, exchange, call } = round;
  let created;
  try {
    created = await submitCall(service, { ...call, task, answers }, undefined);
  } catch (error) {
    return round.answer({ result: refusal(error) });
  }
  const { created: isNew, task: record } = created;
  exchange.result(
    stamp(service, isNew ? createdTask(service, record) : await startedTask(service, record), "task"),
  );
}

/** The task asked, and the client has made its call again. */
async function goOn(round: Round, task: ServedTask, taskId: TaskId): Promise<void> {
  const { service, exchange, call, envelope } = round;
  const key = { taskId, owner: call.caller.owner };
  const { store } = service.runtime;
  if ((await store.summary(key)) === undefined) return exchange.error(invalidParams("Task not found"));
  await giveAnswers(service, key, round.responses);
  if (!envelope.declaresTasks) {
    return hold(round, task, (wait) => waitForOutcome(service, wait, taskId));
  }
  const now = await store.summary(key);
  if (now === undefined) exchange.error(invalidParams("Task not found"));
  else exchange.result(stamp(service, await startedTask(service, now), "task"));
}

/** Keeps the call open, until its task asks something that the client can be asked. */
async function hold(
  round: Round,
  task: ServedTask,
  wait: (call: HeldCall) => ReturnType<typeof holdCall>,
): Promise<void> {
  const { service, exchange, call, envelope } = round;
  const end = endOf(exchange.gone, task);
  let asked: { readonly taskId: TaskId; readonly inputRequests: JsonObject } | undefined;
  const outcome = await wait({
    ...call,
    task,
    signal: end.signal,
    onAsked: async ({ id: taskId }) => {
      const inputRequests = toInputRequests(await questionsOf(service, taskId), envelope.askable);
      if (Object.keys(inputRequests).length === 0) return false;
      asked = { taskId, inputRequests };
      // Until the client comes again, an equal call may join: it may have forgotten this one.
      end.abort(new CallEnd("detach", "the client is asked"));
      return true;
    },
  });
  if (exchange.gone.aborted) return;
  if (outcome !== undefined) round.answer(outcome);
  else if (asked !== undefined) await round.ask(asked.inputRequests, { taskId: asked.taskId });
}

/** Aborted with what the end of the exchange means for the task. */
function endOf(gone: AbortSignal, task: ServedTask): AbortController {
  const end = new AbortController();
  const stop = (): void => {
    const reason: unknown = gone.reason;
    const meant: CallEnd =
      typeof reason === "string" ? cancelledByClient(reason) : disconnected("2026", task);
    end.abort(meant);
  };
  if (gone.aborted) stop();
  else gone.addEventListener("abort", stop, { once: true });
  return end;
}
