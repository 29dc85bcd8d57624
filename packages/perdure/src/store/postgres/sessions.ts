/** Sessions of 2025 clients. */
import type { JsonObject } from "../../task/json.ts";
import type { ClientSession, SessionKey, SessionStore, StoredSession } from "../sessions.ts";
import type { Database } from "./database.ts";

interface SessionRow {
  readonly protocol_version: string;
  readonly capabilities: string;
  readonly client_info: string;
  readonly log_level: string | null;
  readonly put_at: number;
  readonly ended_at: number | null;
}

export class PostgresSessions implements SessionStore {
  readonly #ready: () => Promise<Database>;

  constructor(ready: () => Promise<Database>) {
    this.#ready = ready;
  }

  async put(session: ClientSession): Promise<void> {
    const database = await this.#ready();
    await database.query(
      `INSERT INTO @.sessions (id, owner, protocol_version, capabilities, client_info, log_level, put_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (owner, id) DO UPDATE SET protocol_version = excluded.protocol_version,
         capabilities = excluded.capabilities, client_info = excluded.client_info, log_level = excluded.log_level,
         put_at = excluded.put_at, ended_at = NULL`,
      [
        session.id,
        session.owner,
        session.protocolVersion,
        JSON.stringify(session.capabilities),
        JSON.stringify(session.clientInfo),
        session.logLevel ?? null,
        database.now(),
      ],
    );
  }

  async get({ id, owner }: SessionKey): Promise<StoredSession | undefined> {
    const database = await this.#ready();
    const [row] = await database.query<SessionRow>("SELECT * FROM @.sessions WHERE owner = $1 AND id = $2", [
      owner,
      id,
    ]);
    if (row === undefined) return undefined;
    return {
      id,
      owner,
      protocolVersion: row.protocol_version,
      capabilities: JSON.parse(row.capabilities) as JsonObject,
      clientInfo: JSON.parse(row.client_info) as JsonObject,
      putAt: row.put_at,
      ...(row.log_level !== null && { logLevel: row.log_level }),
      ...(row.ended_at !== null && { endedAt: row.ended_at }),
    };
  }

  async end({ id, owner }: SessionKey): Promise<void> {
    const database = await this.#ready();
    await database.query("UPDATE @.sessions SET ended_at = $3 WHERE owner = $1 AND id = $2", [
      owner,
      id,
      database.now(),
    ]);
  }

  async deleteIdle({ idleMs, limit }: { readonly idleMs: number; readonly limit: number }): Promise<number> {
    const database = await this.#ready();
    const now = database.now();
    const gone = await database.query(
      `DELETE FROM @.sessions WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM @.sessions WHERE put_at < $1 OR ended_at < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING 1`,
      [now - idleMs, now - endedKeptMs, limit],
    );
    return gone.length;
  }
}

const endedKeptMs = 86_400_000;
