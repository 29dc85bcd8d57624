/**
 * Empties the outbox: leases the messages that are due, hands each to the memory, and records what became of it.
 *
 * It looks when the store says that something may be due, and when the next thing is: one timer, and none while the
 * outbox is empty. A message is settled after the memory answered, so one whose answer is lost, by a time-out or the
 * death of this process, is tried again under the same key.
 */
import { nanoid } from "nanoid";
import { pause, writeDurably } from "../engine/durable-write.ts";
import type { Logger } from "../engine/logger.ts";
import type { LeasedMessage, SettleDelivery } from "../store/deliveries.ts";
import type { TaskStore } from "../store/store.ts";
import type { Clock, Timer } from "../task/clock.ts";
import { backOffMs, toDeliveryFailure } from "./back-off.ts";
import { type AgentMemory, MemoryError, type MemoryMessage } from "./memory.ts";
import { toMessage } from "./message.ts";

/** What of a session goes in one message, so that the rate is not all that a busy session waits for. */
const entriesInMessage = 20;
/** Beyond the memory's own time: for the record to be written. */
const leaseSlackMs = 30_000;
/** When the store could not be asked. */
const lookAgainMs = 1_000;

export interface DeliveryParts {
  readonly store: TaskStore;
  readonly memory: AgentMemory;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly settings: DeliverySettings;
  readonly tools: MemoryMessage["tools"];
}

export interface DeliverySettings {
  /** Between two messages of one session. */
  readonly paceMs: number;
  /** How long the memory has for a message. */
  readonly timeoutMs: number;
  /** How many messages are under way at once, of different sessions. */
  readonly concurrency: number;
  /** Of all texts of a message, in UTF-16 units. */
  readonly maxLength: number;
}

export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #by = nanoid();
  readonly #sending = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #unsubscribe: (() => void) | undefined;
  #timer: Timer | undefined;
  #pass: Promise<void> | undefined;
  #passWanted = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#unsubscribe !== undefined || this.#stopping.signal.aborted) return;
    this.#unsubscribe = this.#parts.store.deliveries.subscribe(() => this.#look());
    this.#look();
  }

  /** What is under way has `graceMs` to be answered; then it is given back for the next start. */
  async stop(graceMs: number): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#timer?.cancel();
    await this.#pass;
    if (this.#sending.size > 0) {
      const answered = new AbortController();
      const all = Promise.all(this.#sending.values()).then(() => answered.abort());
      await pause(this.#parts.clock, graceMs, answered.signal);
      this.#stopping.abort(new MemoryError("unavailable", "the process shuts down"));
      await all;
    }
    this.#stopping.abort();
  }

  #look(): void {
    if (this.#unsubscribe === undefined) return;
    this.#passWanted = true;
    this.#pass ??= this.#runPasses().finally(() => {
      this.#pass = undefined;
    });
  }

  async #runPasses(): Promise<void> {
    await Promise.resolve(); // those who wake it in one turn share one pass
    while (this.#passWanted && this.#unsubscribe !== undefined) {
      this.#passWanted = false;
      try {
        await this.#runPass();
      } catch (error) {
        this.#parts.logger.error({ err: error }, "what is to be delivered could not be read, trying again");
        this.#lookAgainIn(lookAgainMs);
      }
    }
  }

  async #runPass(): Promise<void> {
    const { store, settings } = this.#parts;
    this.#timer?.cancel();
    const free = settings.concurrency - this.#sending.size;
    // Each message that is answered looks again.
    if (free <= 0) return;
    if ((await store.deliveries.nextDueMs()) === 0) {
      const messages = await store.deliveries.lease({
        by: this.#by,
        forMs: settings.timeoutMs + leaseSlackMs,
        limit: free,
        entries: entriesInMessage,
      });
      for (const message of messages) this.#send(message);
    }
    const dueMs = await store.deliveries.nextDueMs();
    if (dueMs !== undefined && this.#sending.size < settings.concurrency) this.#lookAgainIn(dueMs);
  }

  #lookAgainIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => this.#look());
  }

  #send(leased: LeasedMessage): void {
    const sent = this.#deliver(leased)
      .catch((error: unknown) => {
        this.#parts.logger.error(
          { err: error, message: leased.key },
          "what became of a delivery could not be recorded; it is tried again when its lease is over",
        );
      })
      .then(() => {
        this.#sending.delete(leased.key);
        this.#look();
      });
    this.#sending.set(leased.key, sent);
  }

  async #deliver(leased: LeasedMessage): Promise<void> {
    const { store, clock, logger } = this.#parts;
    const outcome = await this.#outcome(leased);
    const write =
      outcome === undefined
        ? () => store.deliveries.release(leased)
        : async () => void (await store.deliveries.settle(outcome));
    await writeDurably(write, { clock, logger, signal: this.#stopping.signal });
  }

  /** `undefined`: nothing is known, and it is given back. */
  async #outcome({ by, key, session, ...leased }: LeasedMessage): Promise<SettleDelivery | undefined> {
    const { store, memory, logger, random, settings, tools } = this.#parts;
    const { paceMs, maxLength } = settings;
    const message = { by, key, session };
    const failures = leased.failures + 1;
    try {
      const get: Parameters<typeof toMessage>[1]["get"] = (taskId) => store.get({ taskId });
      const written = await toMessage({ ...message, ...leased }, { get, tools, maxLength });
      if (written === undefined) throw new MemoryError("refused", "its tasks are not there any more");
      await this.#append(written);
      return { ...message, outcome: "delivered", paceMs };
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined;
      const failure = toDeliveryFailure(error);
      const delayMs = backOffMs(error, { failures, paceMs, random });
      if (failures === 1 || delayMs === undefined) {
        logger.warn(
          { err: error, message: key, memory: memory.name, delayMs },
          "a message was not delivered",
        );
      }
      return delayMs === undefined
        ? { ...message, outcome: "refused", failure, paceMs }
        : { ...message, outcome: "failed", failure, delayMs };
    }
  }

  /** Ends in time also where the memory does not look at its signal. */
  async #append(message: MemoryMessage): Promise<void> {
    const { memory, clock, settings } = this.#parts;
    const expiry = new AbortController();
    const timer = clock.after(settings.timeoutMs, () =>
      expiry.abort(new MemoryError("unavailable", `no answer within ${settings.timeoutMs} ms`)),
    );
    const signal = AbortSignal.any([expiry.signal, this.#stopping.signal]);
    try {
      await Promise.race([memory.append(message, { signal }), aborted(signal)]);
    } catch (error) {
      // Whatever a memory makes of the signal's abort.
      throw expiry.signal.aborted ? expiry.signal.reason : error;
    } finally {
      timer.cancel();
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  // Nobody is left to hear of an abort that comes later.
  ended.catch(() => undefined);
  return ended;
}
