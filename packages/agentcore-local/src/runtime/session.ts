/**
 * A session: one process with a disk of its own, for as long as something happens in it. Something happens while a
 * request runs, and whenever `time_of_last_update` of its `/ping` moves; neither for 15 minutes, and it is ended. It has
 * been measured that the platform reads nothing else: `HealthyBusy` alone keeps no session.
 *
 * The program's clock is not the platform's, which may be moved: what counts is that the time it says is another one than
 * at the last look.
 */
import type { Clock } from "../clock.ts";
import { ServiceError } from "../service-error.ts";
import type { RuntimeLimits } from "./limits.ts";
import { ping } from "./ping.ts";
import type { Program } from "./program.ts";
import type { Runtime } from "./runtime.ts";

/** `lifetime`: its 8 hours are over. `exited`: the program ended by itself. `failed`: it never listened. */
export type SessionEnd = "stopped" | "idle" | "lifetime" | "exited" | "failed" | "closed";

export interface SessionPlan {
  readonly runtime: Runtime;
  readonly id: string;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  readonly start: () => Promise<Program>;
}

const betweenLooksMs = 25;

export class Session {
  readonly runtime: Runtime;
  readonly id: string;
  /** Milliseconds since 1970, by the platform's clock. */
  readonly startedAt: number;
  /** Rejects with a ServiceError when it never comes to listen. */
  readonly program: Promise<Program>;
  /** When its process and its disk are gone. */
  readonly ended: Promise<SessionEnd>;
  /** Aborts when the end begins, with what its callers are told. */
  readonly ending: AbortSignal;
  readonly #plan: SessionPlan;
  readonly #abort = new AbortController();
  readonly #over = Promise.withResolvers<SessionEnd>();
  readonly #started: Promise<Program>;
  #requests = 0;
  #activeAt: number;
  #lastUpdate: number | undefined;
  #lookedAt = { clock: 0, real: 0 };
  #timers: readonly { cancel(): void }[] = [];
  #pinging: NodeJS.Timeout | undefined;

  constructor(plan: SessionPlan) {
    this.#plan = plan;
    this.runtime = plan.runtime;
    this.id = plan.id;
    this.startedAt = this.#activeAt = plan.clock.now();
    this.ending = this.#abort.signal;
    this.ended = this.#over.promise;
    this.#started = plan.start();
    this.program = this.#begin();
    this.program.catch(() => undefined);
  }

  /** A request runs, until what is returned is called. */
  occupy(): () => void {
    this.#requests += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#requests -= 1;
      this.#activeAt = this.#plan.clock.now();
    };
  }

  /** Resolves when its process and its disk are gone. The first reason counts. */
  async end(reason: SessionEnd, said = `The session has ended (${reason}).`): Promise<SessionEnd> {
    if (this.ending.aborted) return this.ended;
    this.#abort.abort(new ServiceError("RuntimeClientError", said));
    for (const timer of this.#timers) timer.cancel();
    clearTimeout(this.#pinging);
    const program = await this.#started.catch(() => undefined);
    await program?.stop(this.#plan.limits.stopMs);
    this.#over.resolve(reason);
    return reason;
  }

  async #begin(): Promise<Program> {
    const { clock, limits, runtime } = this.#plan;
    let program: Program;
    try {
      program = await this.#started;
    } catch (cause) {
      await this.end("failed");
      const error = new ServiceError("InternalServerException", "A session could not be given a disk.");
      error.cause = cause;
      throw error;
    }
    let exit: string | undefined;
    void program.exited.then((said) => {
      exit = said;
      const { name } = runtime;
      void this.end("exited", `The program of the runtime ${name} ${said}. Its output says why.`);
    });
    const deadline = performance.now() + limits.startMs;
    while (!(await this.#listens(program))) {
      if (exit === undefined && performance.now() > deadline) {
        const within = `${limits.startMs / 1000}s`;
        const said = `Runtime initialization time exceeded. Please make sure that initialization completes in ${within}.`;
        void this.end("failed", said);
      }
      if (this.ending.aborted) throw this.ending.reason;
      await new Promise((resolve) => void setTimeout(resolve, betweenLooksMs));
    }
    this.ending.throwIfAborted();
    this.#activeAt = clock.now();
    this.#lookedAt = { clock: this.#activeAt, real: performance.now() };
    this.#timers = [clock.after(runtime.lifeMs, () => void this.#lifeIsOver(program))];
    this.#watchIdleness(program);
    this.#lookAgain(program);
    return program;
  }

  /** An HTTP program is there when its `/ping` is; one of MCP, when it answers anything. */
  async #listens({ port }: Program): Promise<boolean> {
    const pong = await ping(port);
    if (pong === undefined) return false;
    this.#lastUpdate = pong.timeOfLastUpdate;
    return this.runtime.isMcp || (pong.status >= 200 && pong.status < 300);
  }

  #watchIdleness(program: Program): void {
    const { clock, runtime } = this.#plan;
    const timer = clock.after(this.#activeAt + runtime.idleMs - clock.now(), () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      void this.#look(program).then(() => {
        if (this.ending.aborted) return;
        if (this.#requests > 0) this.#activeAt = clock.now();
        if (this.#isIdle()) void this.end("idle");
        else this.#watchIdleness(program);
      });
    });
    this.#timers = [...this.#timers, timer];
  }

  /** Where time was moved over both limits at once, the earlier one counts. */
  async #lifeIsOver(program: Program): Promise<void> {
    await this.#look(program);
    await this.end(this.#isIdle() ? "idle" : "lifetime");
  }

  #isIdle(): boolean {
    const { clock, runtime } = this.#plan;
    return this.#requests === 0 && clock.now() >= this.#activeAt + runtime.idleMs;
  }

  #lookAgain(program: Program): void {
    if (!this.runtime.definition.ping || this.ending.aborted) return;
    this.#pinging = setTimeout(() => {
      void this.#look(program).then(() => this.#lookAgain(program));
    }, this.#plan.limits.pingMs);
  }

  async #look({ port }: Program): Promise<void> {
    if (!this.runtime.definition.ping) return;
    const pong = await ping(port);
    const now = this.#plan.clock.now();
    const realNow = performance.now();
    if (pong?.timeOfLastUpdate !== undefined && pong.timeOfLastUpdate !== this.#lastUpdate) {
      this.#lastUpdate = pong.timeOfLastUpdate;
      // Since the last look, but before a move of the clock: nothing happens in time that is moved over.
      const at = Math.min(now, this.#lookedAt.clock + realNow - this.#lookedAt.real);
      this.#activeAt = Math.max(this.#activeAt, at);
    }
    this.#lookedAt = { clock: now, real: realNow };
  }
}
