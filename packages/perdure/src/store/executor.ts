/** How due tasks come to the process that runs them. */
import type { TaskRecord, Timestamp } from "../task/record.ts";

/**
 * The dispatch: which due tasks this process runs, and when to look again. At-least-once: what it hands out may
 * have been begun before by a process that died.
 */
export interface Executor {
  /**
   * Asks to execute, until `stop`. `wake` is called whenever `claim` may find more than before: new or due work by
   * others, and the moment from which this process may execute at all. The tools are those it has handlers for.
   */
  start(request: StartExecutor): Promise<void>;
  /** Whether this process may claim now. On one file another process may be the one that executes. */
  readonly executes: boolean;
  /**
   * Begins due tasks of the named tools; see `TaskStore.begin`. The highest priority first; within one the owners take
   * turns, also over several claims, so that one with many tasks does not keep another waiting; of an owner the longest
   * due. Tasks of a paused tool, and of a version that is not taken, are left.
   */
  claim(request: ClaimTasks): Promise<ClaimedTasks>;
  /** Milliseconds until the next task of these tools, or any deadline, is due (0: now); `undefined`: nothing is. */
  nextDueMs(request: NextDue): Promise<number | undefined>;
  /** The tools of all processes that execute now; `undefined` where none does. */
  activeTools(): Promise<readonly string[] | undefined>;
  /** The versions that the processes which execute now take, see `StartExecutor.versions`. */
  activeVersions(): Promise<ToolVersions>;
  /** Gives up the right to execute, for another process to take. Only after the attempts have ended. */
  stop(): Promise<void>;
}

/**
 * The versions that are taken, by tool; `""` is that of tasks without one. Of a tool that is not named, every version
 * is taken.
 */
export type ToolVersions = Readonly<Record<string, readonly string[]>>;

export interface StartExecutor {
  readonly tools: readonly string[];
  readonly versions?: ToolVersions | undefined;
  /** @param by `own`: only transitions that this process has asked for, so that its engine knows their deadlines. */
  readonly wake: (by?: "own") => void;
}

export interface ClaimTasks {
  readonly tools: readonly ClaimTool[];
  readonly limit: number;
  /** How many attempts of one owner run at once, of all tools. Absent: as many as there are slots. */
  readonly slotsPerOwner?: number | undefined;
}

export interface ClaimTool {
  readonly tool: string;
  readonly slots: number;
  readonly maxCrashes: number;
  /** As in {@link ToolVersions}. */
  readonly versions?: readonly string[] | undefined;
  /** As that of {@link ClaimTasks}, of this tool alone. */
  readonly slotsPerOwner?: number | undefined;
}

export interface ClaimedTasks {
  readonly begun: readonly TaskRecord[];
  /** Whether a further claim may find more, once there are slots. A hint: it may be true when nothing is left. */
  readonly more: boolean;
  /**
   * Set when due tasks were left because their owners have as many running as they may: the end of any may free them,
   * and no time. It is the store's time of the claim, for `NextDue.after`.
   */
  readonly ownersFullAt?: Timestamp;
}

export interface NextDue {
  readonly tools: readonly string[];
  readonly versions?: ToolVersions | undefined;
  /** Only what becomes due later than this: `ClaimedTasks.ownersFullAt`. */
  readonly after?: Timestamp | undefined;
}
