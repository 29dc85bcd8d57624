/**
 * Branches of a session. Events without one are on `main`. A branch begins after an event of another, its root, and with
 * its parents reads as one conversation: the parents' events up to the root, and then its own.
 */
import { notFound, validationError } from "../service-error.ts";
import type { Database } from "./database.ts";

export const mainBranch = "main";

export interface SessionKey {
  readonly memoryId: string;
  readonly actorId: string;
  readonly sessionId: string;
}

/** Events of one branch: all, or those up to a root. */
export interface Stretch {
  readonly branch: string;
  readonly until?: { readonly timestamp: number; readonly seq: number };
}

interface BranchRow {
  readonly root_event_id: string | null;
  readonly parent: string | null;
  readonly root_timestamp: number;
  readonly root_seq: number;
}

export class Branches {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Within the transaction of its first event. @throws ServiceError for a root that there is not in this session */
  begin(session: SessionKey, name: string, rootEventId: string | undefined): void {
    if (name === mainBranch || this.#find(session, name) !== undefined) return;
    const { memoryId, actorId, sessionId } = session;
    const root = rootEventId === undefined ? undefined : this.#root(session, rootEventId);
    this.#database.run(
      `INSERT INTO branches (memory_id, actor_id, session_id, name, root_event_id, parent, root_timestamp, root_seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      memoryId,
      actorId,
      sessionId,
      name,
      rootEventId ?? null,
      root?.branch ?? null,
      root?.until.timestamp ?? null,
      root?.until.seq ?? null,
    );
  }

  rootOf(session: SessionKey, name: string): string | undefined {
    return this.#find(session, name)?.root_event_id ?? undefined;
  }

  /** The branch itself, and then its parents. */
  stretches(session: SessionKey, name: string): Stretch[] {
    const found: Stretch[] = [{ branch: name }];
    let row = this.#find(session, name);
    while (row?.parent != null) {
      found.push({ branch: row.parent, until: { timestamp: row.root_timestamp, seq: row.root_seq } });
      row = this.#find(session, row.parent);
    }
    return found;
  }

  #find({ memoryId, actorId, sessionId }: SessionKey, name: string): BranchRow | undefined {
    return this.#database.get(
      `SELECT root_event_id, parent, root_timestamp, root_seq FROM branches
       WHERE memory_id = ? AND actor_id = ? AND session_id = ? AND name = ?`,
      memoryId,
      actorId,
      sessionId,
      name,
    ) as BranchRow | undefined;
  }

  #root({ memoryId, actorId, sessionId }: SessionKey, eventId: string): Required<Stretch> {
    const row = this.#database.get(
      "SELECT actor_id, session_id, branch, timestamp, seq FROM events WHERE memory_id = ? AND event_id = ?",
      memoryId,
      eventId,
    );
    if (row === undefined) throw notFound(`Unable to find root event with id ${eventId}`);
    if (row["actor_id"] !== actorId || row["session_id"] !== sessionId) {
      throw validationError(`The root event ${eventId} is of another session.`, "EventInOtherSession");
    }
    const until = { timestamp: row["timestamp"] as number, seq: row["seq"] as number };
    return { branch: row["branch"] as string, until };
  }
}
