/** The outbox in Postgres. */
import type { TaskId } from "../../task/id.ts";
import type { DeliveryFailure, Timestamp } from "../../task/record.ts";
import type {
  DeliveryLease,
  DeliveryStore,
  LeaseDeliveries,
  LeasedMessage,
  PendingDelivery,
  SettleDelivery,
} from "../deliveries.ts";
import type { Transition } from "./commit-group.ts";
import type { Database } from "./database.ts";
import { claimEnd, leaseMessages, releaseMessage, settleMessage } from "./transitions/delivering.ts";

export interface DeliveryStoreParts {
  readonly ready: () => Promise<Database>;
  /** Whether this process executes, and so delivers. */
  readonly executes: () => boolean;
  readonly write: <T>(transition: Transition<T>) => Promise<T>;
  /** Has notifications heard until the function that it returns was called. */
  readonly listen: () => () => void;
}

/** Of so many outboxes that may be due first it is asked when they are: `due_at` is only never too late. */
const askedFor = 100;

export class PostgresDeliveries implements DeliveryStore {
  readonly #parts: DeliveryStoreParts;
  readonly #listeners = new Set<() => void>();

  constructor(parts: DeliveryStoreParts) {
    this.#parts = parts;
  }

  async lease({ ...request }: LeaseDeliveries): Promise<readonly LeasedMessage[]> {
    const { ready, executes, write } = this.#parts;
    const database = await ready();
    if (!executes()) return [];
    const due = await database.query<{ session: string }>(
      "SELECT session FROM @.outboxes WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
      [database.now(), request.limit],
    );
    const sessions = due.map(({ session }) => session);
    return sessions.length === 0 ? [] : write(leaseMessages(request, sessions));
  }

  async settle({ ...outcome }: SettleDelivery): Promise<boolean> {
    return this.#parts.write(settleMessage(outcome));
  }

  async release({ ...lease }: DeliveryLease): Promise<void> {
    return this.#parts.write(releaseMessage(lease));
  }

  async claimEnd({ taskId }: { readonly taskId: TaskId }): Promise<boolean> {
    return this.#parts.write(claimEnd({ taskId }));
  }

  async pending({ taskId }: { readonly taskId: TaskId }): Promise<readonly PendingDelivery[]> {
    const database = await this.#parts.ready();
    const rows = await database.query<PendingRow>(
      `SELECT d.kind, d.key, d.at, d.due_at, coalesce(o.failures, 0) AS failures, o.failure
       FROM @.tasks t JOIN @.deliveries d ON d.task_id = t.id
         LEFT JOIN @.outboxes o ON o.session = d.session AND d.state = 'taken'
       WHERE t.id = $1 AND (t.expires_at IS NULL OR t.expires_at > $2) ORDER BY d.position`,
      [taskId, database.now()],
    );
    return rows.map(({ kind, key, at, due_at, failures, failure }) => ({
      kind,
      key,
      at,
      dueAt: due_at,
      failures,
      ...(failure !== null && { failure: JSON.parse(failure) as DeliveryFailure }),
    }));
  }

  async nextDueMs(): Promise<number | undefined> {
    const { ready, executes } = this.#parts;
    const database = await ready();
    if (!executes()) return undefined;
    const [row] = await database.query<{ at: Timestamp | null }>(
      `WITH first AS (SELECT * FROM @.outboxes WHERE due_at IS NOT NULL ORDER BY due_at LIMIT $1)
       SELECT least(
         (SELECT min(greatest(f.not_before, (SELECT min(d.due_at) FROM @.deliveries d WHERE d.session = f.session)))
            FROM first f WHERE EXISTS (SELECT 1 FROM @.deliveries d WHERE d.session = f.session)),
         CASE WHEN (SELECT count(*) FROM first) = $1 THEN (SELECT max(due_at) FROM first) END) AS at`,
      [askedFor],
    );
    return row?.at == null ? undefined : Math.max(0, row.at - database.now());
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    const endListening = this.#parts.listen();
    return () => {
      this.#listeners.delete(listener);
      endListening();
    };
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

interface PendingRow {
  readonly kind: PendingDelivery["kind"];
  readonly key: string;
  readonly at: Timestamp;
  readonly due_at: Timestamp;
  readonly failures: number;
  readonly failure: string | null;
}
