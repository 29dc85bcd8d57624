/**
 * Who is there: one row for each process that has the store open, with a lease in the database's time.
 *
 * A lease belongs to a process, not to a task, so that renewing it costs one row however many tasks run. What runs
 * carries the id of its process; when that process is gone, what it left is made due, and whoever begins it counts a
 * crash. Gone is who has left (a close takes its row along, and says so), and who is *declared dead*: its lease is
 * over, and another has deleted its row. Nobody is dead before that: who renews late, but in time before anybody
 * missed it, goes on, and a database that was away for a minute kills no work. For the same reason whoever was cut off
 * himself first gives all others half a lease to come back.
 *
 * A process that finds its row deleted has lost: its attempts end, their writes are refused (the tasks are due, or
 * another attempt has begun), and it comes back under a new id. So has, without waiting for that news, a process to
 * which the network has been silent for a lease: others may run by now what it runs. A server that says that it is
 * down says so to everybody, and nobody has lost anything.
 */
import { setTimeout as delay } from "node:timers/promises";
import { hostname } from "node:os";
import { nanoid } from "nanoid";
import type { StartExecutor, ToolVersions } from "../store.ts";
import { type Database, databaseTime } from "./database.ts";
import { isDown } from "./errors.ts";

type Taking = Pick<StartExecutor, "tools" | "versions">;

export interface MembershipParts {
  readonly database: Database;
  readonly leaseMs: number;
  /** What left tasks behind was found: they are due. */
  readonly onRecovered: () => void;
  /** Others have taken over what this process runs, or may have. */
  readonly onLost: () => void;
  /** It was alone until now, and has told nobody what it changed. */
  readonly onOthers: () => void;
  /** It is there, for the first time or again, under a new id. */
  readonly onJoined: () => void;
  readonly onError: (error: unknown) => void;
}

/** How long a process whose lease is over tries once more: it may only have been stopped itself, and reach everything. */
const lastTryMs = 1_000;
const leastTryMs = 1_000;

const join = `
  INSERT INTO @.processes (id, tools, host, pid, started_at, lease_until, listener)
  VALUES ($1, $2, $3, $4, ${databaseTime}, ${databaseTime} + $5, $6)
  RETURNING ${databaseTime} AS now, (SELECT count(*) FROM @.processes) AS others`;

const renew = `
  UPDATE @.processes SET lease_until = ${databaseTime} + $2, tools = $3 WHERE id = $1
  RETURNING ${databaseTime} AS now, (SELECT count(*) FROM @.processes) - 1 AS others`;

/**
 * Whether a process `p` is there, as far as can be told before its lease is over: the connection by which it listens
 * ends with it. One that was only cut off does not count either, which is why no task is taken over by this.
 */
export const isThere = "(p.listener IS NULL OR EXISTS (SELECT 1 FROM pg_stat_get_activity(p.listener)))";

/** Makes due what processes left that are not there any more; first, where it may, it declares the late ones dead. */
const recover = `
  WITH dead AS (
    DELETE FROM @.processes WHERE $1 AND lease_until < ${databaseTime} AND id <> $2 RETURNING id
  ), left_running AS (
    SELECT t.id FROM @.tasks t
    WHERE t.running = 1 AND t.due_at IS NULL AND (
      t.process IN (SELECT id FROM dead) OR t.process IS NULL
      OR NOT EXISTS (SELECT 1 FROM @.processes p WHERE p.id = t.process))
    ORDER BY t.id FOR UPDATE
  ), recovered AS (
    UPDATE @.tasks t SET due_at = $3, stamp = $4 FROM left_running WHERE t.id = left_running.id RETURNING t.id
  ), released AS (
    UPDATE @.outboxes o SET lease = NULL, process = NULL, not_before = $3, due_at = $3, stamp = $4
    WHERE o.process IS NOT NULL AND (o.process IN (SELECT id FROM dead)
      OR NOT EXISTS (SELECT 1 FROM @.processes p WHERE p.id = o.process))
    RETURNING o.session
  )
  SELECT (SELECT count(*) FROM dead) AS dead, (SELECT count(*) FROM recovered) + (SELECT count(*) FROM released) AS recovered`;

