/**
 * An attempt has two sides. The *outside* (`attempt.ts`) knows the record, the time limits and the outcome. The *inside*
 * is the handler with everything that stands behind its `task`: operations, waits, reports. The inside asks the outside
 * for a handful of things and is told a handful, all of them plain values; so it is the same code in this thread
 * (`handler-run.ts`) and in a worker thread (`threads/`), where a message port lies between the two.
 */
import type { OpenWait, RecordedOutcome, Report } from "../store/store.ts";
import type { JsonValue } from "../task/json.ts";
import type { TaskLimits } from "../task/limits.ts";
import type { Operation, OperationKind, SavedState, TaskRecord } from "../task/record.ts";
import type { RunCommand } from "./exec/exec.ts";
import type { ArtifactStep } from "./artifact-desk.ts";
import type { Logger } from "./logger.ts";

/**
 * What the inside sees of the store: its own task, for as long as the attempt is not ended. Every write is kept up until
 * it is accepted, and refused with the reason once the attempt has ended.
 */
export interface AttemptStore {
  operations(): Promise<readonly Operation[]>;
  savedState(): Promise<SavedState | undefined>;
  saveState(state: SavedState): Promise<void>;
  recordOperation(
    operation: { readonly name: string; readonly kind: OperationKind } & RecordedOutcome,
  ): Promise<Operation>;
  openWait(wait: Pick<OpenWait, "name" | "wait" | "problem">): Promise<Operation>;
  /** @throws PerdureError `UNKNOWN_TOOL`, `INVALID_INPUT` */
  openCall(call: ChildCall): Promise<Operation>;
  /** Ends the attempt until a wait is over; false, and nothing has happened, when one of the named is over already. */
  park(waits: readonly string[]): Promise<boolean>;
  /** Takes a step of writing an artifact; what is recorded of it is an operation. */
  artifact(step: ArtifactStep): Promise<void>;
  report(report: Pick<Report, "progress" | "logs">): Promise<void>;
}

export interface ChildCall {
  readonly name: string;
  readonly tool: string;
  readonly input: JsonValue | undefined;
  readonly idempotencyKey: string | undefined;
}

/** What the inside knows of its task. */
export type RunTask = Pick<TaskRecord, "id" | "tool" | "owner" | "session" | "attempt" | "progress">;

/** What is refused before it is done. */
export type RunLimits = Pick<TaskLimits, "operations" | "artifactBytes">;

export interface RunParts {
  readonly task: RunTask;
  /** As the schema made it. */
  readonly input: unknown;
  readonly recorded: readonly Operation[];
  readonly store: AttemptStore;
  /** The handler's signal. */
  readonly asked: AbortSignal;
  /** Once aborted, nothing is written any more. */
  readonly ended: AbortSignal;
  /** How long an attempt that only waits stays resident for an answer. */
  readonly lingerMs: number;
  /** Whether other tasks wait for a slot. */
  readonly slotWanted: () => boolean;
  readonly logger: Logger;
  /** Of the process, wherever the handler runs. */
  readonly exec: RunCommand;
  readonly limits: RunLimits;
}

export type Settled = { readonly returned: unknown } | { readonly thrown: unknown };

/** The inside, as the outside sees it. */
export interface Run {
  /** Never rejects, and never resolves when the handler never settles. */
  readonly settled: Promise<Settled>;
  /** Resolves when nothing of it computes any more; `undefined` when that is so, or nobody can tell. */
  readonly gone: Promise<void> | undefined;
  /** Something has happened to the task that it may wait for. */
  notice(): void;
  /** Other tasks want its slot: if it only waits, it need not linger. */
  yieldSlot(): void;
}
