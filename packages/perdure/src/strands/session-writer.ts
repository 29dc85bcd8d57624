/**
 * What an agent has said, on its way into memory: one event after the other, each tried until it is kept.
 *
 * Nothing waits for the writer but `flush`. What gathers while an event is under way goes into the next one together
 * (an event takes a hundred messages, and the service takes few events a second), and a toolUse goes with its
 * toolResult in one event: no other program's event can come to lie between them. Timestamps strictly increase, beyond
 * everything that was seen in memory. An event that was tried never changes, and has a token of its own: tried again, it
 * is written once.
 */
import { randomUUID } from "node:crypto";
import {
  type EventMetadata,
  formatMessage,
  type PayloadItem,
  type SessionMessage,
} from "../agentcore/session-format.ts";
import type { Logger } from "../engine/logger.ts";
import type { Clock } from "../task/clock.ts";
import { retryDelayMs } from "../task/retry.ts";
import type { NewEvent, SessionEvents } from "./session-events.ts";
import { replacedName, replacesKey } from "./session-reader.ts";

export interface WriterParts {
  readonly events: SessionEvents;
  /** Of every message's event. */
  readonly metadata: EventMetadata;
  readonly clock: Clock;
  readonly retryClock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Of one request. */
  readonly requestMs: number;
}

/** A message, named so that it can be withdrawn. */
interface Said {
  readonly name: string;
  message: SessionMessage;
  readonly at: number;
  /** It calls a tool: the next one is the result. */
  readonly callsTool: boolean;
}

type Job =
  | { readonly kind: "message"; readonly said: Said }
  | {
      readonly kind: "marker";
      readonly item: PayloadItem;
      readonly metadata: EventMetadata;
      readonly at: number;
    }
  | { readonly kind: "withdraw"; readonly name: string; readonly message: SessionMessage };

interface Written {
  readonly eventId: string;
  readonly at: number;
  readonly said: readonly Said[];
}

const mostItems = 100;
/** How many events can still be withdrawn from: a guardrail speaks of the latest message. */
const rememberedEvents = 20;
const retry = { retries: Number.POSITIVE_INFINITY, delayMs: 500, maxDelayMs: 30_000, factor: 2 };
/** Whatever is tried again is refused again. */
const refusals = new Set(["ValidationException", "InvalidInputException"]);

export class SessionWriter {
  readonly #parts: WriterParts;
  #jobs: Job[] = [];
  #underWay: readonly Job[] = [];
  #written: Written[] = [];
  #running: Promise<void> | undefined;
  #latest = 0;
  #mayPart = false;
  #failures = 0;
  #wake: () => void = () => undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Written later than everything that was seen. */
  seen(at: number): void {
    this.#latest = Math.max(this.#latest, at);
  }

  /** How many messages and markers are not yet kept. */
  get waiting(): number {
    return this.#jobs.length;
  }

  /** When the next event will be dated, at the earliest. */
  stamp(): number {
    this.#latest = Math.max(this.#parts.clock.now(), this.#latest + 1);
    return this.#latest;
  }

  say(said: Omit<Said, "at">): void {
    this.#mayPart = false;
    this.#jobs.push({ kind: "message", said: { ...said, at: this.stamp() } });
    this.#run();
  }

  mark(item: PayloadItem, metadata: EventMetadata): void {
    this.#jobs.push({ kind: "marker", item, metadata, at: this.stamp() });
    this.#run();
  }

