import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { App, PerdureOptions } from "../../app/app.ts";
import { testApp } from "../../app/app.fixture.ts";
import { temporaryFile } from "../../store/store-under-test.fixture.ts";
import type { TaskHandle } from "../../app/handle.ts";
import { openPostgresStoreForTest } from "../../store/postgres/store.ts";
import { createDatabase } from "../../store/postgres/postgres.fixture.ts";
import { httpPost, message, RawClient } from "../../wire/http/http.fixture.ts";

/** Generous: other work runs on the machine of a test. A handler in the same thread would make it seconds, or for ever. */
const patienceMs = 1_000;

const cores = availableParallelism();

function declared(options: Partial<PerdureOptions>): App {
  const app = testApp(options);
  const input = z.object({ do: z.string() });
  const run = new URL("./fixtures/work.fixture.ts", import.meta.url);
  app.task("work", { description: "", input, run, grace: 10, concurrency: cores });
  app.task("quick", { description: "", input: z.object({ ms: z.number() }) }, async ({ ms }) => {
    await setTimeout(ms);
    return "quick";
  });
  return app;
}

/** A thread for each core that never looks up. */
async function spin(app: App): Promise<readonly TaskHandle[]> {
  const spinning = await Promise.all(
    Array.from({ length: cores }, () => app.submit("work", { do: "report once and spin" })),
  );
  for (const handle of spinning) {
    for await (const event of handle.watch()) if (event.type === "progress") break;
  }
  return spinning;
}

it(
  "while every core computes without a pause, the process answers, its calls show life, and other tasks run",
  { timeout: 60_000 },
  async () => {
    const app = declared({ store: `sqlite:${temporaryFile()}`, heartbeat: "50ms" });
    const { port } = await app.listen({ port: 0 });
    const spinning = await spin(app);
    const quick = { name: "quick", arguments: { ms: 500 } };
    const held = new RawClient(port).send(
      httpPost(message("tools/call", quick, { meta: { progressToken: 1 } })),
    );
    await held.until(/(notifications\/progress[^]*){3}/);
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const began = performance.now();
      await app.tasks.get(spinning[i % cores]?.id ?? "");
      expect(await (await app.submit("quick", { ms: 0 })).result()).toBe("quick");
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    expect(times.at(-1)).toBeLessThan(patienceMs);
    expect(times[25]).toBeLessThan(patienceMs / 10);
    for (const handle of spinning) {
      expect(await app.tasks.get(handle.id)).toMatchObject({ phase: "running", attempt: 1 });
      await handle.cancel();
    }
  },
);

it(
  "while every core computes, leases are renewed: nobody takes the tasks over",
  { timeout: 60_000 },
  async () => {
    const leaseMs = 1_500;
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const open = (): App =>
      declared({ store: openPostgresStoreForTest({ url: database.url, leaseMs, warn: () => undefined }) });
    const [app, heir] = [open(), open()];
    await app.start();
    const spinning = await spin(app);
    await heir.start();
    const began = performance.now();
    while (performance.now() - began < 2 * leaseMs) {
      expect(await (await heir.submit("quick", { ms: 100 })).result()).toBe("quick");
    }
    for (const handle of spinning) {
      expect(await heir.tasks.get(handle.id)).toMatchObject({ phase: "running", attempt: 1, crashes: 0 });
      await handle.cancel();
    }
    await heir.close();
    await app.close();
  },
);
