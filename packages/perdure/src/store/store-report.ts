/** What takes the room in a store, and what waits in it for nothing: for whoever operates it. */
import type { TaskId } from "../task/id.ts";
import type { Timestamp } from "../task/record.ts";
import type { PausedTool } from "./store.ts";

export interface StoreReport {
  readonly location: string;
  readonly file: FileReport;
  readonly tasks: {
    readonly open: number;
    readonly ended: number;
    /** Ended, and unknown to everybody, but not deleted yet. */
    readonly expired: number;
  };
  /** What is kept, by what it is: the largest first. */
  readonly kinds: readonly { readonly kind: KeptKind; readonly count: number; readonly bytes: number }[];
  /** The largest first. */
  readonly tools: readonly ({ readonly tool: string } & Share)[];
  /** The largest 20. */
  readonly owners: readonly ({ readonly owner: string } & Share)[];
  readonly oldestOpen?: { readonly id: TaskId; readonly tool: string; readonly createdAt: Timestamp };
  /** Open tasks for which no process that executes now has a handler; all of them, where none executes. */
  readonly withoutHandler: readonly {
    readonly tool: string;
    readonly version?: string;
    readonly tasks: number;
  }[];
  /** Whether a process executes now. */
  readonly executes: boolean;
  readonly paused: readonly PausedTool[];
}

/** `artifacts` lie in a store of their own; here are their sizes. */
export type KeptKind =
  "inputs" | "results" | "saved states" | "operations" | "events" | "signals" | "artifacts";

export interface Share {
  readonly tasks: number;
  readonly open: number;
  readonly bytes: number;
}

export interface FileReport {
  readonly bytes: number;
  /** Of pages that are free, to be used again or given back. */
  readonly freeBytes: number;
  /** Of the write-ahead log beside it. */
  readonly walBytes: number;
  /** False for a file that was made without: it never becomes smaller by itself, only by `VACUUM`. */
  readonly givesBack: boolean;
}
