/**
 * The journal: what really happened, written outside the store that is under test.
 *
 * One append-only file for all processes and all their lives. A line is appended in one `write` with `O_APPEND` and
 * then synced, so a SIGKILL leaves whole lines, and the order of the lines is the order of events, across processes.
 * A line is written *before* an effect that may happen (`submitting`, `effect`, `saving`) and *after* a promise has
 * resolved (`acknowledged`, `recorded`, `saved`): what lies between the two at a kill may or may not have happened.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { JsonValue } from "../../packages/perdure/src/task/json.ts";
import type { PlanItem } from "./program/plan.ts";

/** How a task ended, as anybody saw it. */
export type Outcome =
  | { readonly status: "completed"; readonly result: JsonValue | undefined }
  | { readonly status: "failed"; readonly code: string; readonly message: string }
  | { readonly status: "cancelled" };

/** An end as the wire shows it; `unknown`: the server knows no such task. */
export type SeenEnd =
  | { readonly status: "completed"; readonly result: JsonValue }
  | { readonly status: "failed"; readonly text: string }
  | { readonly status: "cancelled" | "unknown" };

export type Entry =
  // ── by the driver ─────────────────────────────────────────────────────────────────────────────────────────────
  | { readonly event: "spawned"; readonly child: number; readonly name: string }
  | { readonly event: "signalled"; readonly child: number; readonly signal: string }
  // ── by the program, as a caller ───────────────────────────────────────────────────────────────────────────────
  | ({ readonly event: "submitting" } & PlanItem)
  | { readonly event: "acknowledged"; readonly key: string; readonly task: string }
  | { readonly event: "refused"; readonly key: string; readonly code: string }
  | { readonly event: "conflict"; readonly key: string; readonly code: string }
  | { readonly event: "cancelling"; readonly task: string }
  | {
      readonly event: "answering";
      readonly task: string;
      readonly key: string;
      readonly action: "accept" | "decline";
    }
  /** `taken`: the question was open, and this is its answer. */
  | { readonly event: "answered"; readonly task: string; readonly key: string; readonly taken: boolean }
  | { readonly event: "ended"; readonly task: string; readonly outcome: Outcome }
  /** A look at the record by a process that may not be the one that executes. */
  | {
      readonly event: "probe";
      readonly what: "read" | "submit";
      readonly tookMs: number;
      readonly code?: string;
    }
  // ── by clients of many processes ──────────────────────────────────────────────────────────────────────────────
  /** The server said that it had done so. */
  | { readonly event: "cancelled"; readonly task: string }
  /** How a client was told that the task has ended. */
  | { readonly event: "seen"; readonly task: string; readonly end: SeenEnd }
  /** The memory has accepted an entry. */
  | {
      readonly event: "delivered";
      readonly message: string;
      readonly key: string;
      readonly task: string;
      readonly kind: string;
      readonly status?: string;
    }
  // ── by the driver of many processes: from `disturbed` to `mended`; process 0 is all of them ───────────────────
  | { readonly event: "disturbed"; readonly process: number; readonly how: string }
  | { readonly event: "mended"; readonly process: number; readonly how: string }
  /** The process itself noticed that it had stood still until now. */
  | { readonly event: "stalled"; readonly ms: number }
  /** What its store warned of. */
  | { readonly event: "warned"; readonly text: string }
  // ── by the handlers ───────────────────────────────────────────────────────────────────────────────────────────
  | {
      readonly event: "begun";
      readonly task: string;
      readonly tool: string;
      readonly attempt: number;
      /** Of the handler, where the program comes in several. */
      readonly version?: string;
    }
  | { readonly event: "effect"; readonly task: string; readonly step: string; readonly attempt: number }
  | {
      readonly event: "recorded";
      readonly task: string;
      readonly step: string;
      readonly attempt: number;
      readonly value: JsonValue;
    }
  | { readonly event: "resumed"; readonly task: string; readonly attempt: number; readonly round: number }
  | {
      readonly event: "saving" | "saved";
      readonly task: string;
      readonly attempt: number;
      readonly round: number;
    }
  // ── by the wrapped SQLite driver ──────────────────────────────────────────────────────────────────────────────
  | { readonly event: "hit"; readonly point: number; readonly label: string }
  | { readonly event: "durability"; readonly synchronous: number; readonly journalMode: string }
  | { readonly event: "points"; readonly count: number }
  // ── by the program, about itself ──────────────────────────────────────────────────────────────────────────────
  | { readonly event: "ready" }
  | { readonly event: "phase"; readonly phase: string }
  | { readonly event: "done" };

/** `at`: milliseconds of the monotonic clock, which all processes of a machine share. */
export type JournalEvent = Entry & { readonly at: number; readonly pid: number };
export type EventOf<Name extends Entry["event"]> = Extract<JournalEvent, { readonly event: Name }>;

export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export class Journal {
  readonly file: string;
  readonly #descriptor: number;
  readonly #flush: boolean;

  /** @param flush whether a line is on the disk at once; without it, it outlives the process and not the machine */
  constructor(file: string, { flush = true }: { readonly flush?: boolean } = {}) {
    this.file = file;
    this.#flush = flush;
    this.#descriptor = openSync(file, "a");
  }

  append(entry: Entry): void {
    writeSync(this.#descriptor, `${JSON.stringify({ at: monotonicMs(), pid: process.pid, ...entry })}\n`);
    if (this.#flush) fdatasyncSync(this.#descriptor);
  }

  read(): readonly JournalEvent[] {
    // What follows the last line end is empty, or a line that another process is just writing.
    return readFileSync(this.file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as JournalEvent);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

export function eventsOf<Name extends Entry["event"]>(
  events: readonly JournalEvent[],
  name: Name,
): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name);
}
