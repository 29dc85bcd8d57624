/**
 * The outbox: what becomes of tasks, on its way to the sessions of their callers.
 *
 * Nobody writes into it. The transitions that end a task with a `delivery`, open a question of it, or record what it
 * wants remembered put an entry in, in the same commit. What a session has waiting is leased as one *message*, which
 * has a key and from then on never grows: whoever tries it again, after a crash or a lost answer, sends the same.
 *
 * - **Order.** Ends and questions of a session go in the order in which they fall due, before interim results. One
 *   message of a session is under way at a time.
 * - **Due.** With `unclaimed` an end and a question wait for the grace; an end that was claimed and a question that was
 *   answered by then are taken out. Interim results are due at once; those of a task that wait are one entry.
 * - **Kept.** Until its end is settled an ended task does not expire; its `ttl` counts from then on. What has waited
 *   for `keepMs` is given up by the next lease, or expires with its task.
 */
import type { TaskId } from "../task/id.ts";
import type {
  DeliveryFailure,
  DeliveryKind,
  Question,
  Remembered,
  SessionContext,
  Timestamp,
} from "../task/record.ts";

export interface DeliveryStore {
  /**
   * Takes the messages of sessions that are due, for a process that executes; the longest due first. A message stays
   * leased until it is settled or `forMs` are over.
   */
  lease(request: LeaseDeliveries): Promise<readonly LeasedMessage[]>;
  /**
   * What became of a leased message. False, and nothing is changed, where it is not this process's any more. Only that it
   * was delivered counts from anybody.
   */
  settle(outcome: SettleDelivery): Promise<boolean>;
  /** Gives back a lease, due at once: the process shuts down. */
  release(lease: DeliveryLease): Promise<void>;
  /** The caller was given the end of its task within the grace. False where that was too late, or changes nothing. */
  claimEnd(key: { readonly taskId: TaskId }): Promise<boolean>;
  /** What of a task waits to be delivered, in the order in which it happened. */
  pending(key: { readonly taskId: TaskId }): Promise<readonly PendingDelivery[]>;
  /** Milliseconds until the next session is due (0: now); `undefined`: nothing is, or this process does not execute. */
  nextDueMs(): Promise<number | undefined>;
  /**
   * Calls `listener` after each commit that may have changed when the next session is due, and when this process begins
   * to execute. By other processes it may come late, or for nothing. Returns the unsubscription; must not throw.
   */
  subscribe(listener: () => void): () => void;
}

export interface LeaseDeliveries {
  /** Names the process. */
  readonly by: string;
  readonly forMs: number;
  /** At most so many messages. */
  readonly limit: number;
  /** At most so many entries in a message. */
  readonly entries: number;
}

export interface DeliveryLease {
  readonly by: string;
  /** Of the message. */
  readonly key: string;
  readonly session: SessionContext;
}

export interface LeasedMessage extends DeliveryLease {
  /** How often it was leased and failed before. */
  readonly failures: number;
  readonly entries: readonly OutboxEntry[];
}

export type OutboxEntry = {
  /** The same for the same thing, whatever happens: the task's id, and what it is. Letters, digits and hyphens. */
  readonly key: string;
  readonly taskId: TaskId;
  readonly at: Timestamp;
} & OutboxContent;

export type OutboxContent =
  /** The task itself says how it ended. */
  | { readonly kind: "end" }
  | {
      readonly kind: "question";
      readonly question: Question;
      /** The task that asks, one that the entry's task waits for; absent: that task itself. */
      readonly askerId?: TaskId;
    }
  | { readonly kind: "interim"; readonly remembered: readonly Remembered[]; readonly omitted: number };

export type SettleDelivery = DeliveryLease &
  (
    | { readonly outcome: "delivered"; readonly paceMs: number }
    /** Tried again in `delayMs`, as it is. */
    | { readonly outcome: "failed"; readonly failure: DeliveryFailure; readonly delayMs: number }
    /** Not tried again. Of several entries each is tried once more alone: one of them may be all that is wrong. */
    | { readonly outcome: "refused"; readonly failure: DeliveryFailure; readonly paceMs: number }
  );

export interface PendingDelivery {
  readonly kind: DeliveryKind;
  readonly key: string;
  readonly at: Timestamp;
  /** Not before; a lease, the rate, or a back-off of the session may come on top. */
  readonly dueAt: Timestamp;
  /** How often its message was tried and not accepted, and why at last. */
  readonly failures: number;
  readonly failure?: DeliveryFailure;
}
