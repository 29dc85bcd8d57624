/** When a message that was not accepted is tried again: by what was wrong, ever more slowly, and never faster than the rate. */
import type { DeliveryFailure } from "../task/record.ts";
import { retryDelayMs, type RetryPolicy } from "../task/retry.ts";
import { MemoryError, type MemoryErrorKind } from "./memory.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

const policies: Readonly<Record<Exclude<MemoryErrorKind, "refused">, RetryPolicy>> = {
  conflict: policy(second, 30 * second),
  throttled: policy(4 * second, minute),
  unavailable: policy(second, 5 * minute),
  quota: policy(minute, hour),
  denied: policy(minute, hour),
  "not-found": policy(minute, hour),
};

function policy(delayMs: number, maxDelayMs: number): RetryPolicy {
  return { retries: Number.POSITIVE_INFINITY, delayMs, maxDelayMs, factor: 2 };
}

/** In the timeline, where many of them may stand. */
const maxMessageLength = 500;

/** Of what a memory threw; also of what is no `MemoryError`, because a memory may have forgotten a case. */
export function toDeliveryFailure(thrown: unknown): DeliveryFailure & { readonly kind: MemoryErrorKind } {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    kind: thrown instanceof MemoryError ? thrown.kind : "unavailable",
    message: message.slice(0, maxMessageLength).toWellFormed(),
  };
}

export interface BackOff {
  /** 1 the first time. */
  readonly failures: number;
  readonly paceMs: number;
  readonly random: () => number;
}

/** `undefined`: never. */
export function backOffMs(thrown: unknown, { failures, paceMs, random }: BackOff): number | undefined {
  const { kind } = toDeliveryFailure(thrown);
  if (kind === "refused") return undefined;
  const delayMs = retryDelayMs(policies[kind], failures, random) ?? hour;
  const asked = thrown instanceof MemoryError ? (thrown.retryAfterMs ?? 0) : 0;
  // A wish that is no number, or for next week, is not followed.
  return Math.max(delayMs, paceMs, asked > 0 ? Math.min(asked, hour) : 0);
}
