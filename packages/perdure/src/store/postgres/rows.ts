/** Rows as a unit of work holds them. What they mean is the same in every store. */
import type { TaskId } from "../../task/id.ts";
import type { DeliveryKind, Timestamp } from "../../task/record.ts";
import type { TaskRow as SharedTaskRow } from "../sqlite/rows.ts";

export interface TaskRow extends SharedTaskRow {
  readonly backs_off: number;
  readonly log_lines: number;
  readonly rejoin_key: string | null;
  readonly process: string | null;
  readonly stamp: number;
}

/** A row with what was asked beside it. */
export interface LoadedTask extends TaskRow {
  /** The names of its open questions, and of its open calls whose child asks. */
  readonly asks: readonly string[] | null;
  /** Whether a call waits for it, or a child of it is open. */
  readonly family: boolean;
  /** How many signals it keeps. */
  readonly signals: number;
  /** Whether the process whose call waits for it is there. */
  readonly waiter_here: boolean;
}

export interface OperationRow {
  readonly task_id: TaskId;
  readonly name: string;
  readonly kind: string;
  readonly state: "open" | "attempted" | "done" | "failed";
  readonly attempt: number;
  readonly tries: number;
  readonly value: string | null;
  readonly recorded_at: number;
  readonly revision: number;
  readonly wait: string | null;
  readonly wake_at: number | null;
  readonly question_key: string | null;
  readonly child_id: TaskId | null;
  readonly child_asks: number;
  readonly asking: string | null;
}

export interface SignalRow {
  readonly task_id: TaskId;
  readonly name: string;
  readonly revision: number;
  readonly value: string | null;
}

export interface PayloadRow {
  readonly task_id: TaskId;
  readonly kind: "input" | "result" | "saved";
  readonly value: string | null;
}

export interface DeliveryRow {
  readonly position: number;
  readonly session: string;
  readonly task_id: TaskId;
  readonly key: string;
  readonly kind: DeliveryKind;
  readonly content: string | null;
  readonly at: Timestamp;
  readonly due_at: Timestamp;
  readonly until: Timestamp;
  readonly state: "waiting" | "taken" | "alone";
  /** Of a question of a child that the task waits for. */
  readonly asker_id: TaskId | null;
}

export type NewDeliveryRow = Omit<DeliveryRow, "position">;

export interface OutboxRow {
  readonly session: string;
  readonly due_at: Timestamp | null;
  readonly not_before: Timestamp;
  readonly lease: string | null;
  readonly process: string | null;
  readonly message: string | null;
  readonly failures: number;
  readonly failure: string | null;
  readonly stamp: number;
}

/** With when the earliest of those of its deliveries is due that were not read. */
export interface LoadedOutbox extends OutboxRow {
  readonly rest_due: Timestamp | null;
}

export interface EventRow {
  readonly task_id: TaskId;
  readonly revision: number;
  readonly at: Timestamp;
  readonly type: string;
  readonly detail: string | null;
}
