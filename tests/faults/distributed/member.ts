/** One process of the fleet: serves, works, or both, over the shared database. Says its port once it serves. */
import { setInterval } from "node:timers";
import { MemoryError, type MemoryErrorKind, perdure } from "../../../packages/perdure/src/index.ts";
import { openPostgresStoreForTest } from "../../../packages/perdure/src/store/postgres/store.ts";
import { systemClock } from "../../../packages/perdure/src/task/clock.ts";
import { Journal } from "../journal.ts";
import { addTools } from "../program/tools.ts";
import type { MemberOrders } from "./orders.ts";

const orders = JSON.parse(process.argv[2] ?? "") as MemberOrders;
const { url, leaseMs, role, version, skewMs, memory } = orders;
const journal = new Journal(orders.journal, { flush: false });
const ignore = (): void => undefined;
const kinds: Readonly<Record<number, MemoryErrorKind>> = { 409: "conflict", 429: "throttled" };

const warn = (text: string): void => journal.append({ event: "warned", text: text.slice(0, 300) });
const store = openPostgresStoreForTest({ url, leaseMs, timeoutMs: 2_000, maxConnections: 6, warn });
const app = perdure({
  name: "faults",
  version,
  store,
  role,
  clock: { now: () => Date.now() + skewMs, after: (ms, run) => systemClock.after(ms, run) },
  linger: 25,
  poll: "250ms",
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  deliver: "always",
  delivery: { rate: 50, timeout: "1s", concurrency: 16 },
  memory: {
    name: "faults",
    append: async (message, { signal }) => {
      const response = await fetch(memory, { method: "POST", body: JSON.stringify(message), signal });
      await response.arrayBuffer();
      if (!response.ok)
        throw new MemoryError(kinds[response.status] ?? "unavailable", `HTTP ${response.status}`);
    },
  },
});
addTools(app, journal, { stepMs: orders.stepMs, version });

process.once("SIGTERM", () => {
  const close = async (): Promise<void> => {
    await app.close({ drainMs: 300 });
    await store.close();
    process.exit(0);
  };
  void close();
});

/** A machine under load keeps a process from its lease as well as a signal does; and nothing outlives the driver. */
const [driver, lookMs] = [process.ppid, 100];
let looked = performance.now();
setInterval(() => {
  const stoodMs = performance.now() - looked - lookMs;
  if (stoodMs > 300) journal.append({ event: "stalled", ms: Math.round(stoodMs) });
  looked = performance.now();
  if (process.ppid !== driver) process.exit(1);
}, lookMs).unref();

if (role === "work") {
  await app.start();
  journal.append({ event: "ready" });
  process.stdout.write("ready\n");
} else {
  const { port } = await app.listen({ port: 0 });
  if (role === "both") journal.append({ event: "ready" });
  process.stdout.write(`${port}\n`);
}
