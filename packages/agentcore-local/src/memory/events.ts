/** Events: what happened in a session, newest first. They are never changed; they are deleted, or expire. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Operation, operation } from "../operation.ts";
import { notFound } from "../service-error.ts";
import { Branches, mainBranch, type SessionKey, type Stretch } from "./branches.ts";
import { EventFilter, holds, type MetadataExpression, type StoredMetadata } from "./event-filter.ts";
import { type CreateEvent, CreateEventInput, EventKey } from "./event-shapes.ts";
import { ActorId, MemoryId, newEventId, SessionId, toSeconds } from "./ids.ts";
import { fromToken, Page, toToken } from "./paging.ts";
import type { MemorySetting } from "./setting.ts";

const ListEventsInput = z.object({
  memoryId: MemoryId,
  actorId: ActorId,
  sessionId: SessionId,
  includePayloads: z.boolean().default(true),
  filter: EventFilter.optional(),
  ...Page,
});

type ListEvents = z.output<typeof ListEventsInput>;

/** Of the event that the page before ended with. */
const EventCursor = z.tuple([z.int(), z.int()]);

interface EventRow {
  readonly seq: number;
  readonly event_id: string;
  readonly timestamp: number;
  readonly branch: string;
  readonly metadata: string | null;
  readonly payload: string;
}

export function eventOperations(setting: MemorySetting): Operation[] {
  const events = new Events(setting);
  const sessionPath = "/memories/{memoryId}/actor/{actorId}/sessions/{sessionId}";
  return [
    operation({
      name: "CreateEvent",
      method: "POST",
      path: "/memories/{memoryId}/events",
      status: 201,
      input: CreateEventInput,
      run: (input) => ({ body: { event: events.create(input) } }),
    }),
    operation({
      name: "ListEvents",
      method: "POST",
      path: sessionPath,
      input: ListEventsInput,
      run: (input) => ({ body: events.list(input) }),
    }),
    operation({
      name: "GetEvent",
      method: "GET",
      path: `${sessionPath}/events/{eventId}`,
      input: EventKey,
      run: (input) => ({ body: { event: events.get(input) } }),
    }),
    operation({
      name: "DeleteEvent",
      method: "DELETE",
      path: `${sessionPath}/events/{eventId}`,
      input: EventKey,
      run: (input) => ({ body: { eventId: events.delete(input) } }),
    }),
  ];
}

class Events {
  readonly #setting: MemorySetting;
  readonly #branches: Branches;

  constructor(setting: MemorySetting) {
    this.#setting = setting;
    this.#branches = new Branches(setting.database);
  }

  create(input: CreateEvent): object {
    const { database, tokens, clock, throttle } = this.#setting;
    this.#setting.checkMemory(input.memoryId);
    const now = clock.now();
    const session = { ...input, sessionId: input.sessionId ?? randomUUID() };
    const isConversational = input.payload.some(({ conversational }) => conversational !== undefined);
    if (isConversational) throttle?.admit(session);
    const { clientToken, ...request } = input;
    const expiresAt = now + this.#setting.eventExpiryMs;
    const use = {
      memoryId: input.memoryId,
      operation: "CreateEvent",
      token: clientToken,
      request,
      expiresAt,
    };
    return database.transaction(() => {
      this.#setting.removeExpired(now);
      const before = tokens.answered(use) as Created | undefined;
      if (before !== undefined) return this.#again(input, before);
      const created = { eventId: newEventId(input.eventTimestamp), sessionId: session.sessionId };
      this.#insert(input, { ...created, now, expiresAt });
      tokens.keep(use, created);
      return this.#created(input, created);
    });
  }

