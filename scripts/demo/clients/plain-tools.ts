/** Knows no tasks and does not wait: is handed over, and asks with the generated tools, as a model would. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { z } from "zod";
import { resultIn, type TrainingResult } from "../training.ts";
import { type ClientKind, tool } from "./client.ts";

const handOver = z.object({
  structuredContent: z.object({ task_id: z.string(), status: z.literal("working") }),
});
const progress = z.object({ done: z.number(), total: z.number(), message: z.string().optional() });
const answer = z.object({
  structuredContent: z.object({ status: z.string(), progress: progress.optional() }),
});

export const plainToolsClient: ClientKind = {
  label: "plain tools only",
  start: async (url, input, report) => {
    const client = await connect(url);
    const startedAt = performance.now();
    const handed = handOver.parse(await client.callTool({ name: tool, arguments: input }));
    const taskId = handed.structuredContent.task_id;
    const answeredMs = performance.now() - startedAt;
    return { taskId, answeredMs, result: follow(client, taskId, report) };
  },
  resume: async (url, { taskId = "" }, report) => follow(await connect(url), taskId, report),
};

async function follow(
  client: Client,
  taskId: string,
  report: Parameters<ClientKind["start"]>[2],
): Promise<TrainingResult> {
  for (;;) {
    // Half a second for the bar's sake; a model waits 55 s with one call.
    const question = { task_id: taskId, wait_seconds: 0.5 };
    const told = await client.callTool({ name: "check_task_status", arguments: question });
    const { structuredContent } = answer.parse(told);
    if (structuredContent.progress !== undefined) report(structuredContent.progress);
    if (structuredContent.status !== "working") break;
  }
  return resultIn(await client.callTool({ name: "get_task_results", arguments: { task_id: taskId } }));
}

async function connect(url: string): Promise<Client> {
  // The server knows a client of this name as one that does not wait.
  const client = new Client({ name: "hasty", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  // As hosts do; from now on the client checks what tools return against their output schemas.
  await client.listTools();
  return client;
}
