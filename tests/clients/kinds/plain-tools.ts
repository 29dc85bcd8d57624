/**
 * What a model does that knows only tools: it calls, and where the answer is a hand-over, it waits with
 * `check_task_status` and takes the result with `get_task_results`. What is asked on the way it asks its user, and
 * brings the answer with `answer_task`.
 */
import { type Outcome, outcomeOf, type Person, Refused } from "../client.ts";

/** Calls a tool once, and gives its result. Throws a {@link RpcError} for a JSON-RPC error. */
export type CallTool = (name: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** A JSON-RPC error that the server answered. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export async function outcomeByTools(
  callTool: CallTool,
  name: string,
  args: object,
  person?: Person,
  onHandOver: (taskId: string) => void = () => undefined,
): Promise<Outcome> {
  const outcome = await asked(() => callTool(name, { ...args }));
  if (outcome.kind !== "result" || typeof outcome.structured?.["poll_after_seconds"] !== "number")
    return outcome;
  const taskId = String(outcome.structured["task_id"]);
  onHandOver(taskId);
  return waitByTools(callTool, taskId, person);
}

/** Waits for the end of a task by the generated tools. Without a person, what it asks ends the wait, too. */
export async function waitByTools(callTool: CallTool, taskId: string, person?: Person): Promise<Outcome> {
  for (;;) {
    const said = await lookByTools(callTool, taskId, 5);
    const status = String(said.structured?.["status"]);
    if (status === "cancelled") return { kind: "cancelled" };
    if (status === "working") continue;
    if (status !== "input_required" || person === undefined) return resultByTools(callTool, taskId);
    for (const question of questionsIn(said)) await answerByTools(callTool, taskId, question, person);
  }
}

interface ToolQuestion {
  readonly key: string;
  readonly message: string;
}

function questionsIn({ structured }: Extract<Outcome, { kind: "result" }>): readonly ToolQuestion[] {
  return (structured?.["questions"] ?? []) as readonly ToolQuestion[];
}

/** The tool says what did not fit, and the question stays; what is over meanwhile shows in the status. */
async function answerByTools(
  callTool: CallTool,
  taskId: string,
  { key, message }: ToolQuestion,
  person: Person,
): Promise<void> {
  for (let problem = ""; ;) {
    const answer = await person.answer(`${message}${problem}`);
    const said = outcomeOf(await callTool("answer_task", { task_id: taskId, key, ...answer }));
    if (said.kind !== "result" || !said.isError || !said.text.includes("does not fit")) return;
    problem = `\n${said.text}`;
  }
}

export async function statusByTools(callTool: CallTool, taskId: string, waitSeconds = 0): Promise<string> {
  return String((await lookByTools(callTool, taskId, waitSeconds)).structured?.["status"]);
}

async function lookByTools(callTool: CallTool, taskId: string, waitSeconds: number) {
  const args = { task_id: taskId, wait_seconds: waitSeconds };
  return known(outcomeOf(await callTool("check_task_status", args)));
}

export async function resultByTools(callTool: CallTool, taskId: string): Promise<Outcome> {
  const outcome = await asked(() => callTool("get_task_results", { task_id: taskId }));
  if (outcome.kind === "result") known(outcome);
  return outcome;
}

export async function cancelByTools(callTool: CallTool, taskId: string): Promise<void> {
  known(outcomeOf(await callTool("cancel_task", { task_id: taskId })));
}

export async function listByTools(callTool: CallTool): Promise<readonly string[]> {
  const { structured } = known(outcomeOf(await callTool("list_tasks", {})));
  const { tasks } = structured as { readonly tasks: readonly { readonly task_id: string }[] };
  return tasks.map(({ task_id: id }) => id);
}

async function asked(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return outcomeOf(await call());
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const { code, message, data } = error;
    return { kind: "error", code, message, data };
  }
}

function known(outcome: Outcome): Extract<Outcome, { kind: "result" }> {
  if (outcome.kind !== "result")
    throw new Error(`a tool result was expected, and ${JSON.stringify(outcome)} came`);
  if (outcome.isError && outcome.text.startsWith("There is no task ")) throw new Refused(outcome.text);
  return outcome;
}
