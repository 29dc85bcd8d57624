/** Speaks the tasks of 2025-11-25: SDK 1.x with its experimental API. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { setTimeout as sleep } from "node:timers/promises";
import { parseProgress, resultIn, type TrainingResult } from "../training.ts";
import { type ClientKind, tool } from "./client.ts";

type Report = Parameters<ClientKind["start"]>[2];

export const v1TaskClient: ClientKind = {
  label: "tasks of 2025-11-25 (SDK 1.x)",
  start: async (url, input, report) => {
    const client = await connect(url);
    const startedAt = performance.now();
    const messages = client.experimental.tasks.callToolStream(
      { name: tool, arguments: input },
      CallToolResultSchema,
      { task: {} },
    );
    const first = await messages.next();
    if (first.done === true || first.value.type !== "taskCreated") {
      throw new Error(`The server answered without a task: ${JSON.stringify(first.value)}`);
    }
    const answeredMs = performance.now() - startedAt;
    const follow = async (): Promise<TrainingResult> => {
      for await (const message of messages) {
        if (message.type === "taskStatus") show(message.task.statusMessage, report);
        if (message.type === "error") throw message.error;
        if (message.type === "result") return resultIn(message.result);
      }
      throw new Error("The stream ended without a result.");
    };
    return { taskId: first.value.task.taskId, answeredMs, result: follow() };
  },
  resume: async (url, { taskId = "" }, report) => {
    const { tasks } = (await connect(url)).experimental;
    for (;;) {
      const { status, statusMessage } = await tasks.getTask(taskId);
      show(statusMessage, report);
      if (status !== "working") return resultIn(await tasks.getTaskResult(taskId, CallToolResultSchema));
      await sleep(200);
    }
  },
};

function show(statusMessage: string | undefined, report: Report): void {
  const progress = parseProgress(statusMessage);
  if (progress !== undefined) report(progress);
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: "demo-tasks-2025", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}
