import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ManualClock } from "../testing/manual-clock.ts";
import { testApp } from "./app.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ order: z.number(), note: z.string().optional() });

function shop() {
  const clock = new ManualClock();
  const app = testApp({ clock });
  const ran: number[] = [];
  app.task("pay", { description, input, ttl: "1h" }, ({ order }) => ran.push(order));
  app.task(
    "ship",
    { description, input, idempotencyKey: ({ order }) => `order ${order}` },
    ({ order }) => order,
  );
  return { app, clock, ran };
}

describe("an idempotency key", () => {
  it("brings the same task back, also once it has finished", async () => {
    const { app, ran } = shop();
    await app.start();
    const first = await app.submit("pay", { order: 1 }, { idempotencyKey: "a" });
    const meanwhile = await app.submit("pay", { order: 1 }, { idempotencyKey: "a" });
    await first.result();
    const afterwards = await app.submit("pay", { order: 1 }, { idempotencyKey: "a" });
    expect([meanwhile.id, afterwards.id]).toEqual([first.id, first.id]);
    expect(await afterwards.result()).toBe(1);
    expect(ran).toEqual([1]);
  });

  it("brings one task to calls at the same moment", async () => {
    const { app, ran } = shop();
    await app.start();
    const handles = await Promise.all(
      Array.from({ length: 10 }, () => app.submit("pay", { order: 1 }, { idempotencyKey: "a" })),
    );
    await Promise.all(handles.map((handle) => handle.result()));
    expect(new Set(handles.map(({ id }) => id)).size).toBe(1);
    expect(ran).toEqual([1]);
    // The slots that the nine had in mind are free again: all that follow run.
    for (let order = 2; order < 120; order++) await (await app.submit("pay", { order })).result();
  });

  it("with other input is IDEMPOTENCY_CONFLICT; the order of its keys makes no other input", async () => {
    const { app } = shop();
    const { id } = await app.submit("pay", { order: 1, note: "x" }, { idempotencyKey: "a" });
    const same = await app.submit("pay", { note: "x", order: 1 }, { idempotencyKey: "a" });
    expect(same.id).toBe(id);
    await expect(app.submit("pay", { order: 2 }, { idempotencyKey: "a" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
      message: expect.stringContaining(id) as string,
    });
  });

  it("is of one owner and one tool", async () => {
    const { app } = shop();
    const key = { idempotencyKey: "a" };
    const ids = [
      await app.submit("pay", { order: 1 }, { ...key, owner: "ann" }),
      await app.submit("pay", { order: 2 }, { ...key, owner: "bob" }),
      await app.submit("ship", { order: 1 }, { ...key, owner: "ann" }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });

  it("is made of the input where the tool says how, and the caller's own is stronger", async () => {
    const { app } = shop();
    const [one, same, other] = [
      await app.submit("ship", { order: 1 }),
      await app.submit("ship", { order: 1 }),
      await app.submit("ship", { order: 1 }, { idempotencyKey: "mine" }),
    ];
    expect(same.id).toBe(one.id);
    expect(other.id).not.toBe(one.id);
    expect(await one.status()).toMatchObject({ idempotencyKey: "order 1" });
  });

  it("names a task only while that is kept", async () => {
    const { app, clock } = shop();
    await app.start();
    const first = await app.submit("pay", { order: 1 }, { idempotencyKey: "a" });
    await first.result();
    await clock.advance("1h");
    const second = await app.submit("pay", { order: 2 }, { idempotencyKey: "a" });
    expect(second.id).not.toBe(first.id);
  });

  it("is not passed on to the new try of a finished task", async () => {
    const { app } = shop();
    await app.start();
    const first = await app.submit("pay", { order: 1 }, { idempotencyKey: "a" });
    await first.result();
    const again = await app.tasks.retry(first.id);
    expect(again.id).not.toBe(first.id);
    const status = await again.status();
    expect(status).toMatchObject({ retryOf: first.id });
    expect(status.idempotencyKey).toBeUndefined();
  });
});
