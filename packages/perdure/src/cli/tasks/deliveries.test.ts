import { expect, test } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import { temporaryFile } from "../../store/store-under-test.fixture.ts";
import { ScriptedMemory } from "../../delivery/scripted-memory.fixture.ts";
import { ServerSource } from "./server-source.ts";
import { openStoreSource } from "./store-source.ts";

test("perdure tasks show says what waits to be delivered, and what was", async () => {
  const file = temporaryFile();
  const memory = new ScriptedMemory(() => Date.now());
  const app = testApp({ store: `sqlite:${file}`, memory, delivery: { grace: "1h" } });
  app.task("work", { description: "Works.", input: z.object({}) }, async (_input, task) =>
    task.remember("half"),
  );
  const { url } = await app.listen({ port: 0 });
  const handle = await app.submit("work", {}, { session: { session: "s-1" } });
  await handle.result();
  await expect.poll(() => memory.kept.length).toBe(1);
  const source = openStoreSource(file);
  try {
    await expect
      .poll(() => source.show(handle.id))
      .toMatchObject({
        delivery: "pending",
        deliveries: [{ kind: "end", key: `${handle.id}-end`, due_at: expect.stringMatching(/Z$/) as string }],
        timeline: expect.arrayContaining([
          expect.objectContaining({ type: "delivered", kind: "interim" }),
        ]) as unknown[],
      });
  } finally {
    await source.close();
  }
  // A server's caller sees in one word what becomes of the end.
  const served = new ServerSource(url, {});
  try {
    expect(await served.show(handle.id)).toMatchObject({ status: "completed", delivery: "pending" });
    await served.result(handle.id);
    await expect.poll(() => served.show(handle.id)).toMatchObject({ delivery: "claimed" });
  } finally {
    await served.close();
  }
});
