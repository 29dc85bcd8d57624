/**
 * An agent on AgentCore Runtime, whose tools are an MCP server on the Runtime too (or behind a Gateway): `TRAINER_URL`.
 * It asks for a training and says so; when its user comes back, minutes or days later, it is another process and knows
 * what became of it, because that has come into its memory (`MEMORY_ID`). `MODEL_ID` names a model of Bedrock.
 */
import { Agent, BedrockModel, McpClient } from "@strands-agents/sdk";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { agentApp, longCalls } from "perdure/strands";

import { required } from "./environment.ts";
import { signedFetch } from "./signed-fetch.ts";

const url = new URL(required("TRAINER_URL"));
const { MODEL_ID: modelId, PORT = "8080", HOST = "0.0.0.0" } = process.env;

const app = await agentApp(
  ({ sessionManager, session }) => {
    const transport = new StreamableHTTPClientTransport(url, { fetch: signedFetch });
    return new Agent({
      model: new BedrockModel(modelId === undefined ? {} : { modelId }),
      systemPrompt: "You train classifiers, and say in a sentence or two what you did.",
      tools: [longCalls(new McpClient({ transport }), { session })],
      plugins: [sessionManager],
      printer: false,
    });
  },
  { memoryId: required("MEMORY_ID") },
);
app.run({ port: Number(PORT), host: HOST });
