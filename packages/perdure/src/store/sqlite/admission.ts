/**
 * Whether a new task fits: how many of its owner, and in all, are open, and how many of its tool are queued.
 *
 * A count kept in the file would cost every create and every end two writes, and a count by query grows with what is
 * counted. So it is counted seldom: what a count finds free is *room*, of which every create by this process takes
 * one, and only when the room is used up it is counted again. What ends meanwhile makes the room larger than it is
 * thought to be, so that nothing is refused without a count. Other processes create too: when the file says that they
 * wrote, which is asked for at most five times a second, the rooms are forgotten.
 */
import { limitExceeded, type Limits, spoken } from "../../task/limits.ts";
import type { Timestamp } from "../../task/record.ts";
import type { CreateTask } from "../store.ts";
import type { SqliteStatement } from "./driver.ts";
import { groupsInUse } from "./groups.ts";
import type { Sql, Transaction } from "./transaction.ts";

/** What others create is counted within this time. */
const lookMs = 200;
/** A count that found no room holds until something has ended or begun here, or for so long. */
const fullForMs = 1_000;
/** Owners whose room is remembered; one that is forgotten is counted again. */
const maxRooms = 10_000;

interface Room {
  readonly max: number;
  left: number;
  /** Where `left` is 0: the count that found it so. */
  readonly full: { readonly until: Timestamp; readonly departures: number } | undefined;
}

export class Admission {
  readonly #dataVersion: SqliteStatement | undefined;
  readonly #owners = new Map<string, Room>();
  readonly #queues = new Map<string, Room>();
  readonly #all = new Map<"all", Room>();
  #departures = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #seen: unknown;

  /** @param dataVersion the statement `PRAGMA data_version`; none for a store that no other process writes */
  constructor(dataVersion: SqliteStatement | undefined) {
    this.#dataVersion = dataVersion;
  }

  /** What was counted may never have been. */
  forget(): void {
    this.#owners.clear();
    this.#queues.clear();
    this.#all.clear();
  }

  /** A task has ended or begun here: what was full may have room. */
  departed(): void {
    this.#departures++;
  }

  /** @throws PerdureError `LIMIT_EXCEEDED` */
  admit(tx: Transaction, { limits, owner, tool }: CreateTask, queued: boolean): void {
    if (limits === undefined) return;
    this.#noticeOthers(tx.now);
    const { openTasksPerOwner, openTasks, queuedTasks } = limits;
    if (openTasksPerOwner !== undefined) {
      this.#take(tx, this.#owners, owner, openTasksPerOwner, () => countOpen(tx.sql, owner), perOwner);
    }
    if (openTasks !== undefined) {
      this.#take(tx, this.#all, "all", openTasks, () => countAllOpen(tx.sql), inAll);
    }
    if (queued && queuedTasks !== undefined) {
      const count = (): number => countQueued(tx, tool, queuedTasks);
      this.#take(tx, this.#queues, tool, queuedTasks, count, (came) => ({
        limit: "queuedTasks",
        came: `${came} tasks of ${tool} are queued already`,
        instead: "Try again when some have begun",
      }));
    }
  }

  #take<Key extends string>(
    { now }: Transaction,
    rooms: Map<Key, Room>,
    key: Key,
    max: number,
    count: () => number,
    describe: (came: string) => Refusal,
  ): void {
    if (max === Number.POSITIVE_INFINITY) return;
    const room = rooms.get(key);
    if (room?.max === max && room.left > 0) {
      room.left--;
      return;
    }
    if (room?.max !== max || room.full === undefined || !this.#holds(room.full, now)) {
      const counted = count();
      if (rooms.size >= maxRooms) rooms.clear();
      const full = counted < max ? undefined : { until: now + fullForMs, departures: this.#departures };
      rooms.set(key, { max, left: Math.max(0, max - counted - 1), full });
      if (full === undefined) return;
    }
    const { limit, came, instead } = describe(spoken(max));
    throw limitExceeded(limit, came, max, instead);
  }

  #holds(full: NonNullable<Room["full"]>, now: Timestamp): boolean {
    return full.departures === this.#departures && now < full.until;
  }

  #noticeOthers(now: Timestamp): void {
    if (this.#dataVersion === undefined || Math.abs(now - this.#lookedAt) < lookMs) return;
    this.#lookedAt = now;
    const version = this.#dataVersion.get()?.["data_version"];
    if (version === this.#seen) return;
    this.#seen = version;
    this.forget();
  }
}

interface Refusal {
  readonly limit: keyof Limits;
  readonly came: string;
  readonly instead: string;
}

function perOwner(came: string): Refusal {
  return {
    limit: "openTasksPerOwner",
    came: `this caller has ${came} tasks that have not ended`,
    instead: "Try again when some have ended, or cancel some",
  };
}

function inAll(came: string): Refusal {
  return {
    limit: "openTasks",
    came: `there are ${came} tasks that have not ended`,
    instead: "Try again when some have ended",
  };
}

function countOpen(sql: Sql, owner: string): number {
  return numberOf(sql.values("SELECT count(*) FROM tasks WHERE owner = ? AND ended_at IS NULL")(owner));
}

function countAllOpen(sql: Sql): number {
  return numberOf(sql.values("SELECT count(*) FROM tasks INDEXED BY tasks_open WHERE ended_at IS NULL")());
}

/** Never more than `max`: beyond it nothing else is to be known. */
function countQueued({ sql, now }: Transaction, tool: string, max: number): number {
  let queued = 0;
  for (const { version, priority } of groupsInUse(sql, tool)) {
    queued += numberOf(
      sql.values(
        `SELECT count(*) FROM (SELECT 1 FROM tasks INDEXED BY tasks_due
           WHERE tool = ? AND version = ? AND priority = ? AND due_at <= ? LIMIT ?)`,
      )(tool, version, priority, now, max - queued),
    );
    if (queued >= max) break;
  }
  return queued;
}

function numberOf(row: readonly unknown[] | undefined): number {
  return Number(row?.[0] ?? 0);
}
