/** A worker over Postgres, a process of its own: `node worker.child.ts URL`. Told to, it begins a task that never ends. */
import { perdure } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { z } from "zod";
import { connections, leaseMs, schema } from "./subject.ts";

const [url = ""] = process.argv.slice(2);
const store = openPostgresStore({ url, maxConnections: connections, leaseMs });
const app = perdure({ name: "bench", version: "1.0.0", store });

app.task("bench", { description: "Returns at once.", input: schema }, async ({ amount }) => ({
  accepted: true,
  amount,
}));
app.task(
  "hang",
  { description: "Ends with its process.", input: z.object({}), concurrency: 1 },
  (_, task) =>
    new Promise((_resolve, reject) => {
      process.send?.({ running: task.id });
      task.signal.addEventListener("abort", () => reject(new Error("aborted")));
    }),
);

process.on("disconnect", () => process.exit());
process.on("message", () => void app.submit("hang", {}));
await app.start({ role: "work" });
process.send?.({ ready: true });
