/**
 * Sessions of MCP clients of the 2025 generations, as rows: what a client said of itself when it initialized, for any
 * process that serves its next request. A session gives no authority; tasks belong to the principal.
 */
import type { JsonObject } from "../task/json.ts";
import type { Timestamp } from "../task/record.ts";

export interface SessionStore {
  /** Keeps a session under its id, instead of what was kept before. */
  put(session: ClientSession): Promise<void>;
  /** One that ended stays known as ended for a day, so that its client is told to begin anew. */
  get(key: SessionKey): Promise<StoredSession | undefined>;
  end(key: SessionKey): Promise<void>;
  /** Deletes sessions put longer ago than `idleMs`, or ended for a day; at most `limit`. Returns how many. */
  deleteIdle(batch: { readonly idleMs: number; readonly limit: number }): Promise<number>;
}

export interface SessionKey {
  readonly id: string;
  /** The principal. A session of another one is unknown. */
  readonly owner: string;
}

export interface ClientSession extends SessionKey {
  readonly protocolVersion: string;
  /** `capabilities` and `clientInfo` of the client's `initialize`; empty for a session that was never seen to begin. */
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject;
  /** What the client asked for by `logging/setLevel`. */
  readonly logLevel?: string;
}

export interface StoredSession extends ClientSession {
  readonly putAt: Timestamp;
  readonly endedAt?: Timestamp;
}
