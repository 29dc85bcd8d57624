/**
 * The way to Postgres: a bounded pool of connections, each statement a transaction of its own. Nothing is kept in a
 * session (no setting, no lock, and no prepared statement that is relied on, see `prepared.ts`), so that a pooler in
 * transaction mode may stand between.
 *
 * **Silence is not waited for twice.** A half-open connection says nothing. When a statement is not answered in time,
 * all connections are given up, and until an answer comes one statement at a time tries; the others are refused at once.
 *
 * **The time is the database's.** Many machines have many clocks; so this process only measures how far the database's
 * is from a clock of its own that never jumps, anew at every heartbeat.
 *
 * **A lost answer is not a refusal.** When the connection breaks after a write was sent, nobody knows whether it was
 * committed. Every write therefore also inserts its own number into `commits`. To find out, the same number is
 * inserted as void: either the write is there, or it never will be, for its own insert now fails.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type * as Pg from "pg";
import type { Clock } from "../../task/clock.ts";
import { PerdureError } from "../../task/errors.ts";
import type { Timestamp } from "../../task/record.ts";
import { isUnavailable, storeError } from "./errors.ts";
import { PreparedStatements } from "./prepared.ts";

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** Of the same database, not by way of a pooler that shares its connections. */
  readonly listenerUrl: string;
  readonly schema: string;
  readonly maxConnections: number;
  /** How long a statement, or a connection, may take before the way is taken for broken. */
  readonly timeoutMs: number;
  /** For tests: the time of the record. Leases are always in the database's. */
  readonly clock: Clock | undefined;
}

export interface Row {
  readonly [column: string]: unknown;
}

export interface Sending {
  /** `anew`: over a connection of its own. Default `pooled`. */
  readonly way?: "pooled" | "anew";
  /** Shorter than what is set for all. */
  readonly timeoutMs?: number;
}

/** What has become of a statement. */
interface Progress {
  /** The server may have it. */
  begun: boolean;
  /** Nobody waits for it any more: if it is not sent yet, it must not be. */
  givenUp: boolean;
}

export const databaseTime = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const resolveAgainMs = 200;
/** For each that tries while the database is silent. */
const tryMs = 2_000;

export class Database {
  /** `postgres://host:port/database`, without what is secret. */
  readonly location: string;
  readonly #options: DatabaseOptions;
  readonly #texts = new Map<string, string>();
  readonly #prepared = new PreparedStatements();
  #driver: Promise<typeof Pg> | undefined;
  #pool: Promise<Pg.Pool> | undefined;
  /** The database's time less `performance.now()`. */
  #offsetMs: number | undefined;
  #unheard = 0;
  #silent = false;
  #trying = false;
  #closed = false;
  /** Statements that are not answered yet. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.location = locationOf(options.url, options.schema);
  }

  now(): Timestamp {
    const { clock } = this.#options;
    if (clock !== undefined) return clock.now();
    return Math.floor(this.#offsetMs === undefined ? Date.now() : performance.now() + this.#offsetMs);
  }

  /** A number for a commit, never used twice. */
  newStamp(): number {
    return randomInt(1, 2 ** 48 - 1);
  }

