/**
 * The waits of one attempt, and when it parks.
 *
 * A handler is a plain async function and cannot be frozen. When all that it stands at is durable waits, the attempt is
 * *parked*: the record says what it waits for, the slot falls free, and the function is abandoned, its promises never
 * settling. Whatever resolves a wait makes the task due, and the handler runs again from its first line.
 *
 * Nobody can see from outside what a function does between two calls. So an attempt parks at once only when as many of
 * its promises wait as ever were open at the same time: then every branch of it stands at a wait. Otherwise, and where
 * an answer may come soon (a question, a call, a signal), it *lingers*: it stays resident for a while, unless its slot
 * is wanted by others, and a wait that is resolved meanwhile goes on without a replay. A wait shorter than that never
 * parks.
 *
 * What waits is resolved in the order of time, one a turn of the event loop, whether it happens now or long ago: so a
 * race between waits has the same winner in every run.
 */
import type { Clock, Timer } from "../task/clock.ts";
import { PerdureError } from "../task/errors.ts";
import { fromFailure } from "../task/failure.ts";
import type { JsonValue } from "../task/json.ts";
import type { AttemptedOperation, Operation, OpenOperation, Timestamp } from "../task/record.ts";

export interface WaitsParts {
  readonly clock: Clock;
  readonly lingerMs: number;
  /** The attempt's: once aborted, nothing is begun any more. */
  readonly ended: AbortSignal;
  /** Whether other tasks wait for a slot. */
  readonly slotWanted: () => boolean;
  /** The operations as they are recorded now. */
  readonly read: () => Promise<readonly Operation[]>;
  /** Records that a wait has expired. */
  readonly expire: (operation: OpenOperation) => Promise<Operation>;
  /** Parks the attempt, so that nothing of it goes on. @returns false when one of the waits is not open any more */
  readonly park: (names: readonly string[]) => Promise<boolean>;
}

/** An open wait, or a step that is to be tried again later. */
type Waiting = OpenOperation | AttemptedOperation;

