import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forever, testApp } from "../app/app.fixture.ts";
import { TerminalError } from "../task/errors.ts";
import { ManualClock, settle } from "../testing/manual-clock.ts";
import type { TaskContext } from "./context.ts";
import { openTestStore, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

/** Runs one task to its end; a retried handler runs again at once. */
async function run(handler: (task: TaskContext) => unknown, retry = 0) {
  const clock = new ManualClock();
  const app = testApp({ clock });
  app.task(
    "tool",
    { description, input, retry: { retries: retry, delay: 1 } },
    (_, task) => handler(task) as string,
  );
  await app.start();
  const handle = await app.submit("tool", {});
  await clock.advance("10m");
  const task = await app.tasks.get(handle.id);
  return { task, timeline: await app.tasks.timeline(handle.id), app };
}

describe("a name", () => {
  it("is used once in a run: the second use is STEP_NAME_REUSED, already in the first", async () => {
    const ran: number[] = [];
    const { task } = await run(async ({ step }) => {
      for (const id of [1, 2]) await step("store", () => ran.push(id));
    }, 3);
    expect(task).toMatchObject({ status: "failed", attempt: 1, failure: { code: "STEP_NAME_REUSED" } });
    expect(task).toMatchObject({ failure: { message: expect.stringContaining("store:${id}") as string } });
    expect(ran).toEqual([1]);
  });

  it("with the key of the loop or branch in it is another name", async () => {
    const { task } = await run(({ step }) =>
      Promise.all([1, 2, 3].map((id) => step(`store:${id}`, () => id * 2))),
    );
    expect(task?.result).toEqual([2, 4, 6]);
  });

  it("is refused before the step runs when no store could keep it", async () => {
    let ran = false;
    const { task } = await run(({ step }) => step("", () => void (ran = true)), 3);
    expect(task).toMatchObject({ attempt: 1, failure: { code: "INVALID_VALUE" } });
    expect(ran).toBe(false);
  });

  it("that was recorded for another kind of operation is STEP_MISMATCH", async () => {
    const record = temporaryStore();
    const clock = new ManualClock(Date.now());
    const dying = openTestStore(clock, record);
    const before = testApp({ store: dying, clock });
    before.task("tool", { description, input }, () => forever);
    await before.start();
    const { id } = await before.submit("tool", {});
    await dying.recordOperation({
      taskId: id,
      attempt: 1,
      name: "wait",
      kind: "sleep",
      state: "done",
      value: null,
    });
    await dying.close();
    const app = testApp({ store: record });
    app.task("tool", { description, input, retry: 3 }, (_, task) => task.step("wait", () => true));
    await app.start();
    await expect(app.tasks.handle(id).result()).rejects.toMatchObject({ code: "STEP_MISMATCH" });
    expect(await app.tasks.get(id)).toMatchObject({ attempt: 2, errors: 0 });
  });
});

describe("a recorded step", () => {
  it("never runs again, whatever else fails", async () => {
    let charged = 0;
    const { task } = await run(async ({ step, attempt }) => {
      const receipt = await step("charge", () => ({ number: ++charged }));
      if (attempt < 4) throw new Error("later");
      return receipt;
    }, 5);
    expect(task?.result).toEqual({ number: 1 });
    expect(charged).toBe(1);
  });

  it("that failed for good throws the same error again on replay, of the same class", async () => {
    const record = temporaryStore();
    const clock = new ManualClock(Date.now());
    const caught: unknown[] = [];
    let ran = 0;
    const handler = (hang: boolean) => async (_: unknown, task: TaskContext) => {
      for (const [name, error] of [
        ["a", new TerminalError("no such order", { data: { order: 7 } })],
        ["b", new RangeError("too far")],
      ] as const) {
        await task
          .step(name, () => {
            ran++;
            throw error;
          })
          .catch((thrown: unknown) => caught.push(thrown));
      }
      return hang ? forever : "done";
    };
    const dying = openTestStore(clock, record);
    const before = testApp({ store: dying, clock });
    before.task("tool", { description, input }, handler(true));
    await before.start();
    const { id } = await before.submit("tool", {});
    await settle();
    await dying.close();
    const app = testApp({ store: record });
    app.task("tool", { description, input }, handler(false));
    await app.start();
    await app.tasks.handle(id).result();
    expect(ran).toBe(2);
    const [first, second, firstAgain, secondAgain] = caught as Error[];
    expect(first).toBeInstanceOf(TerminalError);
    expect(firstAgain).toBeInstanceOf(TerminalError);
    for (const error of [first, firstAgain]) {
      expect(error).toMatchObject({ message: "no such order", data: { order: 7 } });
    }
    for (const error of [second, secondAgain])
      expect(error).toMatchObject({ name: "RangeError", message: "too far" });
  });

  it("leads to what was really thrown, in the first run", async () => {
    const thrown = Object.assign(new Error("no route"), { errno: -113 });
    let cause: unknown;
    await run(async ({ step }) => {
      await step("connect", () => Promise.reject(thrown)).catch((error: unknown) => {
        cause = (error as Error).cause;
      });
    });
    expect(cause).toBe(thrown);
  });
});

describe("retry of a step", () => {
  it("is off by default, exponential where asked for, and counts its tries", async () => {
    const clock = new ManualClock();
    const app = testApp({ clock, random: () => 1 });
    const tries: [number, number][] = [];
    const begin = clock.now();
    app.task("tool", { description, input }, (_, task) =>
      task.step(
        "call",
        (step) => {
          tries.push([step.tries, clock.now() - begin]);
          if (step.tries < 4) throw new Error("down");
          return "up";
        },
        { retry: { retries: 3, delay: "1s" } },
      ),
    );
    await app.start();
    const handle = await app.submit("tool", {});
    await clock.advance("1m");
    expect(await handle.result()).toBe("up");
    expect(tries).toEqual([
      [1, 0],
      [2, 1_000],
      [3, 3_000],
      [4, 7_000],
    ]);
    // The wait of 4 s was longer than the attempt lingers: parked, it ran again, and the count went on.
    expect(await handle.status()).toMatchObject({ attempt: 2, errors: 0 });
  });

  it("never follows a TerminalError", async () => {
    let tries = 0;
    const { task } = await run(({ step }) =>
      step(
        "call",
        () => {
          tries++;
          throw new TerminalError("never");
        },
        { retry: 5 },
      ),
    );
    expect(tries).toBe(1);
    expect(task).toMatchObject({ status: "failed", failure: { message: "never", retryable: false } });
  });
});

describe("timeout of a step", () => {
  it("limits one try, and tells its function by the signal", async () => {
    const reasons: unknown[] = [];
    const { task } = await run(({ step }) =>
      step(
        "call",
        ({ tries, signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return tries === 1 ? forever : "second";
        },
        { timeout: "5s", retry: 1 },
      ),
    );
    expect(task?.result).toBe("second");
    expect(reasons).toMatchObject([{ code: "STEP_TIMEOUT" }]);
  });

  it("fails the step as STEP_TIMEOUT, and is no time-out of the task", async () => {
    const { task } = await run(({ step }) => step("call", () => forever, { timeout: "5s" }));
    expect(task).toMatchObject({ status: "failed", failure: { code: "STEP_TIMEOUT" } });
  });
});

describe("a step of a task that is asked to stop", () => {
  it("that throws at once under a time-out disturbs nobody at a later abort", async () => {
    const app = testApp();
    const failed = Promise.withResolvers<void>();
    app.task("tool", { description, input }, async (_, task) => {
      const fail = () => {
        throw new Error("at once");
      };
      await task.step("call", fail, { timeout: "5s" }).catch(() => undefined);
      failed.resolve();
      return forever;
    });
    await app.start();
    const handle = await app.submit("tool", {});
    await failed.promise;
    // An unhandled rejection would fail this run of tests.
    expect(await handle.cancel()).toBe(true);
    await settle();
  });
});
