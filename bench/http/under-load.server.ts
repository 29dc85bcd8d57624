/** `under-load.server.ts <file> <threads>`: as `starts.server.ts`, while so many threads compute without a pause. */
import { perdure } from "perdure";
import { z } from "zod";
import { description, order } from "./order.ts";

const [file = "", threads = "0"] = process.argv.slice(2);
const app = perdure({ name: "bench", version: "1.0.0", store: `sqlite:${file}` });
app.task("bench", { description, input: order }, () => new Promise<never>(() => undefined));
const concurrency = Math.max(1, Number(threads));
const run = new URL("./spin.worker.ts", import.meta.url);
const spin = app.task("spin", { description, input: z.object({}), run, concurrency, grace: 10 });
const { url } = await app.listen({ port: 0 });
for (let i = 0; i < Number(threads); i++) {
  const handle = await app.submit(spin, {});
  for await (const event of handle.watch()) if (event.type === "progress") break;
}
process.send?.(url);
