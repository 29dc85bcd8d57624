/** Actors and their sessions: they come with the first event, and go a day after the last. */
import { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import type { SessionKey } from "./branches.ts";
import type { Database } from "./database.ts";
import { ActorId, MemoryId, toSeconds } from "./ids.ts";
import { fromToken, Page, toToken } from "./paging.ts";
import type { MemorySetting } from "./setting.ts";

/** "Empty sessions are automatically deleted after one day." (ListSessions) */
const emptySessionMs = 24 * 60 * 60 * 1000;

/** With an event, which the parameter is the time for; and one that was emptied less than a day ago. */
const hasEvents = `EXISTS (SELECT 1 FROM events WHERE events.memory_id = sessions.memory_id
  AND events.actor_id = sessions.actor_id AND events.session_id = sessions.session_id AND events.expires_at > ?)`;
const isSeen = `(${hasEvents} OR empty_since > ?)`;

export class Sessions {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** An event was added. Within its transaction. */
  touch({ memoryId, actorId, sessionId }: SessionKey, now: number): void {
    this.#database.run(
      `INSERT INTO sessions (memory_id, actor_id, session_id, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         created_at = CASE WHEN empty_since <= ? THEN excluded.created_at ELSE created_at END,
         empty_since = NULL`,
      memoryId,
      actorId,
      sessionId,
      now,
      now - emptySessionMs,
    );
  }

  /** Within the transaction of the deletion. */
  eventDeleted({ memoryId, actorId, sessionId }: SessionKey, now: number): void {
    this.#database.run(
      `UPDATE sessions SET empty_since = ?
       WHERE memory_id = ? AND actor_id = ? AND session_id = ? AND NOT ${hasEvents}`,
      now,
      memoryId,
      actorId,
      sessionId,
      now,
    );
  }

  /** Those that nobody sees any more. Within a transaction. */
  removeEmpty(now: number): void {
    const gone = `SELECT memory_id, actor_id, session_id FROM sessions WHERE NOT ifnull(${isSeen}, FALSE)`;
    const seen = [now, now - emptySessionMs];
    this.#database.run(`DELETE FROM branches WHERE (memory_id, actor_id, session_id) IN (${gone})`, ...seen);
    this.#database.run(`DELETE FROM sessions WHERE NOT ifnull(${isSeen}, FALSE)`, ...seen);
  }
}

const ListSessionsInput = z.object({
  memoryId: MemoryId,
  actorId: ActorId,
  filter: z.object({ eventFilter: z.enum(["HAS_EVENTS"]).optional() }).optional(),
  ...Page,
});

const ListActorsInput = z.object({ memoryId: MemoryId, ...Page });

export function sessionOperations(setting: MemorySetting): Operation[] {
  return [
    operation({
      name: "ListSessions",
      method: "POST",
      path: "/memories/{memoryId}/actor/{actorId}/sessions",
      input: ListSessionsInput,
      run: (input) => ({ body: listSessions(setting, input) }),
    }),
    operation({
      name: "ListActors",
      method: "POST",
      path: "/memories/{memoryId}/actors",
      input: ListActorsInput,
      run: (input) => ({ body: listActors(setting, input) }),
    }),
  ];
}

/** Newest first. */
function listSessions(setting: MemorySetting, input: z.output<typeof ListSessionsInput>) {
  const { memoryId, actorId, filter, maxResults, nextToken } = input;
  setting.checkMemory(memoryId);
  const now = setting.clock.now();
  const question = ["ListSessions", memoryId, actorId, filter];
  const after = fromToken(nextToken, question, z.tuple([z.int(), z.string()]));
  const [createdAt, sessionId] = after ?? [Number.MAX_SAFE_INTEGER, ""];
  const onlyFull = filter?.eventFilter === "HAS_EVENTS";
  const rows = setting.database.all(
    `SELECT session_id AS id, created_at AS createdAt FROM sessions
     WHERE memory_id = ? AND actor_id = ? AND (-created_at, session_id) > (?, ?) AND ${onlyFull ? hasEvents : isSeen}
     ORDER BY created_at DESC, session_id LIMIT ?`,
    memoryId,
    actorId,
    -createdAt,
    sessionId,
    now,
    ...(onlyFull ? [] : [now - emptySessionMs]),
    maxResults + 1,
  ) as unknown as readonly { readonly id: string; readonly createdAt: number }[];
  const page = rows.slice(0, maxResults);
  const last = page.at(-1);
  const sessionSummaries = page.map(({ id, createdAt: at }) => ({
    sessionId: id,
    actorId,
    createdAt: toSeconds(at),
  }));
  if (last === undefined || rows.length <= maxResults) return { sessionSummaries };
  return { sessionSummaries, nextToken: toToken(question, [last.createdAt, last.id]) };
}

/** By their ids. */
function listActors(setting: MemorySetting, input: z.output<typeof ListActorsInput>) {
  const { memoryId, maxResults, nextToken } = input;
  setting.checkMemory(memoryId);
  const now = setting.clock.now();
  const question = ["ListActors", memoryId];
  const [after] = fromToken(nextToken, question, z.tuple([z.string()])) ?? [""];
  const rows = setting.database.all(
    `SELECT DISTINCT actor_id AS actorId FROM sessions WHERE memory_id = ? AND actor_id > ? AND ${isSeen}
     ORDER BY actor_id LIMIT ?`,
    memoryId,
    after,
    now,
    now - emptySessionMs,
    maxResults + 1,
  ) as unknown as readonly { readonly actorId: string }[];
  const actorSummaries = rows.slice(0, maxResults).map(({ actorId }) => ({ actorId }));
  const last = actorSummaries.at(-1);
  if (last === undefined || rows.length <= maxResults) return { actorSummaries };
  return { actorSummaries, nextToken: toToken(question, [last.actorId]) };
}
