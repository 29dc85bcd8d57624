/** Amazon Bedrock AgentCore: `perdure/agentcore`. */
export { agentCoreMemory, type AgentCoreMemoryOptions, type PatienceOptions } from "./agentcore-memory.ts";
export * from "./session-format.ts";
export { deliveryKey } from "./session-rest.ts";
export { sessionMetaKey } from "../wire/session/named-ids.ts";
