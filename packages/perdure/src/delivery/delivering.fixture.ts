/** A program that works and delivers, and may be killed: `delivering.fixture.ts STORE URL NAME COUNT`. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { perdure } from "../app/app.ts";
import { MemoryError, type MemoryErrorKind } from "./memory.ts";
import { programStore } from "../store/program-store.fixture.ts";

const [record = "", url = "", name = "", count = "0"] = process.argv.slice(2);
const kinds: Readonly<Record<number, MemoryErrorKind>> = {
  400: "refused",
  409: "conflict",
  429: "throttled",
};

const app = perdure({
  name: "delivering",
  version: "1.0.0",
  store: programStore(record),
  logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  deliver: "always",
  delivery: { rate: 20, timeout: "2s" },
  memory: {
    name: "http",
    append: async (message, { signal }) => {
      const response = await fetch(url, { method: "POST", body: JSON.stringify(message), signal });
      await response.arrayBuffer();
      if (!response.ok)
        throw new MemoryError(kinds[response.status] ?? "unavailable", `HTTP ${response.status}`);
    },
  },
});
app.task("work", { description: "Works.", input: z.object({ said: z.string() }) }, async ({ said }) => said);

async function run(): Promise<void> {
  await app.start();
  process.stdout.write("ready\n");
  for (let n = 1; n <= Number(count); n++) {
    await app.submit("work", { said: `${name}${n}` }, { session: { session: "s-1" } });
    process.stdout.write(`submitted ${n}\n`);
    await sleep(5);
  }
  process.stdin.resume();
}

void run();
