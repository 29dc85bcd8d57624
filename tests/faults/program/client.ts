/**
 * The caller inside the program. What it has done in earlier lives it knows from the journal alone: it submits again
 * what was not acknowledged, asks for what it has not seen the end of, and cancels what it had meant to cancel.
 */
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { App } from "../../../packages/perdure/src/index.ts";
import { PerdureError, TaskError } from "../../../packages/perdure/src/task/errors.ts";
import { eventsOf, type Journal, monotonicMs, type Outcome } from "../journal.ts";
import { Random } from "../random.ts";
import type { Orders } from "./orders.ts";
import { Answering } from "./answering.ts";
import { item, itemAt, type PlanItem } from "./plan.ts";
import { outcomeOf } from "./read-record.ts";

const lookMs = 25;
const probeMs = 100;

export class Client {
  readonly #app: App;
  readonly #journal: Journal;
  readonly #orders: Orders;
  readonly #open = new Set<string>();
  readonly #submitted = new Map<string, PlanItem>();
  readonly #acknowledged = new Map<string, string>();
  #next = 0;
  #closing = false;

  constructor(app: App, journal: Journal, orders: Orders) {
    this.#app = app;
    this.#journal = journal;
    this.#orders = orders;
  }

  /** Resolves when all that was to be submitted, by anybody, has ended. */
  async run(): Promise<void> {
    this.#resume();
    if (this.#orders.probe === true) this.#beside(this.#probe());
    const random = new Random(this.#orders.seed, `answers ${this.#orders.name} ${this.#submitted.size}`);
    let ended = false;
    this.#beside(new Answering(this.#app, this.#journal, random).run(() => ended || this.#closing));
    await this.#work();
    await this.allEnded();
    ended = true;
  }

  async #work(): Promise<void> {
    const { work } = this.#orders;
    if (work.kind === "list") {
      for (const given of work.items) if (!this.#submitted.has(given.key)) void this.submit(given);
    } else {
      const random = new Random(this.#orders.seed, `pace ${this.#orders.name} ${this.#next}`);
      while (!existsSync(this.#orders.stopFile)) {
        const burst = Math.min(random.between(1, 4), work.window - this.#open.size);
        for (let i = 0; i < burst; i++)
          void this.submit(itemAt(this.#orders.seed, this.#orders.name, this.#next++));
        await pause(random.between(0, 20));
      }
    }
  }

  /** Also what was created and never acknowledged, of which only the record knows. */
  async allEnded(): Promise<void> {
    while (this.#open.size > 0 || (await this.#openInRecord())) await pause(lookMs);
  }

  async #openInRecord(): Promise<boolean> {
    for (const status of ["working", "input_required"] as const) {
      const { tasks } = await this.#app.tasks.list({ status, limit: 1 });
      if (tasks.length > 0) return true;
    }
    return false;
  }

  /** How many of what was submitted have not been seen to end. */
  get open(): number {
    return this.#open.size;
  }

  /** Failures are of the closing from now on, and nobody's concern. */
  close(): void {
    this.#closing = true;
  }

  #resume(): void {
    const events = this.#journal.read();
    const mine = (key: string): boolean => key.startsWith(`${this.#orders.name}-`);
    for (const event of eventsOf(events, "submitting"))
      if (mine(event.key)) this.#submitted.set(event.key, event);
    for (const { key, task } of eventsOf(events, "acknowledged"))
      if (mine(key)) this.#acknowledged.set(key, task);
    const ended = new Set(eventsOf(events, "ended").map((event) => event.task));
    for (const [key, given] of this.#submitted) {
      const [, number = ""] = key.split("-");
      if (/^\d+$/.test(number)) this.#next = Math.max(this.#next, Number(number) + 1);
      const task = this.#acknowledged.get(key);
      if (task === undefined) void this.submit(given);
      else if (!ended.has(task)) this.#follow(given, task, this.#look(task));
    }
    this.#insist();
  }

  /** Submits again, under its key, what was acknowledged long ago; and once with another input. */
  #insist(): void {
    const keyed = [...this.#submitted.values()].filter(
      (given) => given.keyed && this.#acknowledged.has(given.key),
    );
    const random = new Random(this.#orders.seed, `insist ${keyed.length}`);
    const [first, ...rest] = keyed;
    if (first === undefined) return;
    void this.submit(random.pick([first, ...rest]));
    this.#beside(this.#contradict(random.pick([first, ...rest])));
  }

  async #contradict({ key, tool, input }: PlanItem): Promise<void> {
    const other = { ...input, size: input.size + 1 };
    const code = await this.#app.submit(tool, other, { idempotencyKey: key }).then(() => "ACCEPTED", codeOf);
    if (!this.#closing) this.#journal.append({ event: "conflict", key, code });
  }

  /** The code of the refusal, where it is refused. */
  async submit(given: PlanItem): Promise<string | undefined> {
    const { key, tool, input, keyed, cancel } = given;
    this.#open.add(key);
    this.#journal.append({ event: "submitting", key, tool, input, keyed, cancel });
    try {
      const handle = await this.#app.submit(tool, input, keyed ? { idempotencyKey: key } : {});
      this.#journal.append({ event: "acknowledged", key, task: handle.id });
      this.#follow(given, handle.id, handle.result().then(completed, endOf));
      return undefined;
    } catch (error) {
      this.#open.delete(key);
      if (!this.#closing) this.#journal.append({ event: "refused", key, code: codeOf(error) });
      return codeOf(error);
    }
  }

  #follow({ key, cancel, input }: PlanItem, task: string, end: Promise<Outcome>): void {
    this.#open.add(key);
    if (cancel) this.#beside(this.#cancel(task, input.salt % 60));
    this.#beside(
      end.then((outcome) => {
        this.#journal.append({ event: "ended", task, outcome });
        this.#open.delete(key);
      }),
    );
  }

  /** A failure of what goes on by itself ends the program, with the reason on stderr. */
  #beside(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.#closing) return;
      setImmediate(() => {
        throw error;
      });
    });
  }

  async #cancel(task: string, afterMs: number): Promise<void> {
    await pause(afterMs);
    this.#journal.append({ event: "cancelling", task });
    await this.#app.tasks.cancel(task);
    this.#journal.append({ event: "ended", task, outcome: await this.#look(task) });
  }

  async #look(task: string): Promise<Outcome> {
    for (;;) {
      const record = await this.#app.tasks.get(task);
      const outcome = record === undefined ? undefined : outcomeOf(record);
      if (outcome !== undefined) return outcome;
      await pause(lookMs);
    }
  }

