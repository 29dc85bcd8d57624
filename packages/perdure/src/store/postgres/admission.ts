/**
 * Whether a new task fits: how many of its owner, and in all, are open, and how many of its tool are queued.
 *
 * To count is dear, and every process creates. So it is counted seldom: what a count finds free is *room*, of which
 * every create by this process takes one, and which holds the shorter the nearer the limit is: for as long as the
 * others, at ten thousand creates a second, would need for half of it, and at least 200 ms. A limit may therefore be
 * passed by what all processes create within a fifth of a second, and by no more. Nothing is refused without a count;
 * one that found no room holds until something has ended or begun here, or for a second.
 */
import { limitExceeded, type Limits, spoken } from "../../task/limits.ts";
import type { Timestamp } from "../../task/record.ts";
import type { CreateTask } from "../store.ts";
import { type Count, nameOfCount } from "./needs.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

const leastMs = 200;
const mostMs = 60_000;
const othersPerMs = 10;
const fullForMs = 1_000;
/** Rooms that are remembered; one that is forgotten is counted again. */
const maxRooms = 10_000;

interface Room {
  readonly max: number;
  readonly until: Timestamp;
  left: number;
  /** By {@link Admission.#departures}, where none was left. */
  readonly fullSince: number | undefined;
}

export class Admission {
  readonly #rooms = new Map<string, Room>();
  #departures = 0;

  /** @throws PerdureError `LIMIT_EXCEEDED` */
  admit(unit: UnitOfWork, { limits, owner, tool }: CreateTask, queued: boolean): void {
    if (limits === undefined) return;
    const { openTasksPerOwner, openTasks, queuedTasks } = limits;
    if (openTasksPerOwner !== undefined) {
      this.#take(unit, { of: "open", owner, max: openTasksPerOwner }, (came) => ({
        limit: "openTasksPerOwner",
        came: `this caller has ${came} tasks that have not ended`,
        instead: "Try again when some have ended, or cancel some",
      }));
    }
    if (openTasks !== undefined) {
      this.#take(unit, { of: "open", max: openTasks }, (came) => ({
        limit: "openTasks",
        came: `there are ${came} tasks that have not ended`,
        instead: "Try again when some have ended",
      }));
    }
    if (queued && queuedTasks !== undefined) {
      this.#take(unit, { of: "queued", tool, max: queuedTasks }, (came) => ({
        limit: "queuedTasks",
        came: `${came} tasks of ${tool} are queued already`,
        instead: "Try again when some have begun",
      }));
    }
  }

  /** What a unit has taken is gone. */
  committed(unit: UnitOfWork): void {
    for (const [name, n] of unit.taken) {
      const room = this.#rooms.get(name);
      if (room !== undefined) room.left -= n;
    }
    this.#departures += unit.departures;
  }

  /** Tasks have begun, by a claim. */
  departed(n: number): void {
    this.#departures += n;
  }

  #take(unit: UnitOfWork, count: Count, describe: (came: string) => Refusal): void {
    const { max } = count;
    if (max === Number.POSITIVE_INFINITY) return;
    const name = nameOfCount(count);
    let room = this.#rooms.get(name);
    if (room === undefined || room.max !== max || !this.#holds(room, unit)) {
      room = this.#makeRoom(max, unit.count(count), unit.now);
      if (this.#rooms.size >= maxRooms) this.#rooms.clear();
      this.#rooms.set(name, room);
    }
    if (room.left - unit.takenOf(name) > 0) {
      unit.take(name, 1);
      return;
    }
    const { limit, came, instead } = describe(spoken(max));
    throw limitExceeded(limit, came, max, instead);
  }

  #holds(room: Room, unit: UnitOfWork): boolean {
    if (room.until <= unit.now) return false;
    return room.left > 0 || (room.fullSince !== undefined && room.fullSince === this.#departures);
  }

  #makeRoom(max: number, counted: number, now: Timestamp): Room {
    const left = Math.max(0, max - counted);
    if (left === 0) return { max, left, until: now + fullForMs, fullSince: this.#departures };
    const forMs = Math.min(mostMs, Math.max(leastMs, left / 2 / othersPerMs));
    return { max, left, until: now + forMs, fullSince: undefined };
  }
}

interface Refusal {
  readonly limit: keyof Limits;
  readonly came: string;
  readonly instead: string;
}
