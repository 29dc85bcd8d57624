/**
 * Random numbers that can be had again.
 *
 * A training that is resumed must see exactly the numbers that it would have seen without the interruption. Saving
 * the generator's state would do; it is simpler to keep none: whatever needs randomness derives a generator from
 * numbers that are in the saved state anyway, as `seeded(seed, epoch)`.
 */
export type Random = () => number;

/** A generator of numbers in [0, 1), equal for equal integers (mulberry32, on a hash of all of them). */
export function seeded(...integers: readonly number[]): Random {
  let state = 0x9e3779b9;
  for (const integer of integers) state = mixed(state ^ mixed(integer | 0));
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The numbers from 0 to `count - 1`, shuffled (Fisher and Yates). */
export function shuffledIndices(count: number, random: Random): Uint32Array {
  const indices = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const moved = indices[last] as number;
    indices[last] = indices[other] as number;
    indices[other] = moved;
  }
  return indices;
}

/** Murmur3's finaliser: neighbouring seeds give unrelated states. */
function mixed(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