export class Membership {
  readonly #parts: MembershipParts;
  #id = nanoid();
  #takes: Taking | undefined;
  /** The server's number for the connection that listens. */
  #listener: number | undefined;
  #joined: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #leaseEnd: NodeJS.Timeout | undefined;
  /** The last renewal. */
  #failed = false;
  /** Under which id it lost what it ran, when it could tell nobody. */
  #lostAs: string | undefined;
  #left = false;
  #others = 0;
  /** By `performance.now()`: since when no renewal has failed or come late. */
  #wellSince = Number.POSITIVE_INFINITY;
  #renewedAt = 0;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#id;
  }

  /** How many others there were at the last renewal. */
  get others(): number {
    return this.#others;
  }

  /** Another process said that it is there. */
  noteOther(): void {
    this.#noteOthers(Math.max(1, this.#others));
  }

  /** Once it listens: who came while it did not. */
  async countOthers(): Promise<void> {
    const [row] = await this.#parts.database.query<{ others: number }>(
      "SELECT count(*) AS others FROM @.processes WHERE id <> $1",
      [this.#id],
    );
    this.#noteOthers(row?.others ?? 0);
  }

  #noteOthers(others: number): void {
    const wasAlone = this.#others === 0;
    this.#others = others;
    if (wasAlone && others > 0) this.#parts.onOthers();
  }

  /** The connection that listens is there, or gone on purpose: the others may know by it that this process is. */
  noteListener(listener: number | undefined): void {
    this.#listener = listener;
    if (this.#joined === undefined || this.#left) return;
    const { database, onError } = this.#parts;
    const noted = database.query("UPDATE @.processes SET listener = $2 WHERE id = $1", [
      this.#id,
      listener ?? null,
    ]);
    noted.catch(onError);
  }

  /** From then on the process is known. */
  join(): Promise<void> {
    this.#joined ??= this.#join().catch((error: unknown) => {
      this.#joined = undefined;
      throw error;
    });
    return this.#joined;
  }

  /** For what it executes; `undefined`: it does not. */
  async announce(takes: Taking | undefined): Promise<void> {
    this.#takes = takes === undefined ? undefined : { tools: takes.tools, versions: takes.versions };
    if (takes !== undefined || this.#joined !== undefined) {
      await this.join();
      await this.#renew("pooled");
    }
  }

  /** @param declare whether those whose lease is over may be declared dead */
  async recover(declare: boolean): Promise<void> {
    const { database } = this.#parts;
    const [found] = await database.query<{ dead: number; recovered: number }>(recover, [
      declare,
      this.#id,
      database.now(),
      database.newStamp(),
    ]);
    if (found !== undefined && (found.recovered > 0 || found.dead > 0)) this.#parts.onRecovered();
  }

  /** The tools of all processes that execute. */
  async activeTools(): Promise<readonly string[] | undefined> {
    const active = await this.#active();
    return active.length === 0 ? undefined : [...new Set(active.flatMap(({ tools }) => tools))];
  }

  /** What each of them takes, together: of a tool for which one takes every version, every one. */
  async activeVersions(): Promise<ToolVersions> {
    const active = await this.#active();
    const all: Record<string, readonly string[]> = {};
    for (const tool of new Set(active.flatMap(({ tools }) => tools))) {
      const of = active.filter(({ tools }) => tools.includes(tool)).map(({ versions }) => versions?.[tool]);
      if (of.every((taken) => taken !== undefined)) all[tool] = [...new Set(of.flat())];
    }
    return all;
  }

  async #active(): Promise<Taking[]> {
    const rows = await this.#parts.database.query<{ takes: string }>(
      `SELECT tools AS takes FROM @.processes WHERE tools IS NOT NULL AND lease_until >= ${databaseTime}`,
    );
    return rows.map(({ takes }) => JSON.parse(takes) as Taking);
  }

  /** Leaves at once what runs to others. */
  async leave(): Promise<void> {
    this.#left = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#leaseEnd);
    const joined = await this.#joined?.then(
      () => true,
      () => false,
    );
    if (joined === true)
      await this.#parts.database.query("DELETE FROM @.processes WHERE id = $1", [this.#id]);
  }

  async #join(): Promise<void> {
    const { database, leaseMs } = this.#parts;
    const before = performance.now();
    const [row] = await database.query<{ now: number; others: number }>(join, [
      this.#id,
      this.#takes === undefined ? null : JSON.stringify(this.#takes),
      hostname(),
      process.pid,
      leaseMs,
      this.#listener ?? null,
    ]);
    this.#note(row, before);
    this.#schedule();
    this.#parts.onJoined();
  }

  #schedule(): void {
    if (this.#left) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#beat(), this.#parts.leaseMs / (this.#failed ? 6 : 3));
    if (this.#takes === undefined) this.#timer.unref();
  }

  async #beat(): Promise<void> {
    try {
      await this.#renew(this.#failed ? "anew" : "pooled", Math.max(leastTryMs, this.#parts.leaseMs / 6));
      this.#failed = false;
      const { leaseMs } = this.#parts;
      if (this.#takes !== undefined) await this.recover(performance.now() - this.#wellSince >= leaseMs / 2);
    } catch (error) {
      this.#failed = true;
      this.#wellSince = Number.POSITIVE_INFINITY;
      if (!this.#left) this.#parts.onError(error);
    }
    this.#schedule();
  }

  /** When the lease is over: unless a last try gets through, or hears that there is no server, all is lost. */
  async #endLease(): Promise<void> {
    const renewedAt = this.#renewedAt;
    const hasAnswer = this.#renew("anew", lastTryMs).then(() => true, isDown);
    const mayGoOn = await Promise.race([hasAnswer, delay(lastTryMs, false, { ref: false })]);
    if (this.#left || this.#takes === undefined || this.#renewedAt !== renewedAt) return;
    if (mayGoOn) {
      this.#leaseEnd = setTimeout(() => void this.#endLease(), this.#parts.leaseMs / 3);
    } else if (this.#lostAs === undefined) {
      this.#lostAs = this.#id;
      this.#id = nanoid();
      this.#parts.onLost();
    }
  }

  /** After a silence in which it lost everything: nobody has declared it dead meanwhile, or somebody has. */
  async #comeBack(lostAs: string): Promise<void> {
    await this.#parts.database.query("DELETE FROM @.processes WHERE id = $1", [lostAs]);
    if (this.#lostAs !== lostAs) return;
    this.#lostAs = undefined;
    await this.#join();
    await this.recover(false);
  }

  /** @param way `anew`: over a connection of its own, where those that are there may be dead. */
  async #renew(way: "pooled" | "anew", timeoutMs?: number): Promise<void> {
    if (this.#lostAs !== undefined) return this.#comeBack(this.#lostAs);
    const { database, leaseMs, onLost } = this.#parts;
    const renewed = this.#id;
    const before = performance.now();
    const tools = this.#takes === undefined ? null : JSON.stringify(this.#takes);
    const [row] = await database.query<{ now: number; others: number }>(renew, [this.#id, leaseMs, tools], {
      way,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    if (this.#left || this.#id !== renewed) return; // meanwhile it has lost all the same
    if (row !== undefined) {
      this.#note(row, before);
      return;
    }
    this.#id = nanoid();
    onLost();
    await this.#join();
  }

  #note(row: { readonly now: number; readonly others: number } | undefined, before: number): void {
    const now = performance.now();
    if (now - this.#renewedAt > this.#parts.leaseMs) this.#wellSince = now;
    else this.#wellSince = Math.min(this.#wellSince, now);
    this.#renewedAt = now;
    clearTimeout(this.#leaseEnd);
    if (this.#takes !== undefined) {
      const restMs = this.#parts.leaseMs - (now - before);
      this.#leaseEnd = setTimeout(() => void this.#endLease(), Math.max(0, restMs));
    }
    if (row === undefined) return;
    this.#noteOthers(row.others);
    this.#parts.database.noteTime(row.now, before);
  }
}
