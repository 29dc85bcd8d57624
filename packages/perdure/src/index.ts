import "./node-version.ts";

export { App, type CloseOptions, perdure, type PerdureOptions, type SubmitOptions } from "./app/app.ts";
export type { Hosting } from "./app/hosting.ts";
export type { Role } from "./app/role.ts";
export { type AttachableServer, attach, type Attachment, type AttachOptions } from "./app/attach.ts";
export type { DeliveringOptions, DeliveryOptions } from "./app/delivering.ts";
export type { DeclaredTask, TaskHandler, TaskOptions } from "./app/declaration.ts";
export { thread, type ThreadModule, type ThreadOptions } from "./app/thread-handler.ts";
export { taskVersion, type TaskVersion } from "./app/tool-version.ts";
export type { TaskEvent, TaskHandle, TaskView } from "./app/handle.ts";
export type { ArtifactReadOptions, Tasks } from "./app/tasks.ts";
export {
  type AgentMemory,
  type EndEntry,
  type InterimEntry,
  type MemoryEntry,
  MemoryError,
  type MemoryErrorKind,
  type MemoryMessage,
  type QuestionEntry,
  type ResultText,
} from "./delivery/memory.ts";
export {
  type AskOptions,
  type CallOptions,
  type Context,
  type Log,
  question,
  type Question,
  type StepContext,
  type StepOptions,
  type TaskContext,
  type WaitOptions,
} from "./engine/context.ts";
export type { DeliverMode } from "./engine/tool.ts";
export type { ExecOptions, ExecResult, OutputStream } from "./engine/exec/exec.ts";
export type { ArtifactOptions } from "./engine/artifact-calls.ts";
export type { ArtifactData } from "./engine/artifact-data.ts";
export type { Logger } from "./engine/logger.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./store/sqlite/index.ts";
export type * from "./store/deliveries.ts";
export type * from "./store/artifacts/artifact-store.ts";
export type * from "./store/sessions.ts";
export type * from "./store/store.ts";
export type * from "./store/store-report.ts";
export type { Artifact } from "./task/artifact.ts";
export { type Clock, systemClock, type Timer } from "./task/clock.ts";
export type { Duration } from "./task/duration.ts";
export {
  type ErrorCode,
  DeclinedError,
  type ExecEnd,
  ExecError,
  PerdureError,
  ProtocolError,
  TaskError,
  TerminalError,
} from "./task/errors.ts";
export type { Failure, FailureCode } from "./task/failure.ts";
export { type IdSource, newTaskId, type TaskId } from "./task/id.ts";
export type { JsonObject, JsonValue } from "./task/json.ts";
export type { Limits, TaskLimits } from "./task/limits.ts";
export type * from "./task/record.ts";
export type { RetryOptions } from "./task/retry.ts";
export type { TaskStatus } from "./task/status.ts";
export type { PlainContext } from "./wire/service.ts";
export type { SessionOptions, SessionPolicy } from "./wire/session/caller-session.ts";
export { sessionMetaKey } from "./wire/session/named-ids.ts";
export { type Authenticate, type AuthRequest, bearerTokens } from "./wire/http/authenticate.ts";
