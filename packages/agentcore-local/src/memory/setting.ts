/** What the operations of the memory share. */
import type { Clock } from "../clock.ts";
import { notFound } from "../service-error.ts";
import { ClientTokens, type TokenMismatch } from "./client-tokens.ts";
import { Database } from "./database.ts";
import { RecordStore } from "./record-store.ts";
import { MemoryId } from "./ids.ts";
import { Sessions } from "./sessions.ts";
import { quotedRate, Throttle } from "./throttle.ts";

export interface MemoryOptions {
  /** An SQLite file, made when missing. Where left out, all is gone with the process. */
  readonly file?: string;
  /** Ids of the memories that there are; others are not found. Where left out, every valid id is one. */
  readonly memories?: readonly string[];
  /** @default 90 */
  readonly eventExpiryDays?: number;
  /** Limits events with a conversational payload, for each actor and session. `true`: 0.25 a second. @default false */
  readonly throttle?: boolean | { readonly perSecond: number };
  /** Another request under a client token that was used: answer as the first time, or refuse. @default "ignore" */
  readonly clientTokenMismatch?: TokenMismatch;
}

const dayMs = 24 * 60 * 60 * 1000;

export class MemorySetting {
  readonly clock: Clock;
  readonly database: Database;
  readonly sessions: Sessions;
  readonly records: RecordStore;
  readonly tokens: ClientTokens;
  readonly throttle: Throttle | undefined;
  readonly eventExpiryMs: number;
  readonly #memories: ReadonlySet<string> | undefined;

  constructor(options: MemoryOptions, clock: Clock) {
    const { throttle = false } = options;
    this.clock = clock;
    this.eventExpiryMs = positive("eventExpiryDays", options.eventExpiryDays ?? 90) * dayMs;
    if (throttle !== false) {
      const perSecond = throttle === true ? quotedRate : positive("throttle.perSecond", throttle.perSecond);
      this.throttle = new Throttle(clock, perSecond);
    }
    this.#memories = options.memories && new Set(options.memories.map(toMemoryId));
    this.database = new Database(options.file ?? ":memory:");
    this.sessions = new Sessions(this.database);
    this.records = new RecordStore(this.database);
    this.tokens = new ClientTokens(this.database, options.clientTokenMismatch ?? "ignore");
  }

  /** @throws ServiceError `ResourceNotFoundException` */
  checkMemory(memoryId: string): void {
    if (this.#memories?.has(memoryId) === false) throw notFound(`Memory not found: ${memoryId}`);
  }

  /** Within a transaction. What has expired is never read; this frees the room. */
  removeExpired(now: number): void {
    this.database.run("DELETE FROM client_tokens WHERE expires_at <= ?", now);
    this.records.removeExpired(now);
    if (this.database.run("DELETE FROM events WHERE expires_at <= ?", now) > 0)
      this.sessions.removeEmpty(now);
  }

  close(): void {
    this.database.close();
  }
}

function toMemoryId(id: string): string {
  const parsed = MemoryId.safeParse(id);
  if (parsed.success) return parsed.data;
  throw new TypeError(`memories: an id like training-0123456789 was expected, ${JSON.stringify(id)} came.`);
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw new TypeError(`${name}: a number above 0 was expected, ${value} came.`);
}
