/**
 * The server of the soak: tools that answer, take steps, sleep, ask, and never end. On a message it says how large it
 * is, after a collection of garbage.
 */
import { readdirSync, statSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { perdure } from "perdure";
import { z } from "zod";

/** What must not grow. */
export interface Size {
  readonly heapBytes: number;
  /** Timers, sockets and whatever else keeps a process alive. */
  readonly resources: number;
  /** Of open files; 0 where the system does not say. */
  readonly handles: number;
  readonly fileBytes: number;
  readonly walBytes: number;
  /** Tasks in the file, whether or not they have expired. */
  readonly tasks: number;
  readonly open: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const [file = "", ttlMs = "5000"] = process.argv.slice(2);
const app = perdure({
  name: "soak",
  version: "1.0.0",
  store: `sqlite:${file}`,
  concurrency: 20,
  concurrencyPerOwner: 20,
  linger: 50,
  signals: true,
  // That a flaky tool fails is no news.
  logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error },
});
const input = z.object({ n: z.number() });
const common = { description: "Of the soak.", input, ttl: Number(ttlMs) };
app.task("quick", common, ({ n }) => ({ n }));
app.task("steps", common, async ({ n }, task) => {
  let text = "";
  for (let i = 0; i < 3; i++) {
    text = await task.step(`step:${i}`, () => "x".repeat(2_000 * (i + 1)));
    task.progress(i + 1, 3);
    task.log.info(`step ${i}`);
    await task.save({ i });
  }
  return { n, length: text.length };
});
app.task("nap", { ...common, start: "background" }, async ({ n }, task) => {
  await task.sleep(500);
  return { n };
});
app.task("ask", { ...common, start: "background", asks: true }, async ({ n }, task) => {
  const { yes } = await task.ask("Sure?", z.object({ yes: z.boolean() }));
  return { n, yes };
});
app.task("never", { ...common, start: "background" }, () => new Promise<never>(() => undefined));
app.task("flaky", { ...common, retry: { retries: 5, delay: 10 } }, ({ n }, task) => {
  if (task.attempt < 3) throw new Error("flaky");
  return { n };
});

const { url } = await app.listen({ port: 0 });
process.on("message", () => {
  size().then(
    (told) => process.send?.(told),
    (error: unknown) => {
      throw error;
    },
  );
});
process.send?.({ url });

async function size(): Promise<Size> {
  const { file: stored, tasks } = await app.tasks.doctor();
  collectGarbage();
  return {
    heapBytes: process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers,
    resources: process.getActiveResourcesInfo().length,
    handles: process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0,
    fileBytes: statSync(file).size,
    walBytes: stored.walBytes,
    tasks: tasks.open + tasks.ended + tasks.expired,
    open: tasks.open,
  };
}
