/** Two ways in which a person is asked: by a model with `answer_task`, and by the client itself (elicitation). */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { resultIn, type TrainingInput, type TrainingResult } from "../training.ts";
import { tool } from "./client.ts";

const told = z.object({
  isError: z.boolean().optional(),
  content: z.array(z.object({ text: z.string() })),
  structuredContent: z.object({
    task_id: z.string(),
    status: z.string(),
    questions: z.array(z.object({ key: z.string(), message: z.string() })).optional(),
  }),
});
export type Told = z.output<typeof told>;

/** A model and its user: knows only tools. */
export class ToolsPerson {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<ToolsPerson> {
    return new ToolsPerson(await connected(new Client({ name: "hasty", version: "1.0.0" }), url));
  }

  async train(input: TrainingInput): Promise<Told> {
    return this.#call(tool, input);
  }

  async status(task_id: string): Promise<Told> {
    return this.#call("check_task_status", { task_id, wait_seconds: 20 });
  }

  async answer(task_id: string, key: string, content: object): Promise<Told> {
    return this.#call("answer_task", { task_id, key, content });
  }

  async result(task_id: string): Promise<TrainingResult> {
    return resultIn(await this.#client.callTool({ name: "get_task_results", arguments: { task_id } }));
  }

  async #call(name: string, input: object): Promise<Told> {
    return told.parse(await this.#client.callTool({ name, arguments: { ...input } }));
  }
}

/** A client of 2025-11-25 with tasks, which shows its user a form. */
export async function connectForm(url: string, answer: (message: string) => object) {
  const client = new Client(
    { name: "demo-form-2025", version: "1.0.0" },
    { capabilities: { elicitation: {} } },
  );
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: "accept",
    content: { ...answer(params.message) },
  }));
  const { tasks } = (await connected(client, url)).experimental;
  return {
    start: async (input: TrainingInput): Promise<string> => {
      const messages = tasks.callToolStream({ name: tool, arguments: input }, CallToolResultSchema, {
        task: {},
      });
      const first = await messages.next();
      if (first.done === true || first.value.type !== "taskCreated") throw new Error("There is no task.");
      return first.value.task.taskId;
    },
    /** Waits for the result, and is asked meanwhile. */
    result: async (taskId: string) => resultIn(await tasks.getTaskResult(taskId, CallToolResultSchema)),
    close: async () => client.close(),
  };
}

async function connected(client: Client, url: string): Promise<Client> {
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  await client.listTools();
  return client;
}
