/**
 * Time and chance as a handler sees them outside of steps: the same in every process but one that follows a death. There
 * the date is some days on, by an odd number of milliseconds, and what was a low random number is a high one. So code
 * that decides by them decides otherwise, each time.
 */

const start = Date.UTC(2026, 0, 1);
const laterMs = 3 * 86_400_001;

/** Puts them in the place of the real ones, until disposed of: the tests of one process use it one at a time. */
export class OuterWorld {
  readonly #date = globalThis.Date;
  readonly #random = Math.random;
  #seed = 1;
  #later = false;

  constructor() {
    globalThis.Date = new Proxy(this.#date, {
      construct: (target, parameters: unknown[], newTarget) =>
        Reflect.construct(target, parameters.length === 0 ? [this.#now()] : parameters, newTarget) as object,
      get: (target, key) => (key === "now" ? () => this.#now() : (Reflect.get(target, key) as unknown)),
    });
    Math.random = () => this.#next();
  }

  /** For a task that begins, or one that a new process takes up. */
  begin({ later }: { readonly later: boolean }): void {
    this.#later = later;
    this.#seed = 1;
  }

  [Symbol.dispose](): void {
    globalThis.Date = this.#date;
    Math.random = this.#random;
  }

  #now(): number {
    return this.#later ? start + laterMs : start;
  }

  /** A linear congruence (Numerical Recipes): from 0 to below 1. */
  #next(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    const value = this.#seed / 2 ** 32;
    return this.#later ? 1 - 2 ** -32 - value : value;
  }
}
