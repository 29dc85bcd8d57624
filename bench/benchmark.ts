/** What a benchmark that compares two rates is made of. */
import type { Contest } from "./measure.ts";

export interface Benchmark {
  readonly name: string;
  /** The least ratio of perdure's rate to the reference's. */
  readonly target: number;
  /** @param folder is empty, on a disk, and goes with the benchmark. */
  prepare(folder: string): Promise<Contest & { close(): Promise<void> }>;
}
