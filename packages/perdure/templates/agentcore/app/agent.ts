/** The agent, by the contract of AgentCore Runtime: `POST /invocations` with `{ prompt }`, and `/ping`, on port 8080. */
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Agent, BedrockModel, McpClient } from "@strands-agents/sdk";
import { agentApp, longCalls } from "perdure/strands";
import { auth } from "./caller.ts";

const modelId = process.env["MODEL_ID"];
const memoryId = process.env["MEMORY_ID"];

const app = await agentApp(
  ({ sessionManager, session, header }) => {
    // A conversation outlasts a token: each request has that of the invocation that runs.
    const inTheirName: typeof fetch = (url, init) => {
      const headers = new Headers(init?.headers);
      const token = header("authorization");
      if (token !== undefined) headers.set("authorization", token);
      return fetch(url, { ...init, headers });
    };
    const transport = new StreamableHTTPClientTransport(serverUrl(), { fetch: inTheirName });
    return new Agent({
      model: new BedrockModel(modelId === undefined ? {} : { modelId }),
      systemPrompt: "You train models, and say in a sentence or two what you did.",
      tools: [
        longCalls(new McpClient({ transport }), { session, taskTools: ["answer_task", "cancel_task"] }),
      ],
      plugins: [sessionManager],
      printer: false,
    });
  },
  { auth, ...(memoryId !== undefined && { memoryId }) },
);
app.run({ port: Number(process.env["PORT"] ?? 8080), host: process.env["HOST"] ?? "0.0.0.0" });

/** Of the runtime that `SERVER_ARN` names, on AWS or where `AWS_ENDPOINT_URL_BEDROCK_AGENTCORE` says; else on this machine. */
function serverUrl(): URL {
  const { SERVER_ARN: arn, SERVER_URL: url = "http://127.0.0.1:8000/mcp" } = process.env;
  if (arn === undefined) return new URL(url);
  const region = arn.split(":")[3] ?? "";
  const {
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: endpoint = `https://bedrock-agentcore.${region}.amazonaws.com`,
  } = process.env;
  return new URL(`/runtimes/${encodeURIComponent(arn)}/invocations?qualifier=DEFAULT`, endpoint);
}
