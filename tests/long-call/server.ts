/** The server of `examples/agentcore` with one more tool: it takes its time, and computes nothing meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import app from "../../examples/agentcore/server.ts";

app.task(
  "reserve_cluster",
  {
    description: "Reserve a cluster. Waits until one is free.",
    input: z.object({ minutes: z.number().describe("How long it takes") }),
    output: z.object({ cluster: z.string() }),
  },
  async ({ minutes }, task) => {
    for (let minute = 0; minute < minutes; minute++) {
      await sleep(60_000, undefined, { signal: task.signal });
      task.progress(minute + 1, minutes);
    }
    return { cluster: "blue-17" };
  },
);
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
