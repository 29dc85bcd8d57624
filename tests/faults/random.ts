/**
 * Chance that repeats. Every scenario draws from its own stream, derived from the seed and its name, so that running
 * one scenario alone draws what it drew in the whole run.
 */
export class Random {
  readonly #label: string;
  #state: number;

  constructor(seed: number, label = "") {
    this.#label = label;
    this.#state = hash(`${seed}:${label}`);
  }

  derive(label: string): Random {
    return new Random(hash(`${this.#label}/${label}`) ^ this.#state, label);
  }

  /** 0 ≤ n < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0];
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