  list(input: ListEvents): { readonly events: readonly object[]; readonly nextToken?: string } {
    this.#setting.checkMemory(input.memoryId);
    const { maxResults, nextToken, filter, includePayloads, ...session } = input;
    const question = ["ListEvents", session, filter];
    const after = fromToken(nextToken, question, EventCursor);
    const stretches = this.#stretches(session, filter);
    const rows = this.#rows(session, stretches, after, maxResults + 1);
    const page = rows.slice(0, maxResults);
    const last = page.at(-1);
    // A page counts what was looked at, not what fits the filter: it may be short, or empty, and not the last.
    const fitting = page.filter((row) => (filter?.eventMetadata ?? []).every((one) => fits(row, one)));
    const events = fitting.map((row) => this.#event(session, row, includePayloads));
    if (last === undefined || rows.length <= maxResults) return { events };
    return { events, nextToken: toToken(question, [last.timestamp, last.seq]) };
  }

  get(key: z.output<typeof EventKey>): object {
    this.#setting.checkMemory(key.memoryId);
    const row = this.#find(key);
    if (row === undefined) throw notFound(`Unable to find event with id ${key.eventId}`);
    return this.#event(key, row, true);
  }

  delete(key: z.output<typeof EventKey>): string {
    this.#setting.checkMemory(key.memoryId);
    const { database, sessions, clock } = this.#setting;
    const { memoryId, eventId } = key;
    database.transaction(() => {
      if (this.#find(key) === undefined) throw notFound(`Unable to find event with id ${eventId}`);
      database.run("DELETE FROM events WHERE memory_id = ? AND event_id = ?", memoryId, eventId);
      sessions.eventDeleted(key, clock.now());
    });
    return eventId;
  }

  #insert(input: CreateEvent, made: Created & { readonly now: number; readonly expiresAt: number }): void {
    const { database } = this.#setting;
    const { memoryId, actorId, metadata, payload, branch, eventTimestamp } = input;
    const { sessionId, eventId, now, expiresAt } = made;
    const branchName = branch?.name ?? mainBranch;
    this.#branches.begin({ memoryId, actorId, sessionId }, branchName, branch?.rootEventId);
    this.#setting.sessions.touch({ memoryId, actorId, sessionId }, now);
    database.run(
      `INSERT INTO events
         (memory_id, actor_id, session_id, event_id, timestamp, branch, metadata, payload, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      memoryId,
      actorId,
      sessionId,
      eventId,
      eventTimestamp,
      branchName,
      metadata === undefined ? null : JSON.stringify(metadata),
      JSON.stringify(payload),
      expiresAt,
    );
  }

  /** The answer to a repeated request is the event of the first; of one that was deleted since, what is still known. */
  #again(input: CreateEvent, created: Created): object {
    const key = { ...input, ...created };
    const row = this.#find(key);
    return row === undefined ? this.#created(input, created) : this.#event(key, row, true);
  }

  #created(input: CreateEvent, { eventId, sessionId }: Created): object {
    const { eventTimestamp: timestamp, branch, metadata, payload } = input;
    const session = { ...input, sessionId };
    const branchName = branch?.name ?? mainBranch;
    return {
      ...this.#head(session, { event_id: eventId, timestamp, branch: branchName }),
      payload,
      ...(metadata !== undefined && { metadata }),
    };
  }

  #event(session: SessionKey, row: EventRow, includePayloads: boolean): object {
    return {
      ...this.#head(session, row),
      ...(includePayloads && { payload: JSON.parse(row.payload) as unknown }),
      ...(row.metadata !== null && { metadata: metadataOf(row) }),
    };
  }

  #head(session: SessionKey, row: Pick<EventRow, "event_id" | "timestamp" | "branch">): object {
    const { memoryId, actorId, sessionId } = session;
    const rootEventId = row.branch === mainBranch ? undefined : this.#branches.rootOf(session, row.branch);
    return {
      memoryId,
      actorId,
      sessionId,
      eventId: row.event_id,
      eventTimestamp: toSeconds(row.timestamp),
      branch: { name: row.branch, ...(rootEventId !== undefined && { rootEventId }) },
    };
  }

  #find({
    memoryId,
    actorId,
    sessionId,
    eventId,
  }: SessionKey & { readonly eventId: string }): EventRow | undefined {
    return this.#setting.database.get(
      `SELECT * FROM events
       WHERE memory_id = ? AND event_id = ? AND actor_id = ? AND session_id = ? AND expires_at > ?`,
      memoryId,
      eventId,
      actorId,
      sessionId,
      this.#setting.clock.now(),
    ) as EventRow | undefined;
  }

  #stretches(session: SessionKey, filter: ListEvents["filter"]): readonly Stretch[] | undefined {
    if (filter?.branch === undefined) return undefined;
    const { name, includeParentBranches } = filter.branch;
    return includeParentBranches ? this.#branches.stretches(session, name) : [{ branch: name }];
  }

  #rows(
    { memoryId, actorId, sessionId }: SessionKey,
    stretches: readonly Stretch[] | undefined,
    after: z.output<typeof EventCursor> | undefined,
    limit: number,
  ): readonly EventRow[] {
    const [timestamp, seq] = after ?? [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const inStretch = stretches === undefined ? "TRUE" : stretches.map(conditionOf).join(" OR ");
    return this.#setting.database.all(
      `SELECT * FROM events
       WHERE memory_id = ? AND actor_id = ? AND session_id = ? AND (timestamp, seq) < (?, ?) AND expires_at > ?
         AND (${inStretch})
       ORDER BY timestamp DESC, seq DESC LIMIT ?`,
      memoryId,
      actorId,
      sessionId,
      timestamp,
      seq,
      this.#setting.clock.now(),
      ...(stretches ?? []).flatMap(parametersOf),
      limit,
    ) as unknown as readonly EventRow[];
  }
}

interface Created {
  readonly eventId: string;
  readonly sessionId: string;
}

function conditionOf({ until }: Stretch): string {
  return until === undefined ? "branch = ?" : "branch = ? AND (timestamp, seq) <= (?, ?)";
}

function parametersOf({ branch, until }: Stretch): (string | number)[] {
  return until === undefined ? [branch] : [branch, until.timestamp, until.seq];
}

function metadataOf({ metadata }: EventRow): StoredMetadata {
  return metadata === null ? {} : (JSON.parse(metadata) as StoredMetadata);
}

function fits(row: EventRow, expression: MetadataExpression): boolean {
  return holds(expression, metadataOf(row));
}
