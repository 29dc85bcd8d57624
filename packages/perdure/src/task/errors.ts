/**
 * Errors are part of the interface: few classes, each with a stable `code`, and a message that says what was
 * expected, what came and what to do.
 *
 * - {@link PerdureError}: perdure refuses or cannot do something.
 * - {@link TerminalError}: thrown by a handler or step to say that trying again is of no use.
 * - {@link ProtocolError}: thrown by a handler that wants a JSON-RPC error instead of a tool error.
 * - {@link DeclinedError}: a person did not want to answer.
 * - {@link ExecError}: a program of `task.exec` did not end well.
 * - {@link TaskError}: what `handle.result()` throws when the task did not complete.
 */
import type { Failure } from "./failure.ts";
import type { JsonValue } from "./json.ts";

export type ErrorCode =
  // the caller's
  | "INVALID_INPUT"
  | "INVALID_OPTION"
  | "INVALID_VALUE"
  | "UNKNOWN_TOOL"
  | "TOOL_EXISTS"
  | "TASK_NOT_FOUND"
  | "TASK_NOT_ENDED"
  | "IDEMPOTENCY_CONFLICT"
  | "LIMIT_EXCEEDED"
  // the handler's
  | "INVALID_OUTPUT"
  | "STEP_NAME_REUSED"
  | "STEP_MISMATCH"
  | "STEP_TIMEOUT"
  | "UNKNOWN_VERSION"
  | "CANNOT_ASK"
  | "CALL_CYCLE"
  // of a handler that runs in a thread
  | "OUT_OF_MEMORY"
  | "THREAD_EXITED"
  | "UNCAUGHT_ERROR"
  // why an attempt ended: the reason of its signal
  | "CANCELLED"
  | "TIMEOUT"
  | "DEADLINE"
  | "STALE_ATTEMPT"
  | "SHUTDOWN"
  | "PARKED"
  | "EXPIRED"
  // the store's
  | "ARTIFACT_STORE"
  | "STORE_BUSY"
  | "STORE_CLOSED"
  | "STORE_CORRUPT"
  | "STORE_FOREIGN"
  | "STORE_FULL"
  | "STORE_IO"
  | "STORE_NETWORK_FILE_SYSTEM"
  | "STORE_NEWER"
  | "STORE_OUTDATED"
  | "STORE_READ_ONLY"
  | "STORE_UNAVAILABLE"
  // the process's
  | "APP_CLOSED"
  | "NODE_TOO_OLD";

export interface PerdureErrorOptions {
  readonly message: string;
  readonly cause?: unknown;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
}

export class PerdureError extends Error {
  override readonly name: string = "PerdureError";
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, options: PerdureErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Thrown by a handler or a step: it failed for good, and no retry policy tries it again. */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";
  readonly data: JsonValue | undefined;

  constructor(message: string, options: { readonly data?: JsonValue; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.data = options.data;
  }
}

/**
 * Thrown by a handler that wants the request itself to fail: the client gets a JSON-RPC error instead of a tool
 * result. Never tried again. Everything else that a handler throws is a tool error, which a model can read.
 */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  /** A JSON-RPC error code, an integer. */
  readonly code: number;
  readonly data: JsonValue | undefined;

  constructor(code: number, message: string, options: { readonly data?: JsonValue } = {}) {
    super(message);
    this.code = code;
    this.data = options.data;
  }
}

/** Thrown by `task.ask` when the person declined the question, or dismissed it. */
export class DeclinedError extends Error {
  override readonly name: string = "DeclinedError";
  readonly action: "decline" | "cancel";

  constructor(message: string, action: "decline" | "cancel") {
    super(message);
    this.action = action;
  }
}

/** How a program ended, and the ends of its output. */
export interface ExecEnd {
  /** `null` when a signal ended it, or it could not be started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Thrown by `task.exec`: the program ended with another code than 0, by a signal, or could not be started. */
export class ExecError extends Error implements ExecEnd {
  override readonly name: string = "ExecError";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, end: ExecEnd, why?: string) {
    super(why ?? describeExit(command, end));
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.stdout = end.stdout;
    this.stderr = end.stderr;
  }
}

function describeExit(command: string, { exitCode, signal, stdout, stderr }: ExecEnd): string {
  const how =
    exitCode === null ? `was ended by ${signal ?? "nobody knows what"}` : `exited with code ${exitCode}`;
  const said = (stderr.trim() === "" ? stdout : stderr)
    .trim()
    .split("\n")
    .slice(-10)
    .join("\n")
    .slice(-2_000);
  return `${quote(command)} ${how}${said === "" ? "" : `:\n${said}`}`;
}

/** Why a task has no result: what its handler threw, or what ended it. */
export class TaskError extends Error {
  override readonly name: string = "TaskError";
  readonly taskId: string;
  readonly tool: string;
  /** `TASK_CANCELLED` for a cancelled task, otherwise the failure's own code: `HANDLER_ERROR`, `TIMEOUT`, … */
  readonly code: string;
  /** What was thrown, as it was recorded; absent on a cancelled task. */
  readonly failure: Failure | undefined;

  constructor(
    task: { readonly id: string; readonly tool: string },
    failure: Failure | undefined,
    message: string,
  ) {
    super(message);
    this.taskId = task.id;
    this.tool = task.tool;
    this.code = failure?.code ?? "TASK_CANCELLED";
    this.failure = failure;
  }
}

/** A short quotation of what came, for error messages. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
