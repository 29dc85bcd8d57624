/** Amazon Bedrock AgentCore: `perdure/agentcore`. */
import "../node-version.ts";

export { agentCoreMemory, type AgentCoreMemoryOptions, type PatienceOptions } from "./agentcore-memory.ts";
export { platformAuth, type PlatformAuthOptions } from "./platform-auth.ts";
export * from "./session-format.ts";
export { deliveryKey } from "./session-rest.ts";
export { sessionMetaKey } from "../wire/session/named-ids.ts";
