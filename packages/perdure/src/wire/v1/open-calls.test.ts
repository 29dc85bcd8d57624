import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { V1Session } from "./client.ts";
import { createV1Front } from "./front.ts";
import { eventually, FakeExchange, never, session, testService } from "./service.fixture.ts";

const own: V1Session = { ...session, id: "mine" };

/** A call that one process holds, long enough for others to know of it; and the front of another process. */
async function heldElsewhere() {
  const service = await testService({ never, slow: { handler: () => sleep(800, "done") } });
  const [holder, other] = [createV1Front(service), createV1Front(service)];
  const hold = (name: string): { exchange: FakeExchange; served: Promise<void> } => {
    const exchange = new FakeExchange("tools/call", { name });
    return { exchange, served: holder.serve(exchange, own) };
  };
  const status = async () => (await service.runtime.store.list({})).tasks.map((task) => task.status);
  return { service, other, hold, status };
}

describe("a cancellation that reaches another process than the call", () => {
  it("cancels the task, and the holder has nothing to wait for", async () => {
    const { other, hold, status } = await heldElsewhere();
    const { exchange, served } = hold("never");
    await sleep(700);
    await other.cancelled("local", own, { requestId: 7, reason: "enough" });
    expect(await status()).toEqual(["cancelled"]);
    await served;
    expect(exchange.answer.result).toMatchObject({ isError: true });
  });

  it("is tried again where the call is too young to be known", async () => {
    const { other, hold, status } = await heldElsewhere();
    const { exchange, served } = hold("never");
    await eventually(() => exchange.primed.length === 1);
    await other.cancelled("local", own, { requestId: 7, reason: "enough" });
    expect(await status()).toEqual(["working"]);
    await served;
    expect(await status()).toEqual(["cancelled"]);
  });

  it.each(["before", "after"])("is heard %s the young call's connection was closed", async (order) => {
    const { other, hold, status } = await heldElsewhere();
    const { exchange, served } = hold("never");
    await eventually(() => exchange.primed.length === 1);
    const cancelled = other.cancelled("local", own, { requestId: 7, reason: "enough" });
    if (order === "before") await cancelled;
    exchange.leave();
    await Promise.all([served, cancelled]);
    await eventually(async () => (await status())[0] === "cancelled");
    expect(await status()).toEqual(["cancelled"]);
  });

  it("detaches where the client's own time is out: the task goes on, the holder lets go", async () => {
    const { service, other, hold, status } = await heldElsewhere();
    const { exchange, served } = hold("never");
    await sleep(700);
    await other.cancelled("local", own, { requestId: 7, reason: "Request timed out" });
    const again = new FakeExchange("tools/call", { name: "never" }, { id: 8 });
    void other.serve(again, own);
    await eventually(() => again.primed.length === 1);
    expect(again.primed[0]).toContain((await service.runtime.store.list({})).tasks[0]?.id);
    expect(await status()).toEqual(["working"]);
    await served;
    expect(exchange.said.at(-1)).toEqual({ closed: true });
    again.leave();
  });

  it.each([
    ["another session", "local", { ...own, id: "another" }, 7],
    ["another principal", "somebody", own, 7],
    ["another request", "local", own, "7"],
    ["no session", "local", session, 7],
  ])("does not find it from %s", async (_, owner, from, requestId) => {
    const { other, hold, status } = await heldElsewhere();
    const { exchange } = hold("never");
    await sleep(700);
    await other.cancelled(owner, from, { requestId, reason: "enough" });
    expect(await status()).toEqual(["working"]);
    exchange.leave();
  });

  it("is of no later call that has the same id", async () => {
    const { other, hold, status } = await heldElsewhere();
    await hold("slow").served;
    await other.cancelled("local", own, { requestId: 7, reason: "enough" });
    await sleep(2);
    const { exchange, served } = hold("never");
    await sleep(1_200);
    expect(await status()).toEqual(["working", "completed"]);
    exchange.leave();
    await served;
  });
});
