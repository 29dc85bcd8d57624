/**
 * A history: the {@link Journal}, which knows what was promised and what was done, and the record as a fresh process
 * reads it at the end.
 */
import { eventsOf, type JournalEvent } from "./journal.ts";
import { childrenOf, type PlanItem } from "./program/plan.ts";
import type { FinalTask } from "./program/read-record.ts";

export interface History {
  readonly events: readonly JournalEvent[];
  /** Every task of the store. */
  readonly record: readonly FinalTask[];
}

export interface Finding {
  readonly task?: string | undefined;
  readonly detail: string;
}

/** What was asked for, with what is called on the way. */
export function submittedItems(events: readonly JournalEvent[]): ReadonlyMap<string, PlanItem> {
  const items = eventsOf(events, "submitting").flatMap((item) => [item, ...childrenOf(item)]);
  return new Map(items.map((item) => [item.key, item]));
}

export function keyOf(task: FinalTask): string {
  return task.input.key;
}

export function json(value: unknown): string {
  return value === undefined ? "undefined" : JSON.stringify(value);
}
