/**
 * What a thread may use. V8 limits the heap of a thread, but its wall is no safe one: an allocation that is large by
 * itself (an array that grows, a long string) and does not fit ends the whole process with "FATAL ERROR: Reached heap
 * limit", where many small ones end only the thread (tried on Node 24: 4 of 8 programs took the process with them). So
 * the wall is set far away, and the thread is watched (`memory-watch.ts`) and ended before it comes there.
 */
import { totalmem } from "node:os";
import { type ResourceLimits, Worker } from "node:worker_threads";
import { PerdureError, quote } from "../../task/errors.ts";

const mebibyte = 2 ** 20;
/** A thread that does nothing takes 8 MiB; under 4 MiB of heap V8 ends the process while the thread starts. */
const leastMemoryBytes = 32 * mebibyte;
/** Of the memory that there is. */
const defaultShare = 0.75;

/** Node before 22.16 cannot ask a thread for its memory. There the wall is all there is, and buffers are not bounded. */
export const threadsAreWatched = "getHeapStatistics" in Worker.prototype;

export interface ThreadLimits {
  /** Of its heap and its buffers. */
  readonly maxMemoryBytes: number;
  readonly resourceLimits: ResourceLimits;
}

/** @throws PerdureError `INVALID_OPTION` */
export function toThreadLimits(
  maxMemoryBytes: number | undefined,
  resourceLimits: ResourceLimits | undefined,
  setting: string,
): ThreadLimits {
  if (maxMemoryBytes === undefined) {
    return { maxMemoryBytes: defaultShare * presentMemoryBytes(), resourceLimits: resourceLimits ?? {} };
  }
  if (!(maxMemoryBytes >= leastMemoryBytes)) {
    throw new PerdureError("INVALID_OPTION", {
      message: `${setting} must be at least ${leastMemoryBytes} bytes, 32 MiB; ${quote(maxMemoryBytes)} came.`,
    });
  }
  const megabytes = Math.ceil(maxMemoryBytes / mebibyte);
  const wallMb = threadsAreWatched ? 2 * megabytes + 1_024 : megabytes;
  return { maxMemoryBytes, resourceLimits: { maxOldGenerationSizeMb: wallMb, ...resourceLimits } };
}

/** Of the machine, or of the container that this process is in. */
function presentMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
