/** Sessions of 2025 clients in the embedded store. */
import type { JsonObject } from "../../task/json.ts";
import type { Timestamp } from "../../task/record.ts";
import type { ClientSession, SessionKey, SessionStore, StoredSession } from "../sessions.ts";
import type { Sql, Transaction } from "./transaction.ts";

export interface SessionStoreParts {
  readonly sql: Sql;
  readonly read: <T>(query: () => T) => T;
  readonly write: <T>(transition: (tx: Transaction) => T) => Promise<T>;
}

export class SqliteSessions implements SessionStore {
  readonly #parts: SessionStoreParts;

  constructor(parts: SessionStoreParts) {
    this.#parts = parts;
  }

  async put(session: ClientSession): Promise<void> {
    const { id, owner, protocolVersion, capabilities, clientInfo, logLevel } = session;
    await this.#parts.write((tx) =>
      tx
        .sql(
          `INSERT OR REPLACE INTO sessions (id, owner, protocol_version, capabilities, client_info, log_level, put_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          id,
          owner,
          protocolVersion,
          JSON.stringify(capabilities),
          JSON.stringify(clientInfo),
          logLevel ?? null,
          tx.now,
        ),
    );
  }

  async get({ id, owner }: SessionKey): Promise<StoredSession | undefined> {
    const { sql, read } = this.#parts;
    const row = read(() => sql("SELECT * FROM sessions WHERE owner = ? AND id = ?").get(owner, id));
    if (row === undefined) return undefined;
    const [logLevel, endedAt] = [row["log_level"] as string | null, row["ended_at"] as Timestamp | null];
    return {
      id,
      owner,
      protocolVersion: row["protocol_version"] as string,
      capabilities: JSON.parse(row["capabilities"] as string) as JsonObject,
      clientInfo: JSON.parse(row["client_info"] as string) as JsonObject,
      putAt: row["put_at"] as Timestamp,
      ...(logLevel !== null && { logLevel }),
      ...(endedAt !== null && { endedAt }),
    };
  }

  async end({ id, owner }: SessionKey): Promise<void> {
    await this.#parts.write((tx) =>
      tx.sql("UPDATE sessions SET ended_at = ? WHERE owner = ? AND id = ?").run(tx.now, owner, id),
    );
  }

  async deleteIdle({ idleMs, limit }: { readonly idleMs: number; readonly limit: number }): Promise<number> {
    return this.#parts.write((tx) => {
      const before = tx.now - idleMs;
      const { changes } = tx
        .sql(
          `DELETE FROM sessions WHERE rowid IN
             (SELECT rowid FROM sessions WHERE put_at < ? OR ended_at < ? LIMIT ?)`,
        )
        .run(before, tx.now - endedKeptMs, limit);
      return Number(changes);
    });
  }
}

const endedKeptMs = 86_400_000;
