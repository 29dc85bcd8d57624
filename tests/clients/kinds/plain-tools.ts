/**
 * What a model does that knows only tools: it calls, and where the answer is a hand-over, it waits with
 * `check_task_status` and takes the result with `get_task_results`.
 */
import { type Outcome, outcomeOf, Refused } from "../client.ts";

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

export async function outcomeByTools(callTool: CallTool, name: string, args: object): Promise<Outcome> {
  const outcome = await asked(() => callTool(name, { ...args }));
  if (outcome.kind !== "result" || typeof outcome.structured?.["poll_after_seconds"] !== "number")
    return outcome;
  return waitByTools(callTool, String(outcome.structured["task_id"]));
}

/** Waits for the end of a task by the generated tools. */
export async function waitByTools(callTool: CallTool, taskId: string): Promise<Outcome> {
  for (;;) {
    const status = await statusByTools(callTool, taskId, 5);
    if (status === "cancelled") return { kind: "cancelled" };
    if (status !== "working") return resultByTools(callTool, taskId);
  }
}

export async function statusByTools(callTool: CallTool, taskId: string, waitSeconds = 0): Promise<string> {
  const said = known(
    outcomeOf(await callTool("check_task_status", { task_id: taskId, wait_seconds: waitSeconds })),
  );
  return String(said.structured?.["status"]);
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
