/** Two calls at once, in either order and some turns apart: what a race between two callers can look like to a store. */

export type Call<T> = () => Promise<T>;
export type Outcome<T> = PromiseSettledResult<T>;

const gaps: readonly Call<void>[] = [
  async () => {},
  () => microtasks(1),
  () => microtasks(3),
  () => new Promise((resolve) => process.nextTick(resolve)),
  () => new Promise((resolve) => setImmediate(resolve)),
];

async function microtasks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await Promise.resolve();
}

export async function settled<T>(call: Call<T>): Promise<Outcome<T>> {
  try {
    return { status: "fulfilled", value: await call() };
  } catch (reason) {
    return { status: "rejected", reason };
  }
}

/** Runs a race for every order of the two and every gap between them; `race` prepares, calls `together`, and judges. */
export async function everyInterleaving(
  race: (together: <A, B>(a: Call<A>, b: Call<B>) => Promise<[Outcome<A>, Outcome<B>]>) => Promise<void>,
): Promise<void> {
  for (const gap of gaps) {
    await race((a, b) => Promise.all([settled(a), gap().then(() => settled(b))]));
    await race(async (a, b) => {
      const [second, first] = await Promise.all([settled(b), gap().then(() => settled(a))]);
      return [first, second];
    });
  }
}