  /** One statement. `@.` before a name stands for the schema. @throws PerdureError `STORE_…` */
  async query<T extends object = Row>(
    text: string,
    parameters: readonly unknown[] = [],
    sending: Sending = {},
  ): Promise<T[]> {
    const { way = "pooled", timeoutMs } = sending;
    try {
      return await (way === "anew"
        ? this.#sendAnew<T>(text, parameters, timeoutMs)
        : this.#send<T>(text, parameters, { timeoutMs }));
    } catch (error) {
      const instead = this.#prepared.insteadOf(text, error);
      if (instead !== undefined) return this.query<T>(instead, parameters, sending);
      throw storeError(error, this.location);
    }
  }

  /**
   * One statement that also inserts its number into `commits`. Where the answer is lost it finds out what became of
   * it, however long the database is away: `committed`, or an error that says for certain that nothing was written.
   */
  async write<T extends object>(
    text: string,
    parameters: readonly unknown[],
    stamp: number,
  ): Promise<T[] | "committed"> {
    const progress: Progress = { begun: false, givenUp: false };
    try {
      return await this.#send<T>(text, parameters, { progress });
    } catch (error) {
      if (!progress.begun || !isUnavailable(error)) throw error;
      this.#unheard++;
      try {
        if (await this.#wasCommitted(stamp)) return "committed";
      } finally {
        this.#unheard--;
      }
      throw storeError(error, this.location);
    }
  }

  /** Whether a write is being asked after: the database is away, and what comes now had better not wait for it. */
  get isAway(): boolean {
    return this.#unheard > 0;
  }

  /** A transaction over several statements: for migrations. */
  async transaction<T>(
    run: (query: (text: string, parameters?: readonly unknown[]) => Promise<Row[]>) => Promise<T>,
  ): Promise<T> {
    const client = await (await this.#openPool()).connect();
    let broken: Error | undefined;
    try {
      await client.query("BEGIN");
      const result = await run(async (text, parameters = []) => {
        const { rows } = await client.query<Row>(this.#text(text), [...parameters]);
        return rows;
      });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch((failed: unknown) => {
        broken = failed instanceof Error ? failed : new Error(String(failed));
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** A connection of its own, for what lives in a session: LISTEN. */
  async connect(): Promise<Pg.Client> {
    const { Client } = await this.#loadDriver();
    const client = new Client({ ...this.#settings("listener"), connectionString: this.#options.listenerUrl });
    client.on("error", () => undefined); // `end` follows
    await client.connect();
    return client;
  }

  /** Measures the database's time: called with each heartbeat. */
  async measureTime(): Promise<void> {
    const before = performance.now();
    const [row] = await this.#send<{ now: number }>(`SELECT ${databaseTime} AS now`, [], {});
    this.noteTime(row?.now ?? Date.now(), before);
  }

  /** @param before `performance.now()` when the statement that told the time was sent */
  noteTime(databaseNow: number, before: number): void {
    const after = performance.now();
    this.#offsetMs = databaseNow - (before + after) / 2;
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The pool would never answer those that wait for a connection.
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    const pool = await this.#pool?.catch(() => undefined);
    await pool?.end();
  }

  #send<T extends object>(text: string, parameters: readonly unknown[], options: SendOptions): Promise<T[]> {
    const answer = this.#sendInTime<T>(text, parameters, options).finally(() => {
      if (--this.#underWay === 0) this.#onIdle?.();
    });
    this.#underWay++;
    this.#options.clock?.waitFor?.(answer);
    return answer;
  }

  async #sendInTime<T extends object>(
    text: string,
    parameters: readonly unknown[],
    { progress = { begun: false, givenUp: false }, timeoutMs = this.#options.timeoutMs }: SendOptions,
  ): Promise<T[]> {
    const tries = this.#silent;
    if (tries && this.#trying) throw noAnswer("an earlier statement is not answered");
    if (tries) this.#trying = true;
    const inTime = new AbortController();
    const limitMs = Math.min(timeoutMs, tries ? tryMs : timeoutMs);
    try {
      const pool = await this.#openPool();
      const answer = this.#ask<T>(pool, text, parameters, progress);
      const late = delay(limitMs, undefined, { signal: inTime.signal }).then(() => {
        progress.givenUp = true;
        if (timeoutMs >= this.#options.timeoutMs) this.#giveUp(pool);
        throw noAnswer(`no answer within ${limitMs} ms`);
      });
      answer.catch(() => undefined);
      const rows = await Promise.race([answer, late]);
      this.#silent = false;
      return rows;
    } finally {
      inTime.abort();
      if (tries) this.#trying = false;
    }
  }

  async #ask<T extends object>(
    pool: Pg.Pool,
    text: string,
    parameters: readonly unknown[],
    progress: Progress,
  ): Promise<T[]> {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      if (progress.givenUp) throw noAnswer("too late");
      progress.begun = true;
      const statement = this.#prepared.statement(this.#text(text), [...parameters]);
      const { rows } = await client.query<T & Pg.QueryResultRow>(statement);
      return rows;
    } catch (error) {
      if (isUnavailable(error)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async #sendAnew<T extends object>(
    text: string,
    parameters: readonly unknown[],
    timeoutMs = this.#options.timeoutMs,
  ): Promise<T[]> {
    const { Client } = await this.#loadDriver();
    const limits = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs };
    const client = new Client({ ...this.#settings("store"), ...limits });
    client.on("error", () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<T & Pg.QueryResultRow>(this.#text(text), [...parameters]);
      return rows;
    } finally {
      cut(client);
    }
  }

  /** Connections that may all be half open. */
  #giveUp(pool: Pg.Pool): void {
    this.#silent = true;
    this.#pool = undefined;
    pool.end().catch(() => undefined);
  }

  async #wasCommitted(stamp: number): Promise<boolean> {
    for (;;) {
      try {
        const [row] = await this.#send<{ at: number }>(
          `INSERT INTO @.commits (stamp, at) VALUES ($1, 0)
           ON CONFLICT (stamp) DO UPDATE SET stamp = excluded.stamp RETURNING at`,
          [stamp],
          {},
        );
        return (row?.at ?? 0) > 0;
      } catch (error) {
        if (!isUnavailable(error) || this.#closed) throw storeError(error, this.location);
        await delay(resolveAgainMs);
      }
    }
  }

  #text(text: string): string {
    let known = this.#texts.get(text);
    if (known === undefined) {
      known = text.replaceAll("@.", `"${this.#options.schema}".`);
      this.#texts.set(text, known);
    }
    return known;
  }

  #openPool(): Promise<Pg.Pool> {
    this.#pool ??= this.#makePool().catch((error: unknown) => {
      this.#pool = undefined;
      throw error;
    });
    return this.#pool;
  }

  async #makePool(): Promise<Pg.Pool> {
    const { Pool } = await this.#loadDriver();
    const pool = new Pool({
      ...this.#settings("store"),
      max: this.#options.maxConnections,
      allowExitOnIdle: true,
    });
    // Of an idle connection that broke: the pool has dropped it, and the next statement makes a new one.
    pool.on("error", () => undefined);
    // Of one that breaks in use: the statement is rejected as well, and an event that nobody hears ends the process.
    pool.on("connect", (client) => client.on("error", () => undefined));
    return pool;
  }

  #settings(purpose: string): Pg.ClientConfig {
    const { url, timeoutMs } = this.#options;
    return {
      connectionString: url,
      application_name: `perdure ${purpose}`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      types: { getTypeParser: (oid: number, format?: string) => this.#typeParser(oid, format) as never },
    };
  }

  #typeParser(oid: number, format: string | undefined): (text: string) => unknown {
    if (oid === int8 && format !== "binary") return Number;
    return this.#types?.getTypeParser(oid, format as "text") as (text: string) => unknown;
  }

  #types: typeof Pg.types | undefined;

  #loadDriver(): Promise<typeof Pg> {
    this.#driver ??= import("pg").then(
      (module) => {
        this.#types = module.types;
        return module;
      },
      (error: unknown) => {
        this.#driver = undefined;
        throw new PerdureError("INVALID_OPTION", {
          message: "a store on Postgres needs the package pg, which is not installed. Run: npm install pg",
          cause: error,
        });
      },
    );
    return this.#driver;
  }
}

const int8 = 20;

interface SendOptions {
  readonly progress?: Progress;
  readonly timeoutMs?: number | undefined;
}

/** As the operating system says it of a connection that is not answered. */
function noAnswer(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}

/** Without the farewell, which would wait for an answer. */
export function cut(client: Pg.Client): void {
  client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

function locationOf(url: string, schema: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}${schema === "perdure" ? "" : `?schema=${schema}`}`;
}
