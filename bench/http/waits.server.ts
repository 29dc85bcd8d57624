/** `waits.server.ts <file>`: tools for those who wait. Times are of the machine's monotonic clock, in ms. */
import { setTimeout as sleep } from "node:timers/promises";
import { perdure } from "perdure";
import { z } from "zod";

const [file = ""] = process.argv.slice(2);
const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}`, concurrency: 1_000 });

app.task(
  "timed",
  { description: "Says when it ended.", input: z.object({ ms: z.number() }), rejoin: false },
  async ({ ms }) => {
    await sleep(ms);
    return { ended: Number(process.hrtime.bigint()) / 1e6 };
  },
);
app.task(
  "silent",
  { description: "Says nothing.", input: z.object({}), rejoin: false, heartbeat: "2s" },
  () => new Promise<never>(() => undefined),
);

const { url } = await app.listen({ port: 0 });
process.send?.(url);
