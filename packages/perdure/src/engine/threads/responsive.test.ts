import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { z } from "zod";
import { temporaryFile, testApp } from "../../app/app.fixture.ts";

/** Generous: other work runs on the machine of a test. A handler in the same thread would make it seconds, or for ever. */
const patienceMs = 1_000;

it(
  "while every core computes without a pause, the process answers, and other tasks run",
  { timeout: 60_000 },
  async () => {
    const cores = availableParallelism();
    const app = testApp({ store: `sqlite:${temporaryFile()}` });
    const input = z.object({ do: z.string() });
    const run = new URL("./fixtures/work.fixture.ts", import.meta.url);
    app.task("work", { description: "", input, run, grace: 10, concurrency: cores });
    app.task("quick", { description: "", input: z.object({}) }, () => "quick");
    await app.start();
    const spinning = await Promise.all(
      Array.from({ length: cores }, () => app.submit("work", { do: "report once and spin" })),
    );
    for (const handle of spinning) {
      for await (const event of handle.watch()) if (event.type === "progress") break;
    }
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const began = performance.now();
      await app.tasks.get(spinning[i % cores]?.id ?? "");
      expect(await (await app.submit("quick", {})).result()).toBe("quick");
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
