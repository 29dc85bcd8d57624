/** `@modelcontextprotocol/client` 2.4 with `ext-tasks`: the tasks of 2026-07-28. */
import type { Client } from "@modelcontextprotocol/client";
import {
  type ApplicationInputRequest,
  createTaskSessionFromClient,
  JsonRpcResponseError,
  type SerializedTaskReference,
  type TaskController,
  type TaskEnabledSession,
  type ToolExecution,
} from "@modelcontextprotocol/ext-tasks/client";
import { taskId as toTaskId } from "@modelcontextprotocol/ext-tasks/core";
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
  sampled,
  type TestClient,
} from "../client.ts";
import { client2, transport2 } from "./client2-connection.ts";
import { dispatchOver, dispatchOverHttp } from "./ext-tasks-dispatch.ts";
import { Lasting } from "./lasting.ts";
import { capabilitiesOf } from "./tools-client.ts";

const clientInfo = { name: "ext-tasks", version: "1.0.0" };

interface TaskCall extends Call {
  readonly execution: Promise<ToolExecution<unknown>>;
}

interface Connection {
  readonly client: Client;
  readonly session: TaskEnabledSession;
}

export class ExtTasks implements TestClient {
  readonly #connection: Lasting<Connection>;

  constructor(access: Access, person?: Person) {
    this.#connection = new Lasting((gone) => connect(access, person, gone));
  }

  call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): TaskCall {
    const progress: string[] = [];
    const execution = this.#session().then((session) => session.callTool<unknown>(tool, { ...args }));
    const outcome = execution.then((begun) => settle(begun, progress, patienceMs), lost);
    const cancel = async (): Promise<void> => (await execution).cancel();
    outcome.catch(() => undefined);
    return { tool, args, progress, outcome, cancel, execution };
  }

  async again(call: Call): Promise<Outcome> {
    const execution = await (call as TaskCall).execution;
    if (execution.kind !== "task") throw new Error("the call was not answered with a task");
    const reference = execution.serializeReference();
    await execution.detach();
    return persist(() => this.#resume(reference));
  }

  status(taskId: string): Promise<string> {
    return this.#asked(taskId, async (task) => (await task.snapshot()).status);
  }

  result(taskId: string): Promise<Outcome> {
    return this.#asked(taskId, async (task) => toOutcome(await task.result()));
  }

  cancel(taskId: string): Promise<void> {
    return this.#asked(taskId, (task) => task.cancel());
  }

  async list(): Promise<readonly string[]> {
    const { tasks } = await (await this.#session()).listTasks();
    return tasks.map(({ taskId }) => taskId);
  }

  async leave(): Promise<void> {
    const connection = await this.#connection.current();
    await connection?.client.close();
  }

  /** It cancels what is still open. */
  async close(): Promise<void> {
    const connection = await this.#connection.current();
    await connection?.session.close();
    await connection?.client.close();
  }

  async #resume(reference: SerializedTaskReference): Promise<Outcome> {
    const session = await this.#session();
    return settle(await session.resumeTask<unknown>(reference), []);
  }

  async #session(): Promise<TaskEnabledSession> {
    return (await this.#connection.get()).session;
  }

  async #asked<T>(taskId: string, ask: (task: TaskController) => Promise<T>): Promise<T> {
    try {
      return await ask((await this.#session()).task(toTaskId(taskId)));
    } catch (error) {
      if (error instanceof JsonRpcResponseError && error.code === -32_602) {
        throw new Refused(error.message, error.code);
      }
      throw error;
    }
  }
}

async function connect(access: Access, person: Person | undefined, gone: () => void): Promise<Connection> {
  const client = client2(clientInfo.name, person);
  const transport = transport2(access);
  await client.connect(transport);
  const session = createTaskSessionFromClient(client, {
    endpointId: "under-test",
    rawDispatch:
      access.over === "http" ? dispatchOverHttp(access.url, access.token) : dispatchOver(transport),
    v2RequestFraming: {
      protocolVersion: "2026-07-28",
      clientInfo,
      clientCapabilities: capabilitiesOf(person),
    },
    ...(person !== undefined && { onInputRequest: (request) => inputOf(person, request) }),
  });
  const { onclose } = client;
  Object.assign(client, {
    onclose: () => {
      gone();
      onclose?.();
    },
  });
  await client.listTools();
  return { client, session };
}

async function inputOf(person: Person, request: ApplicationInputRequest): Promise<never> {
  if (request.kind === "sampling") return sampled(person.model ?? "") as never;
  const { message } = request.params as { readonly message: string };
  return (await person.answer(message)) as never;
}

async function settle(
  execution: ToolExecution<unknown>,
  progress: string[],
  patienceMs?: number,
): Promise<Outcome> {
  const { outcome } = await execution.settle({
    onEvent: (event) => {
      if (event.type === "task" && event.task.statusMessage !== undefined)
        progress.push(event.task.statusMessage);
    },
    ...(patienceMs !== undefined && { signal: AbortSignal.timeout(patienceMs) }),
  });
  return toOutcome(outcome);
}

type Settled = Awaited<ReturnType<ToolExecution<unknown>["result"]>>;

function toOutcome(settled: Settled): Outcome {
  if (settled.status === "cancelled") return { kind: "cancelled" };
  if (settled.status === "completed") return outcomeOf(settled.result);
  const { code, message, data } = settled.error;
  if (code === undefined) throw new Lost(message, { cause: settled.error });
  if (code === -32_602) throw new Refused(message, code);
  return { kind: "error", code, message, data };
}

function lost(error: unknown): never {
  throw new Lost("the call was not answered", { cause: error });
}
