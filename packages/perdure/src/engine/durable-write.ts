/**
 * A write that must not be lost because the disk was full for a minute, or a read without which a handler cannot go on:
 * work that was done is worth waiting for. It is tried again, ever more slowly, until it is accepted, refused for good,
 * or nobody wants it any more.
 */
import type { Clock } from "../task/clock.ts";
import { PerdureError } from "../task/errors.ts";
import type { Logger } from "./logger.ts";

const firstDelayMs = 100;
const maxDelayMs = 5_000;

export interface DurableWriteOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** When aborted, the last error is thrown. */
  readonly signal: AbortSignal;
}

export async function writeDurably<T>(write: () => Promise<T>, options: DurableWriteOptions): Promise<T> {
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
    try {
      return await write();
    } catch (error) {
      if (!isTrouble(error) || options.signal.aborted) throw error;
      options.logger.error(
        { err: error, code: error.code, delayMs },
        "the record cannot be reached, trying again",
      );
      await pause(options.clock, delayMs, options.signal);
    }
  }
}

/** The store's, which passes; and not a limit, which may only pass once whoever meets it goes on. */
function isTrouble(error: unknown): error is PerdureError {
  return error instanceof PerdureError && error.retryable && error.code !== "LIMIT_EXCEEDED";
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(ms, end);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}
