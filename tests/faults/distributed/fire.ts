/**
 * What befalls the fleet: drawn one after the other, some at the same time. There is always one process that works and
 * one that serves to which nothing is done, and a worker of the newer version from the time when there is any: what must
 * come about within a time would not without them. The journal knows from when to when what was done to whom.
 */
import { setTimeout as pause } from "node:timers/promises";
import { describeExit } from "../arena.ts";
import type { Random } from "../random.ts";
import { type Fleet, leaseMs, type Member } from "./fleet.ts";

type Deed =
  | "kill"
  | "kill at a write"
  | "stop"
  | "shut down"
  | "half open"
  | "slow"
  | "cut"
  | "cut at a write"
  | "cut clients"
  | "postgres";
const deeds = [
  "kill",
  "kill",
  "kill at a write",
  "kill at a write",
  "kill at a write",
  "stop",
  "stop",
  "shut down",
  "half open",
  "half open",
  "slow",
  "cut",
  "cut at a write",
  "cut clients",
  "postgres",
] as const satisfies readonly Deed[];

const atOnce = 2;
/** For the moment that a deed waits for. */
const patienceMs = 2_000;

export class Fire {
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #under = new Map<Member, Promise<void>>();
  readonly counts = new Map<string, number>();
  /** What a process did that nothing done to it explains. */
  readonly mishaps: string[] = [];
  #postgres: Promise<void> | undefined;

  constructor(fleet: Fleet, random: Random) {
    this.#fleet = fleet;
    this.#random = random;
  }

  /** Resolves when everything is mended that was begun before `stopped`. */
  async burn(stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      await pause(this.#random.between(100, 1_400));
      if (this.#under.size < atOnce) this.#do(this.#random.pick(deeds));
      this.#findDead();
    }
    await this.mended();
  }

  async mended(): Promise<void> {
    await Promise.all([...this.#under.values(), this.#postgres]);
  }

  #do(deed: Deed): void {
    if (deed === "postgres") return this.#restartPostgres();
    if (deed === "cut clients") {
      this.#count(deed);
      return this.#fleet.proxy.cut();
    }
    const victim = this.#victim();
    if (victim === undefined) return;
    this.#under.set(
      victim,
      this.#suffer(victim, deed).finally(() => this.#under.delete(victim)),
    );
  }

  /** One whose kind is not needed. */
  #victim(): Member | undefined {
    const { members } = this.#fleet;
    const [first, ...rest] = members.filter((member) => {
      if (this.#under.has(member)) return false;
      const others = members.filter((other) => other !== member && !this.#under.has(other));
      const works = ({ role }: Member): boolean => role !== "serve";
      const newer = members.some(({ version }) => version === "2");
      return (
        others.some(({ role }) => role !== "work") &&
        others.some(
          (other) =>
            works(other) && (!newer || other.version === "2" || member.version !== "2" || !works(member)),
        )
      );
    });
    return first === undefined ? undefined : this.#random.pick([first, ...rest]);
  }

  async #suffer(member: Member, deed: Exclude<Deed, "postgres" | "cut clients">): Promise<void> {
    const fleet = this.#fleet;
    const process = member.child?.pid ?? -1;
    const { link } = member;
    this.#note("disturbed", process, deed);
    switch (deed) {
      case "kill":
        this.#count("kills");
        await fleet.kill(member);
        await this.#rebirth(member);
        break;
      case "kill at a write":
        await this.#atWrite(member, () => {
          this.#count("kills at a write");
          member.child?.signal("SIGKILL");
        });
        await fleet.kill(member);
        await this.#rebirth(member);
        break;
      case "cut at a write":
        await this.#atWrite(member, () => {
          this.#count("answers cut off");
          link.cut();
        });
        break;
      case "shut down": {
        this.#count("shutdowns");
        const exit = await fleet.shutDown(member);
        if (exit?.code !== 0) this.mishaps.push(`${member.name} did not shut down: ${describeExit(exit)}`);
        await this.#rebirth(member);
        break;
      }
      case "stop": {
        const long = this.#random.next() < 0.6;
        this.#count("stops");
        member.child?.signal("SIGSTOP");
        await pause(
          long ? this.#random.between(1.4 * leaseMs, 2.6 * leaseMs) : this.#random.between(100, leaseMs),
        );
        if (this.#random.next() < 0.25) {
          this.#count("kills of a stopped process");
          await fleet.kill(member);
          await this.#rebirth(member);
        } else member.child?.signal("SIGCONT");
        break;
      }
      case "half open":
        this.#count("links half open");
        link.halfOpen();
        await pause(this.#random.between(leaseMs / 2, 3 * leaseMs));
        link.mend();
        break;
      case "slow":
        this.#count("links slow");
        link.slow(this.#random.between(5, 150));
        await pause(this.#random.between(1_000, 5_000));
        link.mend();
        break;
      case "cut":
        this.#count("links cut");
        link.cut();
    }
    this.#note("mended", process, deed);
  }

  /** Resolves when it has come to that, or the process does not write. */
  async #atWrite({ link }: Member, run: () => void): Promise<void> {
    const sprung = Promise.withResolvers<void>();
    link.ambush(this.#random.between(1, 30), () => {
      run();
      sprung.resolve();
    });
    await Promise.race([sprung.promise, pause(patienceMs, undefined, { ref: false })]);
    link.mend();
  }

  /** In the newer version more and more often. */
  async #rebirth(member: Member): Promise<void> {
    await pause(this.#random.between(100, 1_500));
    const version = member.version === "2" || this.#random.next() < 0.5 ? "2" : "1";
    // A deployment is rolled back now and then, of one that only serves.
    const back = member.role === "serve" && this.#random.next() < 0.2;
    await this.#fleet.born(member, back ? "1" : version);
  }

  #restartPostgres(): void {
    if (this.#postgres !== undefined) return;
    const how = this.#random.pick(["fast", "immediate"] as const);
    const restart = async (): Promise<void> => {
      const { postgres } = this.#fleet;
      this.#note("disturbed", 0, `postgres ${how}`);
      await postgres.stop(how);
      await pause(this.#random.between(0, 3_000));
      await postgres.start();
      this.#count(`restarts of Postgres (${how})`);
      this.#note("mended", 0, `postgres ${how}`);
    };
    this.#postgres = restart().finally(() => (this.#postgres = undefined));
  }

  /** A program whose database is away at its start ends, saying so, and is started again by whoever supervises it. */
  #findDead(): void {
    for (const member of this.#fleet.members) {
      const { child } = member;
      if (this.#under.has(member) || child?.running !== false) continue;
      const restart = async (): Promise<void> => {
        const exit = await child.exited;
        if (exit.stderr.includes("STORE_UNAVAILABLE")) this.#count("starts in vain");
        else this.mishaps.push(`${member.name} ended by itself: ${describeExit(exit)}`);
        await this.#fleet.born(member, member.version);
      };
      this.#under.set(
        member,
        restart().finally(() => this.#under.delete(member)),
      );
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #note(event: "disturbed" | "mended", process: number, how: string): void {
    this.#fleet.journal.append({ event, process, how });
  }
}
