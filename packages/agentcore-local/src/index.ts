/** Amazon Bedrock AgentCore on your own machine, for the unmodified AWS SDKs. */
import "./node-version.ts";

export type { BedrockOptions } from "./bedrock/bedrock.ts";
export type { Model, ModelRequest, Piece, Usage } from "./bedrock/model.ts";
export type { Clock } from "./clock.ts";
export type { Failure, Fault, Faults, PlantedFault } from "./faults.ts";
export type { LogEntry } from "./http/listener.ts";
export { type AgentCoreLocal, type AgentCoreLocalOptions, startAgentCoreLocal } from "./local.ts";
export type { MemoryOptions } from "./memory/setting.ts";
export { MovableClock } from "./movable-clock.ts";
export type { JwtAuthorizerOptions } from "./authorizer.ts";
export type { GatewayOptions } from "./gateway/gateway.ts";
export type { GatewaysOptions } from "./gateway/service.ts";
export type { RuntimeLimits } from "./runtime/limits.ts";
export type { RuntimeOptions } from "./runtime/runtime.ts";
export type { RuntimeAddress, RuntimesOptions, RuntimeSession } from "./runtime/service.ts";
export type { SessionEnd } from "./runtime/session.ts";
export type { OutputLine, SessionEvent } from "./runtime/sessions.ts";
export type { ErrorName } from "./service-error.ts";
