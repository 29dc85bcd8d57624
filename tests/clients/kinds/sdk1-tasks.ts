/** `@modelcontextprotocol/sdk` 1.32 with its task API: the tasks of 2025-11-25. */
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  type Access,
  type Arguments,
  type Call,
  type CallOptions,
  Lost,
  type Outcome,
  outcomeOf,
  type Person,
  persist,
  Refused,
  type TestClient,
} from "../client.ts";
import { RpcError } from "./plain-tools.ts";
import { Sdk1Connection, sdk1Error } from "./sdk1-connection.ts";

interface TaskCall extends Call {
  readonly taskId: Promise<string>;
}

export class Sdk1Tasks implements TestClient {
  readonly #connection: Sdk1Connection;

  constructor(access: Access, person?: Person) {
    this.#connection = new Sdk1Connection(access, "sdk1-tasks", person);
  }

  call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): TaskCall {
    const created = Promise.withResolvers<string>();
    created.promise.catch(() => undefined);
    const progress: string[] = [];
    const outcome =
      patienceMs === undefined
        ? this.#stream(tool, args, progress, created.resolve)
        : this.#block(tool, args, patienceMs, created.resolve);
    outcome.catch(created.reject);
    const cancel = async (): Promise<void> => this.cancel(await created.promise);
    outcome.catch(() => undefined);
    return { tool, args, progress, outcome, cancel, taskId: created.promise };
  }

  async again(lost: Call): Promise<Outcome> {
    const taskId = await (lost as TaskCall).taskId;
    return persist(() => this.result(taskId));
  }

  status(taskId: string): Promise<string> {
    return this.#asked(async (client) => (await client.experimental.tasks.getTask(taskId)).status);
  }

  /** `tasks/result`, which waits for the end. */
  async result(taskId: string, timeout = 12_000): Promise<Outcome> {
    try {
      return await this.#asked(async ({ experimental: { tasks } }) =>
        outcomeOf(await tasks.getTaskResult(taskId, CallToolResultSchema, { timeout })),
      );
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message, data } = error;
      return { kind: "error", code, message, data };
    }
  }

  async cancel(taskId: string): Promise<void> {
    await this.#asked((client) => client.experimental.tasks.cancelTask(taskId));
  }

  async list(): Promise<readonly string[]> {
    const { tasks } = await this.#asked((client) => client.experimental.tasks.listTasks());
    return tasks.map(({ taskId }) => taskId);
  }

  leave(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** As the SDK has it: polls, and never asks for the result of a failed task, so that is done here. */
  async #stream(
    tool: string,
    args: Arguments,
    progress: string[],
    onTask: (taskId: string) => void,
  ): Promise<Outcome> {
    const { experimental } = await this.#connection.client();
    const stream = experimental.tasks.callToolStream({ name: tool, arguments: { ...args } }, undefined, {
      timeout: 12_000,
    });
    let last = { taskId: "", status: "" };
    for await (const message of stream) {
      switch (message.type) {
        case "taskCreated":
          onTask(message.task.taskId);
          break;
        case "taskStatus":
          last = message.task;
          if (message.task.statusMessage !== undefined) progress.push(message.task.statusMessage);
          break;
        case "result":
          return outcomeOf(message.result);
        case "error":
          if (last.status === "cancelled") return { kind: "cancelled" };
          if (last.status === "failed") return this.result(last.taskId);
          throw sdk1Error(message.error);
      }
    }
    throw new Lost("the stream of the task ended");
  }

  /** Asks for the result at once, and gives up when it takes too long. */
  async #block(
    tool: string,
    args: Arguments,
    patienceMs: number,
    onTask: (taskId: string) => void,
  ): Promise<Outcome> {
    const { experimental } = await this.#connection.client();
    for await (const message of experimental.tasks.callToolStream({ name: tool, arguments: { ...args } })) {
      if (message.type !== "taskCreated") continue;
      onTask(message.task.taskId);
      return this.result(message.task.taskId, patienceMs);
    }
    throw new Lost("no task was created");
  }

  async #asked<T>(ask: (client: Awaited<ReturnType<Sdk1Connection["client"]>>) => Promise<T>): Promise<T> {
    try {
      return await ask(await this.#connection.client());
    } catch (error) {
      const said = sdk1Error(error);
      if (said instanceof RpcError && said.code === -32_602) throw new Refused(said.message, said.code);
      throw said;
    }
  }
}
