/**
 * An agent on AgentCore Runtime whose tools outlast it: it starts a training, says so, and knows the result when it is
 * asked again, minutes or days later, in this process or another.
 */
import { Agent, McpClient } from "@strands-agents/sdk";
import { agentApp, longCalls } from "perdure/strands";

const url = process.env["TRAINER_URL"] ?? "http://127.0.0.1:8000/mcp";
const port = Number(process.env["PORT"] ?? 8080);
const memoryId = process.env["MEMORY_ID"] ?? "training-0123456789";

const app = await agentApp(
  ({ sessionManager, session }) =>
    new Agent({
      systemPrompt: "You train classifiers, and say in a sentence or two what you did.",
      // By this name the example's server holds a call for a second only, and hands it over.
      tools: [longCalls(new McpClient({ url, applicationName: "hasty" }), { session })],
      plugins: [sessionManager],
      printer: false,
    }),
  { memoryId },
);
app.run({ port });
