/** Tools that ask, and people who answer: clients of SDK 1.x that say what they were asked. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  type CreateMessageResult,
  ElicitRequestSchema,
  type ElicitRequestParams,
  type ElicitResult,
} from "@modelcontextprotocol/sdk/types.js";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { question } from "../../engine/context.ts";
import type { TestTask } from "./service.fixture.ts";

export const asking = {
  confirm: {
    handler: async (_, task) => {
      const { sure } = await task.ask("Delete it?", z.object({ sure: z.boolean() }));
      return { sure };
    },
  },
  both: {
    handler: (_, task) =>
      task.askAll({
        name: question("Your name?", z.object({ name: z.string() })),
        age: question("Your age?", z.object({ age: z.int() })),
      }),
  },
  soon: { handler: (_, task) => task.ask("Quick?", z.object({ sure: z.boolean() }), { timeout: "400ms" }) },
  page: { handler: (_, task) => task.askUrl("Pay here.", "https://pay.example/1") },
} satisfies Record<string, TestTask>;

export interface Asked {
  readonly params: ElicitRequestParams;
  /** Aborted when the server takes it back. */
  readonly signal: AbortSignal;
}

export interface Person {
  readonly client: Client;
  readonly asked: Asked[];
  /** The messages, in order. */
  readonly messages: () => string[];
}

export interface PersonOptions {
  readonly answer?: (asked: Asked, count: number) => Promise<ElicitResult> | ElicitResult;
  readonly sample?: () => CreateMessageResult;
  readonly elicitation?: { readonly form?: Record<string, unknown>; readonly url?: object };
}

export const accept = (content: Record<string, string | number | boolean>): ElicitResult => ({
  action: "accept",
  content,
});

/** Connects a client whose person answers; without `answer`, who never does. */
export async function person(
  transport: Transport,
  { answer = () => new Promise(() => undefined), sample, elicitation = {} }: PersonOptions = {},
): Promise<Person> {
  const capabilities = { elicitation, ...(sample !== undefined && { sampling: {} }) };
  const client = new Client({ name: "person", version: "1.0.0" }, { capabilities });
  const asked: Asked[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) => {
    const heard = { params, signal };
    asked.push(heard);
    return answer(heard, asked.length);
  });
  if (sample !== undefined) client.setRequestHandler(CreateMessageRequestSchema, () => sample());
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, asked, messages: () => asked.map(({ params }) => params.message) };
}

/** Starts a task by the client's own way, and waits for its result by `tasks/result`. */
export async function startTask({ client }: Person, name: string): Promise<string> {
  const stream = client.experimental.tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, {
    task: {},
  });
  const { value } = await stream.next();
  if (value?.type !== "taskCreated") throw new Error(`no task: ${JSON.stringify(value)}`);
  return value.task.taskId;
}

export function resultOf({ client }: Person, taskId: string, options: { readonly timeout?: number } = {}) {
  return client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema, options);
}
