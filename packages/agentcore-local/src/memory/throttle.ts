/** The rate of conversational events, for each actor and session: one per interval, and no saving up. */
import type { Clock } from "../clock.ts";
import { ServiceError } from "../service-error.ts";
import type { SessionKey } from "./branches.ts";

/** Requests per second, for an actor and session: as quoted for the service. */
export const quotedRate = 0.25;

export class Throttle {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  /** The time of the last accepted request; those that no longer count are dropped in passing. */
  readonly #accepted = new Map<string, number>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#intervalMs = 1000 / perSecond;
  }

  /** @throws ServiceError `ThrottledException` */
  admit({ memoryId, actorId, sessionId }: SessionKey): void {
    const key = JSON.stringify([memoryId, actorId, sessionId]);
    const now = this.#clock.now();
    const last = this.#accepted.get(key);
    if (last !== undefined && now - last < this.#intervalMs) {
      throw new ServiceError(
        "ThrottledException",
        "Rate exceeded for CreateEvent of this actor and session.",
      );
    }
    // A map keeps the order of insertion: the oldest stand first.
    this.#accepted.delete(key);
    this.#accepted.set(key, now);
    for (const [other, at] of this.#accepted) {
      if (now - at < this.#intervalMs) break;
      this.#accepted.delete(other);
    }
  }
}
