/**
 * A failure is an error as the record keeps it: thrown in one process, read in another. The stack stays where it was
 * thrown (the log); the record and every caller get the author's message and nothing else of the inside.
 */
import {
  DeclinedError,
  type ErrorCode,
  type ExecEnd,
  ExecError,
  PerdureError,
  ProtocolError,
  TaskError,
  TerminalError,
} from "./errors.ts";
import { decodeJson, encodeJson, type JsonObject, type JsonValue } from "./json.ts";
import { spoken } from "./limits.ts";

/** Bounds what one error may write into the record, in UTF-16 units. */
const maxMessageLength = 8_192;
const maxNameLength = 128;
/** JSON-RPC's code for an error that says nothing better. */
const internalError = -32_603;

export type FailureCode =
  /** The handler threw. */
  | "HANDLER_ERROR"
  /** The handler threw a `ProtocolError`: a JSON-RPC failure, not a tool error. */
  | "PROTOCOL_ERROR"
  | "INVALID_INPUT"
  /** The handler gave something that is no duration, no name, no media type, … */
  | "INVALID_OPTION"
  | "INVALID_OUTPUT"
  | "INVALID_VALUE"
  | "STEP_NAME_REUSED"
  | "STEP_MISMATCH"
  | "STEP_TIMEOUT"
  | "LIMIT_EXCEEDED"
  /** `call` of a tool that is not declared. */
  | "UNKNOWN_TOOL"
  /** `call` of a task that waits for the caller. */
  | "CALL_CYCLE"
  /** The task is of a version of the tool that it no longer runs. */
  | "UNKNOWN_VERSION"
  | "TIMEOUT"
  | "DEADLINE"
  /** A person declined or dismissed the question. */
  | "DECLINED"
  /** Nobody answered, or sent the signal, in time. */
  | "EXPIRED"
  /** A task that this one called failed or was cancelled. */
  | "CHILD_FAILED"
  /** A program ended with another code than 0, by a signal, or could not be started; `data` has the end of its output. */
  | "EXEC_FAILED"
  /** Of a handler in a thread: it came to the limit of its memory. */
  | "OUT_OF_MEMORY"
  /** `process.exit` was called in the thread of the handler. */
  | "THREAD_EXITED"
  /** In the thread of the handler something threw where nobody could catch it. */
  | "UNCAUGHT_ERROR"
  /** The process died too often while this task ran. */
  | "CRASH_LOOP";

export interface Failure {
  readonly code: FailureCode;
  /** The class of the error, as its `name` says. */
  readonly name: string;
  readonly message: string;
  /** Whether the retry policy may try again. */
  readonly retryable: boolean;
  /** Set with `PROTOCOL_ERROR`: the JSON-RPC error code. */
  readonly jsonRpcCode?: number;
  readonly data?: JsonValue;
}

/** The failures of perdure's own making that a handler can cause; trying again would end the same way. */
const handlerFaults: ReadonlySet<string> = new Set<FailureCode>([
  "INVALID_INPUT",
  "INVALID_OPTION",
  "INVALID_OUTPUT",
  "INVALID_VALUE",
  "STEP_NAME_REUSED",
  "STEP_MISMATCH",
  "UNKNOWN_TOOL",
  "UNKNOWN_VERSION",
  "CALL_CYCLE",
]);

/** What may go better when it is tried again. */
const passingFaults: ReadonlySet<string> = new Set<FailureCode>([
  "TIMEOUT",
  "STEP_TIMEOUT",
  "EXPIRED",
  "OUT_OF_MEMORY",
  "THREAD_EXITED",
  "UNCAUGHT_ERROR",
]);

/** What perdure itself throws, and is thrown again as a `PerdureError`. */
const ownFaults: ReadonlySet<string> = new Set([
  ...handlerFaults,
  ...passingFaults,
  "DEADLINE",
  "LIMIT_EXCEEDED",
]);

const failureOf = Symbol("failure");

/** What the record keeps of something thrown, whatever that is: failing must not fail. */
export function toFailure(thrown: unknown): Failure {
  try {
    return isError(thrown) ? errorToFailure(thrown) : handlerError("Error", describe(thrown));
  } catch {
    return handlerError("Error", "what was thrown throws when it is looked at");
  }
}