interface Pending {
  readonly operation: Waiting;
  readonly timer: Timer | undefined;
  readonly resolve: (value: JsonValue | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** A wait that is over, and since when. */
interface Resolved {
  readonly at: Timestamp;
  readonly deliver: () => void;
}

export class Waits {
  readonly #parts: WaitsParts;
  readonly #pending = new Map<string, Pending>();
  /** Calls of the handler that are under way and are no waits. */
  #busy = 0;
  /** As many promises as were ever open at the same time. */
  #peak = 0;
  #activeAt: Timestamp;
  #timer: Timer | undefined;
  #considering = false;
  /** In the order of time; of the same time, as they were found. */
  #resolved: Resolved[] = [];
  #delivering = false;
  #noticing = false;
  /** Resolves with whether the attempt is parked. */
  #parking: Promise<boolean> | undefined;

  constructor(parts: WaitsParts) {
    this.#parts = parts;
    this.#activeAt = parts.clock.now();
  }

  /** Whether something that happens to the task may be for this attempt. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Does what the handler asks for; while it lasts, the attempt is not parked. */
  async track<T>(run: () => Promise<T>): Promise<T> {
    while (this.#parking !== undefined) {
      // Abandoned: nothing that it asked for meanwhile is done, nor does it settle.
      if (await this.#parking) return new Promise<T>(() => undefined);
    }
    // It may have ended meanwhile, and the park was refused for that.
    if (this.#parts.ended.aborted) return refused<T>(this.#parts.ended);
    this.#busy++;
    this.#notePeak();
    try {
      return await run();
    } finally {
      this.#busy--;
      this.#activeAt = this.#parts.clock.now();
      this.#considerSoon();
    }
  }

  /** The value of an operation, once it is resolved; of a step to be tried again, nothing, once it may be. */
  settled(operation: Operation): Promise<JsonValue | undefined> {
    if (operation.state === "done" || operation.state === "failed") {
      return new Promise((resolve, reject) => this.#resolve(operation, { resolve, reject }));
    }
    const until = untilOf(operation);
    return new Promise((resolve, reject) => {
      const timer =
        until === undefined
          ? undefined
          : this.#parts.clock.after(until - this.#parts.clock.now(), () => void this.#onTime(operation));
      this.#pending.set(operation.name, { operation, timer, resolve, reject });
      if (until !== undefined && until <= this.#parts.clock.now()) return void this.#onTime(operation);
      this.#notePeak();
      this.#considerSoon();
      // It may have been resolved between its being read and being waited for.
      this.notice();
    });
  }

  /** Something has happened to the task: looks whether it resolves a wait. Once for all that happens in one turn. */
  notice(): void {
    if (this.#pending.size === 0 || this.#noticing) return;
    this.#noticing = true;
    setImmediate(() => {
      this.#noticing = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#pending.size === 0) return;
    this.#parts.read().then(
      (operations) => {
        for (const operation of operations) this.#settle(operation);
      },
      // The store's trouble is told by whoever writes; the next change, or the park, looks again.
      () => undefined,
    );
  }

  /** Parks if nothing speaks against it: also asked when others begin to want the slot. */
  consider(): void {
    this.#timer?.cancel();
    if (this.#busy > 0 || this.#pending.size === 0 || this.#parking !== undefined) return;
    if (this.#resolved.length > 0) return;
    const now = this.#parts.clock.now();
    const soonest = Math.min(
      ...[...this.#pending.values()].map(({ operation }) => untilOf(operation) ?? Infinity),
    );
    const stays = soonest - now <= this.#parts.lingerMs;
    if (stays) return;
    const lingersUntil = this.#activeAt + this.#parts.lingerMs;
    if (this.#parksAtOnce() || this.#parts.slotWanted() || now >= lingersUntil) this.#park();
    else this.#timer = this.#parts.clock.after(lingersUntil - now, () => this.consider());
  }

  /** Waits for nothing any more. */
  end(): void {
    this.#timer?.cancel();
    for (const { timer } of this.#pending.values()) timer?.cancel();
    this.#pending.clear();
    this.#resolved = [];
  }

  #parksAtOnce(): boolean {
    const onlyTime = [...this.#pending.values()].every(({ operation }) => isTime(operation));
    return onlyTime && this.#pending.size >= this.#peak;
  }

  #park(): void {
    this.#parking = this.#parts
      .park([...this.#pending.keys()])
      .then(
        (parked) => {
          if (!parked) this.notice();
          return parked;
        },
        () => false,
      )
      .finally(() => {
        this.#parking = undefined;
      });
  }

  #considerSoon(): void {
    if (this.#considering) return;
    this.#considering = true;
    // Not before the handler had its turn to call again.
    setImmediate(() => {
      this.#considering = false;
      this.consider();
    });
  }

  #notePeak(): void {
    this.#peak = Math.max(this.#peak, this.#busy + this.#pending.size);
  }

  /** A sleep is over; of anything else, nobody came. */
  async #onTime(operation: Waiting): Promise<void> {
    const pending = this.#pending.get(operation.name);
    if (pending === undefined) return;
    if (operation.state === "attempted" || operation.wait.kind === "sleep") {
      this.#remove(operation.name);
      const at = untilOf(operation) ?? operation.recordedAt;
      return this.#enqueue({ at, deliver: () => pending.resolve(undefined) });
    }
    try {
      this.#settle(await this.#parts.expire(operation));
    } catch (error) {
      this.#remove(operation.name);
      pending.reject(error as Error);
    }
  }

  #settle(operation: Operation): void {
    if (operation.state === "open" || operation.state === "attempted") return;
    const pending = this.#pending.get(operation.name);
    if (pending === undefined) return;
    this.#remove(operation.name);
    this.#resolve(operation, pending);
  }

  #resolve(operation: Operation, { resolve, reject }: Pick<Pending, "resolve" | "reject">): void {
    const deliver = (): void => void valueOf(operation).then(resolve, reject);
    this.#enqueue({ at: operation.recordedAt, deliver });
  }

  #enqueue(resolved: Resolved): void {
    this.#resolved = [...this.#resolved, resolved].toSorted((a, b) => a.at - b.at);
    if (this.#delivering) return;
    this.#delivering = true;
    setImmediate(() => this.#deliverNext());
  }

  /** The handler goes on with one before it hears of the next, as it did when they happened. */
  #deliverNext(): void {
    this.#resolved.shift()?.deliver();
    this.#delivering = this.#resolved.length > 0;
    if (this.#delivering) setImmediate(() => this.#deliverNext());
    else this.#considerSoon();
  }

  #remove(name: string): void {
    this.#pending.get(name)?.timer?.cancel();
    this.#pending.delete(name);
    this.#activeAt = this.#parts.clock.now();
    this.#considerSoon();
  }
}

/** A parked attempt is abandoned: nothing of it settles any more, so that no `catch` or `finally` of it runs. */
export function refused<T>(ended: AbortSignal): Promise<T> {
  const reason = ended.reason as PerdureError;
  return reason.code === "PARKED" ? new Promise<T>(() => undefined) : Promise.reject<T>(reason);
}

async function valueOf(operation: Operation): Promise<JsonValue | undefined> {
  if (operation.state === "done") return operation.value;
  if (operation.state === "failed") throw fromFailure(operation.failure);
  throw new PerdureError("STEP_MISMATCH", {
    message: `${operation.name} is ${operation.state}, and was to be resolved`,
  });
}

/** Whether nothing but time resolves it. */
function isTime(operation: Waiting): boolean {
  return operation.state === "attempted" || operation.wait.kind === "sleep";
}

function untilOf(operation: Waiting): Timestamp | undefined {
  if (operation.state === "attempted") return operation.until;
  const { wait } = operation;
  switch (wait.kind) {
    case "sleep":
      return wait.until;
    case "ask":
      return wait.question.until;
    case "signal":
      return wait.until;
    case "call":
      return undefined;
  }
}
