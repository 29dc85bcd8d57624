/**
 * A failure is an error as the record keeps it: thrown in one process, read in another. The stack stays where it was
 * thrown (the log); the record and every caller get the author's message and nothing else of the inside.
 */
import { PerdureError, ProtocolError, TerminalError } from "./errors.ts";
import { encodeJson, type JsonValue } from "./json.ts";

/** Bounds what one error may write into the record, in UTF-16 units. */
const maxMessageLength = 8_192;

export type FailureCode =
  /** The handler threw. */
  | "HANDLER_ERROR"
  /** The handler threw a `ProtocolError`: a JSON-RPC failure, not a tool error. */
  | "PROTOCOL_ERROR"
  | "INVALID_INPUT"
  | "INVALID_OUTPUT"
  | "INVALID_VALUE"
  | "STEP_NAME_REUSED"
  | "STEP_MISMATCH"
  | "STEP_TIMEOUT"
  | "TIMEOUT"
  | "DEADLINE"
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
  "INVALID_OUTPUT",
  "INVALID_VALUE",
  "STEP_NAME_REUSED",
  "STEP_MISMATCH",
]);

const failureOf = Symbol("failure");

/** What the record keeps of something thrown. */
export function toFailure(thrown: unknown): Failure {
  if (!(thrown instanceof Error)) {
    return { code: "HANDLER_ERROR", name: "Error", message: bounded(describe(thrown)), retryable: true };
  }
  const recorded = (thrown as { [failureOf]?: Failure })[failureOf];
  if (recorded !== undefined) return recorded;
  const name = bounded(thrown.name, 128);
  const message = bounded(thrown.message);
  if (thrown instanceof ProtocolError) {
    const data = dataOf(thrown.data);
    return { code: "PROTOCOL_ERROR", name, message, retryable: false, jsonRpcCode: thrown.code, ...data };
  }
  if (thrown instanceof TerminalError) {
    return { code: "HANDLER_ERROR", name, message, retryable: false, ...dataOf(thrown.data) };
  }
  if (thrown instanceof PerdureError) {
    if (handlerFaults.has(thrown.code))
      return { code: thrown.code as FailureCode, name, message, retryable: false };
    if (thrown.code === "TIMEOUT" || thrown.code === "STEP_TIMEOUT") {
      return { code: thrown.code, name, message, retryable: true };
    }
    if (thrown.code === "DEADLINE") return { code: "DEADLINE", name, message, retryable: false };
  }
  return { code: "HANDLER_ERROR", name, message, retryable: true };
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
  if (failure.code === "STEP_TIMEOUT") return new PerdureError("STEP_TIMEOUT", { message: failure.message });
  const error = new Error(failure.message);
  error.name = failure.name;
  return error;
}

function dataOf(data: JsonValue | undefined): { data?: JsonValue } {
  if (data === undefined) return {};
  encodeJson(data, "error.data");
  return { data };
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
      try {
        return JSON.stringify(thrown);
      } catch {
        return Object.prototype.toString.call(thrown);
      }
  }
}

function bounded(text: string, length = maxMessageLength): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
