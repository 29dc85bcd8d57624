import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import { PerdureError, ProtocolError, TerminalError } from "../task/errors.ts";
import type { RetryOptions } from "../task/retry.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const description = "A tool of this test.";
const input = z.object({});

/** Runs a task whose handler always throws; tells when each attempt began, in milliseconds after the first. */
async function attemptTimes(retry: RetryOptions | undefined, random: () => number, thrown: unknown) {
  const clock = new ManualClock();
  const app = testApp({ clock, random });
  const times: number[] = [];
  const begin = clock.now();
  app.task("fail", { description, input, ...(retry !== undefined && { retry }) }, () => {
    times.push(clock.now() - begin);
    throw thrown;
  });
  await app.start();
  const handle = await app.submit("fail", {});
  await clock.advance("5m");
  return { times, status: await handle.status() };
}

describe("retry of a task", () => {
  it("is off by default: what the handler throws fails the task", async () => {
    const { times, status } = await attemptTimes(undefined, Math.random, new RangeError("too far"));
    expect(times).toEqual([0]);
    expect(status).toMatchObject({
      status: "failed",
      attempt: 1,
      failure: { code: "HANDLER_ERROR", name: "RangeError", message: "too far" },
    });
  });

  it("waits exponentially longer, by half of the delay where chance says 0", async () => {
    const { times, status } = await attemptTimes(3, () => 0, new Error("no"));
    expect(times).toEqual([0, 500, 1_500, 3_500]);
    expect(status).toMatchObject({ status: "failed", attempt: 4, errors: 3 });
  });

  it("waits the whole delay where chance says 1, by its own factor and never longer than the longest", async () => {
    const retry = { retries: 4, delay: "10s", factor: 3, maxDelay: "1m" } as const;
    const { times } = await attemptTimes(retry, () => 1, new Error("no"));
    expect(times).toEqual([0, 10_000, 40_000, 100_000, 160_000]);
  });

  it("draws anew for every wait", async () => {
    const drawn = [0, 1, 0.5];
    const { times } = await attemptTimes(
      { retries: 3, factor: 1 },
      () => drawn.shift() ?? 0,
      new Error("no"),
    );
    expect(times).toEqual([0, 500, 1_500, 2_250]);
  });

  it("is tried again for anything thrown, also what is no error", async () => {
    const { times, status } = await attemptTimes(1, () => 0, { odd: true });
    expect(times).toHaveLength(2);
    expect(status).toMatchObject({ failure: { code: "HANDLER_ERROR", message: '{"odd":true}' } });
  });

  it.each([
    { thrown: new TerminalError("hopeless", { data: { row: 7 } }), code: "HANDLER_ERROR" },
    { thrown: new ProtocolError(-32_602, "bad cursor"), code: "PROTOCOL_ERROR" },
    { thrown: new PerdureError("INVALID_VALUE", { message: "a Date" }), code: "INVALID_VALUE" },
  ])("never follows $thrown.name $code", async ({ thrown, code }) => {
    const { times, status } = await attemptTimes(5, () => 0, thrown);
    expect(times).toEqual([0]);
    expect(status).toMatchObject({ status: "failed", failure: { code, message: thrown.message } });
  });

  it("keeps the data of a TerminalError and the code of a ProtocolError", async () => {
    const terminal = await attemptTimes(0, () => 0, new TerminalError("hopeless", { data: { row: 7 } }));
    expect(terminal.status).toMatchObject({ failure: { name: "TerminalError", data: { row: 7 } } });
    const protocol = await attemptTimes(0, () => 0, new ProtocolError(-32_602, "bad cursor"));
    expect(protocol.status).toMatchObject({ failure: { jsonRpcCode: -32_602 } });
  });

  it("never follows input that the schema refuses by the time it runs", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    let deployed = "old";
    const changing = z.object({ n: z.number() }).refine(() => deployed === "old", "n is gone");
    app.task("changed", { description, input: changing, retry: 5 }, () => "ran");
    const handle = await app.submit("changed", { n: 1 });
    deployed = "new";
    await app.start();
    await clock.advance("1h");
    expect(await handle.status()).toMatchObject({
      attempt: 1,
      status: "failed",
      failure: { code: "INVALID_INPUT", message: expect.stringContaining("n is gone") as string },
    });
  });

  it("ends with the error of the last attempt", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    app.task("count", { description, input, retry: 2 }, (_, task) => {
      throw new Error(`attempt ${task.attempt}`);
    });
    await app.start();
    const handle = await app.submit("count", {});
    await clock.advance("1m");
    await expect(handle.result()).rejects.toMatchObject({ name: "TaskError", message: "attempt 3" });
  });

  it("records something thrown that itself cannot be recorded", async () => {
    const unreadable = new TerminalError("diverged", { data: { loss: Number.NaN } });
    const { status } = await attemptTimes(0, () => 0, unreadable);
    expect(status).toMatchObject({ status: "failed" });
    const strange = Object.assign(new Error("strange"), { message: undefined, name: undefined });
    expect((await attemptTimes(0, () => 0, strange)).status).toMatchObject({ status: "failed" });
  });
});

describe("what survives a retry of the task", () => {
  it("is the saved state and every recorded result; a failed step is forgotten and runs again", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const ran: string[] = [];
    app.task("pay", { description, input, retry: 1 }, async (_, task) => {
      const saved = await task.saved<{ attempt: number }>();
      await task.step("reserve", () => void ran.push(`reserve in ${task.attempt}`));
      await task.save({ attempt: task.attempt });
      const paid = await task.step("charge", () => {
        ran.push(`charge in ${task.attempt}`);
        if (task.attempt === 1) throw new Error("declined");
        return "paid";
      });
      return { saved, paid };
    });
    await app.start();
    const handle = await app.submit("pay", {});
    await clock.advance("1m");
    expect(await handle.result()).toEqual({ saved: { attempt: 1 }, paid: "paid" });
    expect(ran).toEqual(["reserve in 1", "charge in 1", "charge in 2"]);
    const types = (await app.tasks.timeline(handle.id)).map(({ type }) => type);
    expect(types.filter((type) => type === "retry")).toHaveLength(1);
  });

  it("is not a step's count of tries: they begin anew", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock });
    const tries: number[] = [];
    app.task("flaky", { description, input, retry: 1 }, (_, task) =>
      task.step(
        "call",
        (step) => {
          tries.push(step.tries);
          throw new Error("down");
        },
        { retry: { retries: 1, delay: 10 } },
      ),
    );
    await app.start();
    await app.submit("flaky", {});
    await clock.advance("1m");
    expect(tries).toEqual([1, 2, 1, 2]);
  });
});
