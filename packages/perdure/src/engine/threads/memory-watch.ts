/**
 * Watches the memory of one thread: its heap, and the buffers outside of it, which `resourceLimits` do not know. V8 is
 * asked by an interrupt, so a thread answers while it computes (0.1 to 1 ms, measured in a loop without end). It does
 * not while it is in native code that computes long; and what such code allocates for itself belongs to no thread and is
 * seen by nobody but the operating system.
 */
import type { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../task/clock.ts";
import { threadsAreWatched } from "./limits.ts";

/** A thread that fills memory as fast as it can takes some 100 MB meanwhile. */
const intervalMs = 100;
/** Of V8's own limit: beyond it the process itself is in danger. */
const heapShare = 0.85;

export interface MemoryWatchParts {
  readonly worker: Worker;
  readonly clock: Clock;
  readonly maxMemoryBytes: number;
  /** Called once, with what is wrong. */
  readonly exceeded: (problem: string) => void;
}

/** Until the returned function is called. */
export function watchMemory({ worker, clock, maxMemoryBytes, exceeded }: MemoryWatchParts): () => void {
  let timer: Timer | undefined;
  let watching = threadsAreWatched;
  const look = async (): Promise<void> => {
    const { used_heap_size, external_memory, heap_size_limit } = await worker.getHeapStatistics();
    if (!watching) return;
    const bytes = used_heap_size + external_memory;
    const found = `${bytes} bytes (${used_heap_size} of heap, ${external_memory} of buffers)`;
    if (bytes > maxMemoryBytes) return exceeded(`${found}; maxMemoryBytes is ${Math.floor(maxMemoryBytes)}`);
    if (used_heap_size > heapShare * heap_size_limit) {
      return exceeded(`${found}; V8's limit of its heap is ${heap_size_limit} bytes`);
    }
    again();
  };
  const again = (): void => {
    // A thread that is just starting cannot be asked yet.
    timer = clock.after(intervalMs, () => void look().catch(() => watching && again()));
  };
  if (watching) again();
  return () => {
    watching = false;
    timer?.cancel();
  };
}
