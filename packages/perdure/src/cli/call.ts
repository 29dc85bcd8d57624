/**
 * `perdure call`: one call of a tool, whichever way the server answers it. The call is held with a live bar; where it is
 * handed over, the command waits for the task as a model would, and then fetches the result. On Ctrl-C the command
 * goes and the task goes on, unless it was told to cancel.
 */
import type { CallToolResult } from "@modelcontextprotocol/client";
import type { JsonObject } from "../task/json.ts";
import type { Connection, Credentials } from "./connection.ts";
import { parseArguments } from "./arguments.ts";
import { type ExitCode, exitCodes } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { progressLine, type ProgressLine, silentLine } from "./progress-line.ts";
import { ServerSource } from "./tasks/server-source.ts";
import { documentOf, handOverOf, textOf } from "./tool-answer.ts";
import type { Report } from "./bar.ts";

export interface CallOptions extends Credentials {
  readonly arg: readonly string[];
  readonly jsonArgs?: string;
  /** False: a hand-over is the answer. */
  readonly wait: boolean;
  readonly cancelOnInterrupt: boolean;
}

export async function call(
  connection: Connection,
  tool: string,
  options: CallOptions,
  out: Output,
): Promise<ExitCode> {
  const { inputSchema } = await connection.tool(tool);
  const input = parseArguments(inputSchema, options.arg, options.jsonArgs);
  const live = out.json ? silentLine : progressLine(tool);
  using interrupt = new Interrupt();
  const running = new Call({ connection, tool, options, out, live, interrupt });
  try {
    return await running.run(input);
  } finally {
    live.stop();
    await running.close();
  }
}

interface CallParts {
  readonly connection: Connection;
  readonly tool: string;
  readonly options: CallOptions;
  readonly out: Output;
  readonly live: ProgressLine;
  readonly interrupt: Interrupt;
}

class Call {
  readonly #parts: CallParts;
  readonly #tasks: ServerSource;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#tasks = new ServerSource(parts.connection.url, parts.options, parts.connection);
  }

  async run(input: JsonObject): Promise<ExitCode> {
    const { connection, tool, options, live, interrupt } = this.#parts;
    const cancellation = new AbortController();
    const startedAt = Date.now();
    const held = connection.call(tool, input, {
      onprogress: ({ progress, total, message }) => live.report({ done: progress, total, message }),
      resetTimeoutOnProgress: true,
      signal: cancellation.signal,
    });
    const result = await interrupt.before(held);
    if (result === undefined) {
      if (options.cancelOnInterrupt) return this.#cancelHeld(cancellation, startedAt);
      return this.#leave(await this.#tasksSince(startedAt));
    }
    const handOver = handOverOf(result, tool);
    if (handOver === undefined) return this.#answer(result);
    return options.wait ? this.#follow(handOver.task_id) : this.#answer(result, handOver.task_id);
  }

  /** Also what was connected anew meanwhile. */
  async close(): Promise<void> {
    await this.#tasks.close();
  }

  /** Waits for a task that the call was handed over to. */
  async #follow(taskId: string): Promise<ExitCode> {
    const { connection, live, out, options, interrupt } = this.#parts;
    live.beside(() => out.advice(`handed over as task ${taskId}; waiting for it`));
    const news = this.#tasks.watch(taskId, true)[Symbol.asyncIterator]();
    for (;;) {
      const next = await interrupt.before(news.next());
      if (next === undefined) {
        if (!options.cancelOnInterrupt) return this.#leave([taskId]);
        await this.#tasks.cancel(taskId, "Ctrl-C");
        return this.#cancelled(taskId);
      }
      if (next.done === true) break;
      if (next.value.type === "progress") live.report(next.value as unknown as Report);
      if (next.value.type === "disconnected") {
        live.beside(() => out.advice(`${connection.url} is away; the task is waited for`));
      }
    }
    const { document, status, text } = await this.#tasks.result(taskId);
    live.stop();
    out.answer(document, text);
    return status === "completed" ? exitCodes.ok : exitCodes.failed;
  }

  #answer(result: CallToolResult, taskId?: string): ExitCode {
    const { live, out } = this.#parts;
    const failed = result.isError === true;
    const status = taskId === undefined ? (failed ? "failed" : "completed") : "working";
    live.stop();
    out.answer(
      { ...(taskId !== undefined && { task_id: taskId }), status, result: documentOf(result) },
      textOf(result),
    );
    return failed ? exitCodes.failed : exitCodes.ok;
  }

  /** A held call does not tell its task; the open tasks of this tool that were created since it began are few. */
  async #tasksSince(startedAt: number): Promise<readonly string[]> {
    try {
      const working = await this.#tasks.list({ status: "working", limit: 50 });
      return (
        working
          // The server has a clock of its own.
          .filter(
            ({ tool, created_at }) => tool === this.#parts.tool && Date.parse(created_at) > startedAt - 1_000,
          )
          .map(({ task_id }) => task_id)
      );
    } catch {
      return [];
    }
  }

  #leave(taskIds: readonly string[]): ExitCode {
    const { connection, live, out, tool } = this.#parts;
    live.stop();
    const [taskId] = taskIds;
    const watch = `perdure tasks watch ${connection.url}`;
    const known =
      taskIds.length === 1
        ? `${tool} goes on as task ${taskId}. Wait for it: ${watch} ${taskId}`
        : taskIds.length === 0
          ? `Nobody waits for ${tool} any more. Look for it: perdure tasks list ${connection.url}`
          : `${tool} goes on as one of the tasks ${taskIds.join(", ")}. Wait for one: ${watch} ID`;
    const named = taskIds.length === 1 ? { task_id: taskId } : { candidates: [...taskIds] };
    out.answer({ status: "detached", ...named }, known);
    return exitCodes.interrupted;
  }

  /** As MCP has it, by a notification; and by the tool, where the server lets a call go and its task on. */
  async #cancelHeld(cancellation: AbortController, startedAt: number): Promise<ExitCode> {
    cancellation.abort("cancelled by Ctrl-C");
    await this.#parts.connection.ping();
    const [taskId, ...others] = await this.#tasksSince(startedAt);
    if (taskId === undefined) return this.#cancelled(undefined);
    if (others.length > 0) return this.#leave([taskId, ...others]);
    await this.#tasks.cancel(taskId, "Ctrl-C");
    return this.#cancelled(taskId);
  }

  #cancelled(taskId: string | undefined): ExitCode {
    const { live, out, tool } = this.#parts;
    live.stop();
    out.answer(
      { status: "cancelled", ...(taskId !== undefined && { task_id: taskId }) },
      `${tool} was cancelled.`,
    );
    return exitCodes.interrupted;
  }
}
