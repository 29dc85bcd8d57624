/** A program of the scenario "delivery": submits `tasks` in all, delivers their results, and is killed. */
import { z } from "zod";
import { MemoryError, type MemoryErrorKind, perdure } from "../../../packages/perdure/src/index.ts";

export interface DeliveringOrders {
  readonly store: string;
  readonly url: string;
  readonly tasks: number;
}

const { store, url, tasks } = JSON.parse(process.argv[2] ?? "{}") as DeliveringOrders;
const kinds: Readonly<Record<number, MemoryErrorKind>> = { 409: "conflict", 429: "throttled" };
const ignore = (): void => undefined;

const app = perdure({
  name: "delivering",
  version: "1.0.0",
  store: `sqlite:${store}`,
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  deliver: "always",
  delivery: { rate: 50, timeout: "1s" },
  memory: {
    name: "faults",
    append: async (message, { signal }) => {
      const response = await fetch(url, { method: "POST", body: JSON.stringify(message), signal });
      await response.arrayBuffer();
      if (!response.ok)
        throw new MemoryError(kinds[response.status] ?? "unavailable", `HTTP ${response.status}`);
    },
  },
});
app.task("work", { description: "Works.", input: z.object({ n: z.number() }) }, async ({ n }) => String(n));
await app.start();
for (let n = 0; n < tasks; n++) {
  // What an earlier life has submitted is found again by its key.
  await app.submit("work", { n }, { session: { session: `s-${n % 3}` }, idempotencyKey: String(n) });
}
