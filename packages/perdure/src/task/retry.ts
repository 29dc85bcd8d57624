/**
 * Retry: how often and how soon something that threw is tried again. Exponential back-off with jitter, so that tasks
 * which failed together do not return together. `TerminalError`, `ProtocolError` and invalid input are never retried.
 */
import { type Duration, toMs } from "./duration.ts";
import { PerdureError, quote } from "./errors.ts";

/** A number of retries, or all of it. */
export type RetryOptions =
  | number
  | {
      /** How often it is tried again after the first failure. */
      readonly retries: number;
      /** The wait before the first retry (default 1 s). */
      readonly delay?: Duration;
      /** No wait is longer (default 5 min). */
      readonly maxDelay?: Duration;
      /** By how much each wait is longer than the one before (default 2). */
      readonly factor?: number;
    };

export interface RetryPolicy {
  readonly retries: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly factor: number;
}

export function toRetryPolicy(options: RetryOptions = 0, setting = "retry"): RetryPolicy {
  const given = typeof options === "number" ? { retries: options } : options;
  const policy = {
    retries: given.retries,
    delayMs: toMs(given.delay ?? "1s", `${setting}.delay`),
    maxDelayMs: toMs(given.maxDelay ?? "5m", `${setting}.maxDelay`),
    factor: given.factor ?? 2,
  };
  if (!(policy.retries >= 0) || !(policy.factor >= 1)) {
    throw new PerdureError("INVALID_OPTION", {
      message:
        `${setting} must be a number of retries ≥ 0, or { retries, delay?, maxDelay?, factor? } with factor ≥ 1; ` +
        `${quote(JSON.stringify(options))} came.`,
    });
  }
  return policy;
}

/**
 * The wait before retry number `retry` (1 is the first), in milliseconds: between half and the whole of the
 * exponential delay. `undefined` where the policy allows no such retry.
 */
export function retryDelayMs(policy: RetryPolicy, retry: number, random: () => number): number | undefined {
  if (retry > policy.retries) return undefined;
  // The power overflows to infinity, and no delay times infinity would be no number.
  const growth = Math.min(policy.factor ** (retry - 1), Number.MAX_VALUE);
  const whole = Math.min(policy.maxDelayMs, policy.delayMs * growth);
  return Math.round(whole * (0.5 + random() / 2));
}
