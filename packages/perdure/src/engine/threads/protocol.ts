/**
 * What goes between the process and a thread: plain data, by structured clone. Each attempt has a message port of its
 * own, so that nothing of an earlier attempt in the same thread can be taken for a later one's: its port is closed.
 */
import type { MessagePort } from "node:worker_threads";
import { PerdureError, type ErrorCode } from "../../task/errors.ts";
import { type Failure, fromFailure, toFailure } from "../../task/failure.ts";
import type { Operation } from "../../task/record.ts";
import type { Command, OutputLine } from "../exec/exec.ts";
import type { Logger } from "../logger.ts";
import type { AttemptStore, RunLimits, RunTask } from "../run.ts";

/** To a thread. */
export type ThreadOrder =
  /** Answered by a `LoadReport`. */
  { readonly type: "load" } | { readonly type: "begin"; readonly begin: Begin };

export interface Begin {
  readonly port: MessagePort;
  readonly task: RunTask;
  readonly input: unknown;
  readonly recorded: readonly Operation[];
  readonly lingerMs: number;
  readonly slotWanted: boolean;
  readonly limits: RunLimits;
}

export interface LoadReport {
  /** Why the module cannot be used. */
  readonly problem?: string;
}

/** To the inside of an attempt. */
export type ToInside =
  | { readonly type: "asked"; readonly reason: SentError }
  | { readonly type: "ended"; readonly reason: SentError }
  | { readonly type: "notice" }
  | { readonly type: "slotWanted" }
  /** Of a program that runs; the next follow when it was told `heard`. */
  | { readonly type: "lines"; readonly id: number; readonly lines: readonly OutputLine[] }
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly error: SentError };

/** From the inside. */
export type FromInside =
  | StoreCall
  /** Answered as a call. */
  | { readonly type: "exec"; readonly id: number; readonly command: Command }
  | { readonly type: "heard"; readonly id: number }
  | { readonly type: "stop"; readonly id: number }
  | {
      readonly type: "log";
      readonly level: keyof Logger;
      readonly fields: object;
      readonly message: string;
    }
  | { readonly type: "returned"; readonly value: unknown }
  | { readonly type: "thrown"; readonly error: SentError };

export interface StoreCall {
  readonly type: "call";
  readonly id: number;
  readonly method: keyof AttemptStore;
  readonly args: readonly unknown[];
}

/** An error: perdure's own as it is, any other as the record would keep it, and with its stack for the log. */
export type SentError =
  | { readonly code: ErrorCode; readonly message: string; readonly retryable: boolean }
  | { readonly failure: Failure; readonly stack: string | undefined };

export function sendError(error: unknown): SentError {
  if (error instanceof PerdureError) {
    const { code, message, retryable } = error;
    return { code, message, retryable };
  }
  const stack = error instanceof Error ? String(error.stack) : undefined;
  return { failure: toFailure(error), stack };
}

export function receiveError(sent: SentError): Error {
  if ("code" in sent) return new PerdureError(sent.code, sent);
  const error = fromFailure(sent.failure);
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}
