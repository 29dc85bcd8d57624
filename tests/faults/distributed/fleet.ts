/**
 * Everything that a run has: a PostgreSQL of its own, the processes over it, each by a link of its own, the load balancer
 * in front of those that serve, and the memory behind them. All of it is ended by `close`, however far it came.
 */
import { join } from "node:path";
import {
  startPostgres,
  type PostgresServer,
} from "../../../packages/perdure/src/store/postgres/server.fixture.ts";
import { RoundRobinProxy } from "../../clients/deployments/proxy.ts";
import { Child, type Exit } from "../children.ts";
import { Journal } from "../journal.ts";
import type { ProgramVersion } from "../program/tools.ts";
import type { Random } from "../random.ts";
import { Link } from "./link.ts";
import type { MemberOrders } from "./orders.ts";
import { Sink } from "./sink.ts";

/** Short, so that many leases fit into a run; long enough for machines that are busy. */
export const leaseMs = 3_000;
const bornWithinMs = 30_000;
const closesWithinMs = 15_000;

export interface Member {
  readonly name: string;
  readonly role: MemberOrders["role"];
  readonly skewMs: number;
  readonly link: Link;
  version: ProgramVersion;
  child: Child | undefined;
  /** Where it serves. */
  port: number | undefined;
}

/** Their clocks are up to a minute apart. */
const places = [
  { name: "serve-1", role: "serve", skewMs: -30_000 },
  { name: "serve-2", role: "serve", skewMs: 30_000 },
  { name: "work-1", role: "work", skewMs: 30_000 },
  { name: "work-2", role: "work", skewMs: -30_000 },
  { name: "both-1", role: "both", skewMs: 0 },
] as const;

export class Fleet {
  readonly journal: Journal;
  readonly members: Member[] = [];
  readonly #closing: (() => Promise<unknown>)[] = [];
  #postgres: PostgresServer | undefined;
  #proxy: RoundRobinProxy | undefined;
  #sink: Sink | undefined;

  private constructor(folder: string) {
    this.journal = new Journal(join(folder, "journal.jsonl"), { flush: false });
  }

  static async start(folder: string, random: Random): Promise<Fleet> {
    const fleet = new Fleet(folder);
    try {
      await fleet.#start(random);
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  async #start(random: Random): Promise<void> {
    const postgres = await startPostgres();
    this.#postgres = postgres;
    this.#closing.push(() => postgres.dispose());
    const sink = await Sink.start(this.journal, random.derive("sink"));
    this.#sink = sink;
    this.#closing.push(() => sink.close());
    const proxy = await RoundRobinProxy.start(() => this.members.flatMap(({ port }) => port ?? []));
    this.#proxy = proxy;
    this.#closing.push(() => proxy.close());
    for (const place of places) {
      const link = await Link.start(postgres.port);
      this.#closing.push(() => link.close());
      this.members.push({ ...place, link, version: "1", child: undefined, port: undefined });
    }
    this.#closing.push(() => Promise.all(this.members.map(async ({ child }) => child?.kill())));
    await Promise.all(this.members.map((member) => this.born(member, "1")));
  }

  get postgres(): PostgresServer {
    if (this.#postgres === undefined) throw new Error("it is there from the start");
    return this.#postgres;
  }

  get sink(): Sink {
    if (this.#sink === undefined) throw new Error("it is there from the start");
    return this.#sink;
  }

  get proxy(): RoundRobinProxy {
    if (this.#proxy === undefined) throw new Error("it is there from the start");
    return this.#proxy;
  }

  /** Starts the process of a place. Resolves once it is there, or has ended, or takes too long. */
  async born(member: Member, version: ProgramVersion): Promise<void> {
    const { name, role, skewMs, link } = member;
    const url = new URL(this.postgres.url);
    url.port = String(link.port);
    const orders: MemberOrders = {
      name,
      role,
      skewMs,
      version,
      leaseMs,
      url: url.href,
      journal: this.journal.file,
      memory: this.sink.url,
      stepMs: 12,
    };
    const child = new Child(this.journal, orders, "../distributed/member");
    member.child = child;
    member.version = version;
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), bornWithinMs).unref();
    });
    const said = await Promise.race([child.ready, late]);
    if (member.child === child && role !== "work" && said !== undefined) member.port = Number(said);
    if (said === undefined && child.running) await child.kill();
  }

  /** Its exit is told, for one that was to end otherwise. */
  async kill(member: Member): Promise<Exit | undefined> {
    member.port = undefined;
    return member.child?.kill();
  }

  /** As an operator ends it. `undefined`: it did not end in time, and was killed. */
  async shutDown(member: Member): Promise<Exit | undefined> {
    member.port = undefined;
    member.child?.signal("SIGTERM");
    const exit = await member.child?.exitWithin(closesWithinMs);
    if (exit === undefined) await member.child?.kill();
    return exit;
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) {
      await close().catch((error: unknown) => console.error(String(error)));
    }
  }
}
