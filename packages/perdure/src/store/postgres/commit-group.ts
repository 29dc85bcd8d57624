/**
 * Group commit: all transitions that are asked for while a group is on its way are the next group.
 *
 * A group is read in one statement (what its transitions have to see), decided in this process (each transition a plain
 * function on the rows, refused alone), and written in one statement. So 64 callers share two round trips and one
 * flush of the disk, whatever they ask for; a plain `create` has nothing to see and needs one. Nothing is locked
 * between the two statements: the write compares the version of every row that it changes, and where another process
 * was faster, the whole group is read and decided again.
 *
 * Optimism, because a process can be stopped at any moment (SIGSTOP, a blocked event loop, a cut network): with a
 * transaction over several round trips it would then hold its rows for as long as the server believes in it, and no
 * other process could cancel or take over. Contention is rare: what is changed by others is one task here and there.
 *
 * One group at a time keeps the promise of the order: transitions are applied as they were called.
 */
import { setTimeout as delay } from "node:timers/promises";
import { PerdureError } from "../../task/errors.ts";
import type { TaskChange } from "../store.ts";
import type { Admission } from "./admission.ts";
import type { Database } from "./database.ts";
import { isCrossed, isTaken, isUnavailable, storeError } from "./errors.ts";
import { isEmpty, load, nothing } from "./load.ts";
import { joinNeeds, Missing, type Needs } from "./needs.ts";
import { deleteThese } from "./sweeping.ts";
import { UnitOfWork } from "./unit-of-work.ts";
import { isDirty, write } from "./write.ts";

/** Throws to refuse; runs again when others were faster, so it keeps nothing of its own. */
export interface Transition<T> {
  readonly needs: Needs;
  /** To be seen where the first write found a key taken. */
  readonly needsIfTaken?: Needs;
  readonly decide: (unit: UnitOfWork) => T;
}

interface Pending {
  readonly transition: Transition<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Found out while it was decided. */
  readonly missing: Needs[];
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Larger ones are no faster, and all their members wait for the last. */
const maxGroup = 250;
const maxRounds = 100;
/** From then on each is tried alone, so that one task that everybody wants does not hold up the others. */
const togetherRounds = 4;

/** What a commit has changed, for those who watch. */
export interface Committed {
  readonly changes: readonly TaskChange[];
  /** A task may be due that was not before. */
  readonly due: boolean;
  /** The next delivery may be due at another time. */
  readonly outboxTouched: boolean;
}

export interface CommitGroupParts {
  readonly database: Database;
  /** Names this process in the record. */
  readonly process: () => string;
  /** Is told after each commit what it changed, before the callers are; must not throw. */
  readonly committed: (unit: Committed) => void;
  readonly admission: Admission;
}

export class CommitGroup {
  readonly #parts: CommitGroupParts;
  readonly #queue: Pending[] = [];
  #running: Promise<void> | undefined;

  constructor(parts: CommitGroupParts) {
    this.#parts = parts;
  }

  run<T>(transition: Transition<T>): Promise<T> {
    const { database } = this.#parts;
    if (database.isAway) {
      return Promise.reject(
        new PerdureError("STORE_UNAVAILABLE", {
          message: `${database.location}: the database cannot be reached. Nothing was written; try again.`,
          retryable: true,
        }),
      );
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ transition, resolve: resolve as (value: unknown) => void, reject, missing: [] });
      this.#running ??= this.#runAll();
    });
  }

  /** Resolves once all that was asked for is committed or refused. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #runAll(): Promise<void> {
    // The rest of this turn of the event loop comes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, maxGroup), 0);
    this.#running = undefined; // in the same turn as the last look: what comes now begins anew
  }

  async #commit(group: readonly Pending[], begun: number): Promise<void> {
    for (let round = begun; ; round++) {
      try {
        if (await this.#tryOnce(group, round > 0)) return;
      } catch (error) {
        const again = (isCrossed(error) || isTaken(error)) && round < maxRounds;
        if (!again) {
          this.#rejectAll(group, error);
          return;
        }
      }
      if (round >= togetherRounds && group.length > 1) {
        for (const one of group) await this.#commit([one], round);
        return;
      }
      if (round >= maxRounds) {
        this.#rejectAll(group, crossed(this.#parts.database.location));
        return;
      }
      if (round > 2) await delay(Math.random() * Math.min(50, 2 ** round));
    }
  }

  /** False where others were faster, or a transition has to see more. */
  async #tryOnce(group: readonly Pending[], again: boolean): Promise<boolean> {
    const { database, process } = this.#parts;
    const needs = joinNeeds(
      group.flatMap(({ transition, missing }) => [
        transition.needs,
        ...missing,
        ...(again && transition.needsIfTaken !== undefined ? [transition.needsIfTaken] : []),
        ...(again ? [{ pauses: true }] : []),
      ]),
    );
    if (needs.expired !== undefined && needs.expired.length > 0) await deleteThese(database, needs.expired);
    const loaded = isEmpty(needs) ? nothing : await load(database, needs);
    const unit = new UnitOfWork({
      now: database.now(),
      process: process(),
      stamp: database.newStamp(),
      loaded,
      needs,
      admission: this.#parts.admission,
    });
    const outcomes: Outcome[] = [];
    let complete = true;
    for (const pending of group) {
      try {
        outcomes.push({ value: unit.run(pending.transition.decide) });
      } catch (error) {
        if (error instanceof Missing) {
          pending.missing.push(error.needs);
          complete = false;
        }
        outcomes.push({ error });
      }
    }
    if (!complete) return false;
    if (isDirty(unit)) {
      if (!(await write(database, unit))) return false;
      this.#parts.admission.committed(unit);
      this.#parts.committed(unit);
    }
    for (const [i, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined || "error" in outcome) reject(outcome?.error);
      else resolve(outcome.value);
    }
    return true;
  }

  #rejectAll(group: readonly Pending[], error: unknown): void {
    const { location } = this.#parts.database;
    for (const { reject } of group)
      reject(isUnavailable(error) ? storeError(error, location) : toError(error, location));
  }
}

function toError(error: unknown, location: string): unknown {
  return isTaken(error) ? crossed(location) : storeError(error, location);
}

function crossed(location: string): PerdureError {
  return new PerdureError("STORE_BUSY", {
    message: `${location}: other writers were in the way again and again. Nothing was written; try again.`,
    retryable: true,
  });
}