/** Also one of another realm (`node:vm`), which is no instance of this realm's class. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]";
}

function errorToFailure(thrown: Error): Failure {
  const recorded = (thrown as { [failureOf]?: Failure })[failureOf];
  if (recorded !== undefined) return recorded;
  const failure = handlerError(
    textOf(() => thrown.name, "Error"),
    textOf(() => thrown.message, "its message cannot be read"),
  );
  if (thrown instanceof ProtocolError) {
    const jsonRpcCode = Number.isInteger(thrown.code) ? thrown.code : internalError;
    return {
      ...failure,
      code: "PROTOCOL_ERROR",
      retryable: false,
      jsonRpcCode,
      ...dataOf(() => thrown.data),
    };
  }
  if (thrown instanceof TerminalError) return { ...failure, retryable: false, ...dataOf(() => thrown.data) };
  if (thrown instanceof ExecError) {
    const { exitCode, signal, stdout, stderr } = thrown;
    return { ...failure, code: "EXEC_FAILED", data: { exitCode, signal, stdout, stderr } };
  }
  if (thrown instanceof PerdureError) {
    const { code } = thrown;
    if (handlerFaults.has(code)) return { ...failure, code: code as FailureCode, retryable: false };
    if (passingFaults.has(code)) return { ...failure, code: code as FailureCode };
    if (code === "DEADLINE") return { ...failure, code, retryable: false };
    if (code === "LIMIT_EXCEEDED") return { ...failure, code, retryable: thrown.retryable };
  }
  return failure;
}

const leftOut = "left out: ";

/** A failure whose `data` are left out, and say so, where their JSON has more than `maxBytes`. */
export function boundedFailure(failure: Failure, maxBytes: number): Failure {
  // What a child or a person left is perdure's own, and is read again by its fields.
  if (failure.data === undefined || failure.code === "CHILD_FAILED" || failure.code === "DECLINED")
    return failure;
  const bytes = Buffer.byteLength(JSON.stringify(failure.data));
  if (bytes <= maxBytes) return failure;
  const left = `${leftOut}${spoken(bytes)} bytes; limits.failureBytes allows ${spoken(maxBytes)}.`;
  if (failure.code === "EXEC_FAILED") {
    const end = execEndOf(failure);
    return isLeftOut(end.stdout) ? failure : { ...failure, data: { ...end, stdout: left, stderr: left } };
  }
  return isLeftOut(failure.data) ? failure : { ...failure, data: left };
}

/** Perhaps for the second time: of the failure of a step that the handler has not caught. */
function isLeftOut(data: JsonValue): boolean {
  return typeof data === "string" && data.startsWith(leftOut);
}

function handlerError(name: string, message: string): Failure {
  return {
    code: "HANDLER_ERROR",
    name: bounded(name, maxNameLength),
    message: bounded(message, maxMessageLength),
    retryable: true,
  };
}

/**
 * The error that a recorded failure throws again, on replay, under its own class where perdure knows it.
 * `toFailure` of it is the same failure.
 */
export function fromFailure(failure: Failure): Error {
  const error = revive(failure);
  Object.defineProperty(error, failureOf, { value: failure });
  return error;
}

function revive(failure: Failure): Error {
  const data = failure.data === undefined ? {} : { data: failure.data };
  if (failure.jsonRpcCode !== undefined) return new ProtocolError(failure.jsonRpcCode, failure.message, data);
  if (failure.name === "TerminalError") return new TerminalError(failure.message, data);
  if (failure.code === "EXEC_FAILED") return new ExecError("", execEndOf(failure), failure.message);
  if (failure.code === "DECLINED") return new DeclinedError(failure.message, actionOf(failure));
  if (failure.code === "CHILD_FAILED") return childError(failure);
  if (ownFaults.has(failure.code)) return ownError(failure);
  const error = new Error(failure.message);
  error.name = failure.name;
  return error;
}

function ownError({ code, message, retryable }: Failure): PerdureError {
  const passes = code === "LIMIT_EXCEEDED" && retryable;
  return new PerdureError(code as ErrorCode, { message, retryable: passes });
}

function execEndOf({ data }: Failure): ExecEnd & JsonObject {
  const unknown = { exitCode: null, signal: null, stdout: "", stderr: "" };
  const known = typeof data === "object" ? (data as Partial<ExecEnd & JsonObject>) : {};
  return { ...unknown, ...known };
}

function actionOf({ data }: Failure): "decline" | "cancel" {
  return (data as { readonly action?: string }).action === "cancel" ? "cancel" : "decline";
}

function childError({ message, data }: Failure): TaskError {
  const child = data as unknown as {
    readonly taskId: string;
    readonly tool: string;
    readonly failure?: Failure;
  };
  return new TaskError({ id: child.taskId, tool: child.tool }, child.failure, message);
}

/** Nothing of data that is no JSON: the failure matters more. */
function dataOf(read: () => unknown): { data?: JsonValue } {
  try {
    const data = decodeJson(encodeJson(read(), "error.data"));
    return data === undefined ? {} : { data };
  } catch {
    return {};
  }
}

function textOf(read: () => unknown, otherwise: string): string {
  try {
    return describe(read());
  } catch {
    return otherwise;
  }
}

function describe(thrown: unknown): string {
  switch (typeof thrown) {
    case "string":
      return thrown;
    case "number":
    case "boolean":
    case "bigint":
    case "symbol":
      return thrown.toString();
    case "undefined":
    case "function":
      return typeof thrown;
    case "object":
      return describeObject(thrown);
  }
}

function describeObject(thrown: object | null): string {
  try {
    const json = JSON.stringify(thrown) as string | undefined;
    if (json !== undefined) return json;
  } catch {
    // A cycle, a bigint, a toJSON that throws.
  }
  return Object.prototype.toString.call(thrown);
}

export function bounded(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1);
  const insideCharacter = /[\ud800-\udbff]$/.test(cut);
  return `${insideCharacter ? cut.slice(0, -1) : cut}…`;
}