  async #probe(): Promise<void> {
    const since = Math.floor(monotonicMs());
    for (let i = 0; !existsSync(this.#orders.stopFile); i++) {
      await this.#timed("read", () => this.#app.tasks.list({ limit: 20 }).then(() => undefined, codeOf));
      const key = `${this.#orders.name}-probe${since}.${i}`;
      await this.#timed("submit", () => this.submit(item(key, "instant", 1, { keyed: i % 2 === 0 })));
      await pause(probeMs);
    }
  }

  async #timed(what: "read" | "submit", run: () => Promise<string | undefined>): Promise<void> {
    const began = monotonicMs();
    const code = await run();
    const tookMs = monotonicMs() - began;
    this.#journal.append({ event: "probe", what, tookMs, ...(code !== undefined && { code }) });
  }
}

function completed(result: unknown): Outcome {
  return { status: "completed", result } as Outcome;
}

/** What `handle.result()` throws says how the task ended; anything else is thrown on. */
export function endOf(error: unknown): Outcome {
  if (!(error instanceof TaskError)) throw error;
  if (error.code === "TASK_CANCELLED") return { status: "cancelled" };
  return { status: "failed", code: error.code, message: error.failure?.message ?? error.message };
}

export function codeOf(error: unknown): string {
  return error instanceof PerdureError ? error.code : String(error);
}