  /** `message` in the place of what was said under this name; what was withdrawn does not stay in memory. */
  withdraw(name: string, message: SessionMessage): void {
    const waiting = this.#jobs.find((job) => job.kind === "message" && job.said.name === name);
    if (waiting?.kind === "message" && !this.#underWay.includes(waiting)) waiting.said.message = message;
    else this.#jobs.push({ kind: "withdraw", name, message });
    this.#run();
  }

  /** Resolves once all is kept; `false`: not within `ms`, and it goes on trying. */
  async flush(ms: number): Promise<boolean> {
    this.#mayPart = true;
    this.#failures = 0;
    this.#wake();
    this.#run();
    if (this.#running === undefined) return true;
    const timedOut = Promise.withResolvers<"late">();
    const timer = this.#parts.clock.after(ms, () => timedOut.resolve("late"));
    const outcome = await Promise.race([this.#running, timedOut.promise]);
    timer.cancel();
    return outcome !== "late" && this.#jobs.length === 0;
  }

  #run(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      if (this.#next().length > 0) this.#run();
    });
  }

  async #drain(): Promise<void> {
    // What is said in one turn of the event loop goes together.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      this.#underWay = batch;
      await this.#untilKept(batch);
      this.#underWay = [];
      this.#jobs = this.#jobs.filter((job) => !batch.includes(job));
    }
  }

  /** The first jobs that make one event; a call that is said last waits for its result. */
  #next(): readonly Job[] {
    const [first] = this.#jobs;
    if (first === undefined) return [];
    if (first.kind !== "message") return [first];
    const other = this.#jobs.findIndex((job) => job.kind !== "message");
    const batch = this.#jobs.slice(0, Math.min(mostItems, other === -1 ? this.#jobs.length : other));
    const last = batch.at(-1);
    const parts = last?.kind === "message" && last.said.callsTool;
    const isAll = batch.length === this.#jobs.length;
    if (parts && !(isAll && this.#mayPart)) batch.pop();
    return batch;
  }

  async #untilKept(batch: readonly Job[]): Promise<void> {
    const { retryClock, random, logger } = this.#parts;
    const attempt = this.#attemptOf(batch);
    this.#failures = 0;
    while (true) {
      try {
        await attempt();
        return;
      } catch (error) {
        const name = error instanceof Error ? error.name : "";
        if (refusals.has(name)) {
          logger.error(
            { err: error, lost: batch.length },
            "AgentCore Memory refuses an event; it is not kept",
          );
          return;
        }
        this.#failures += 1;
        const ms = retryDelayMs(retry, this.#failures, random) ?? retry.maxDelayMs;
        const waiting = this.#jobs.length;
        logger.warn({ err: error, waiting, retryInMs: ms }, "AgentCore Memory did not take an event");
        await new Promise<void>((resolve) => {
          const timer = retryClock.after(ms, resolve);
          this.#wake = () => {
            timer.cancel();
            resolve();
          };
        });
      }
    }
  }

  /** The same event whenever it is tried. */
  #attemptOf(batch: readonly Job[]): () => Promise<void> {
    const [first] = batch;
    const token = randomUUID();
    if (first?.kind === "marker") {
      const { item, metadata, at } = first;
      return async () => void (await this.#create({ at, payload: [item], metadata, token }));
    }
    if (first?.kind === "withdraw") return this.#replacing(first.name, first.message, token);
    const said = batch.flatMap((job) => (job.kind === "message" ? [{ ...job.said }] : []));
    return async () => this.#keep(said, token);
  }

  async #keep(said: readonly Said[], token: string): Promise<void> {
    const payload = said.flatMap(({ message }) => formatMessage(message) ?? []);
    const at = said.at(-1)?.at ?? this.stamp();
    if (payload.length === 0) return;
    const eventId = await this.#create({ at, payload, metadata: this.#parts.metadata, token });
    this.#written = [...this.#written, { eventId, at, said }].slice(-rememberedEvents);
  }

  /** The new event first: a process that dies in between leaves one too many, and no gap. */
  #replacing(name: string, message: SessionMessage, token: string): () => Promise<void> {
    const old = this.#written.find(({ said }) => said.some((one) => one.name === name));
    if (old === undefined) return () => Promise.resolve();
    const said = old.said.map((one) => (one.name === name ? { ...one, message } : one));
    const payload = said.flatMap((one) => formatMessage(one.message) ?? []);
    return async () => {
      const metadata = {
        ...this.#parts.metadata,
        [replacesKey]: { stringValue: replacedName(old.eventId) },
      };
      const eventId = await this.#create({ at: old.at, payload, metadata, token });
      await this.#request(async (signal) => this.#parts.events.delete(old.eventId, signal)).catch(ignoreGone);
      this.#written = this.#written.map((one) => (one === old ? { ...old, eventId, said } : one));
    };
  }

  async #create(event: NewEvent): Promise<string> {
    return this.#request(async (signal) => this.#parts.events.create(event, signal));
  }

  async #request<T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const { clock, requestMs } = this.#parts;
    const timer = clock.after(requestMs, () => limit.abort(new Error(`no answer within ${requestMs} ms`)));
    try {
      return await request(limit.signal);
    } finally {
      timer.cancel();
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "ResourceNotFoundException") throw error;
}
