/** For agents of Strands in TypeScript: their memory, and their long calls. Needs `@strands-agents/sdk`. */
import "../node-version.ts";

export { AgentCoreSessionManager, type AgentCoreSessionManagerOptions } from "./session-manager.ts";
export type { SessionPlace } from "./session-events.ts";
export { longCalls, type LongCallsOptions } from "./long-calls.ts";
export type { ToolProgress } from "./progress-events.ts";
export type { SessionHeaderNames } from "./session-headers.ts";
export { agentApp, type AgentAppEvent, type AgentAppOptions, type AgentCall } from "./agent-app.ts";
