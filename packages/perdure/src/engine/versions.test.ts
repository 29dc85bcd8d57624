import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { silent, testApp } from "../app/app.fixture.ts";
import { type App, perdure } from "../app/app.ts";
import type { TaskOptions } from "../app/declaration.ts";
import { taskVersion } from "../app/tool-version.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { inSqlite, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({ n: z.number() });

/** One record, opened by one program after another. */
function programs() {
  const store = temporaryStore();
  const clock = new ManualClock();
  const open = (options: Partial<TaskOptions<typeof input>>, answer: string): App => {
    const app = perdure({ name: "test", version: "1", store, clock, logger: silent });
    app.task("work", { description, input, ...options }, ({ n }) => `${answer} ${n}`);
    onTestFinished(() => close(app));
    return app;
  };
  const close = async (app: App): Promise<void> => {
    const closed = app.close({ drainMs: 0 });
    await clock.advance(0);
    await closed;
  };
  /** What an earlier program has left queued. */
  const leave = async (options: Partial<TaskOptions<typeof input>>, n: number): Promise<string> => {
    const app = open(options, "never");
    const { id } = await app.submit("work", { n });
    await close(app);
    return id;
  };
  const outcome = async (app: App, id: string): Promise<unknown> => {
    await app.start();
    await clock.advance(10_000);
    const task = await app.tasks.get(id);
    return task?.status === "failed" ? task.failure : (task?.result ?? task?.status);
  };
  return { clock, open, close, leave, outcome };
}

describe("the version of a handler", () => {
  it("is kept of every task that is made for it, and shown", async () => {
    const app = testApp();
    app.task("work", { description, input, version: "2" }, () => null);
    app.task("parent", { description, input }, (_, task) => task.call("work", { n: 1 }));
    await app.start();
    await (await app.submit("parent", { n: 1 })).result();
    const { tasks } = await app.tasks.list();
    expect(tasks.map(({ tool, version }) => [tool, version])).toEqual([
      ["work", "2"],
      ["parent", undefined],
    ]);
  });

  it("sends a task to the handler of its time, with the schema of its time", async () => {
    const { open, leave, outcome } = programs();
    const [none, one, two] = [
      await leave({}, 1),
      await leave({ version: "1" }, 2),
      await leave({ version: "2" }, 3),
    ];
    const old = taskVersion({ input: z.object({ n: z.number().transform(String) }) }, ({ n }) => `old ${n}!`);
    const app = open({ version: "2", versions: { "1": old, "": old } }, "new");
    expect(await outcome(app, none)).toBe("old 1!");
    expect(await outcome(app, one)).toBe("old 2!");
    expect(await outcome(app, two)).toBe("new 3");
  });

  it("runs a task of another version, where nothing else is said", async () => {
    const { open, leave, outcome } = programs();
    const id = await leave({ version: "1" }, 1);
    expect(await outcome(open({ version: "2" }, "new"), id)).toBe("new 1");
  });

  it("fails it with a reason, where it is to fail", async () => {
    const { open, leave, outcome } = programs();
    const id = await leave({ version: "1" }, 1);
    const app = open(
      { version: "3", versions: { "2": taskVersion({ input }, () => 2) }, onOtherVersion: "fail" },
      "",
    );
    expect(await outcome(app, id)).toMatchObject({
      code: "UNKNOWN_VERSION",
      retryable: false,
      message:
        'the task is of version "1" of work, which now runs version "3", version "2" only. Start it again.',
    });
  });

  it("lets it wait for a process that knows it, and says so", async () => {
    const { clock, open, close, leave, outcome } = programs();
    const id = await leave({ version: "1" }, 1);
    const newer = open({ version: "2", onOtherVersion: "wait" }, "new");
    expect(await outcome(newer, id)).toBe("working");
    expect(await newer.tasks.handle(id).status()).toMatchObject({
      waiting: 'no running process has a handler for version "1" of "work".',
    });
    await newer.submit("work", { n: 2 });
    await clock.advance(100);
    expect((await newer.tasks.list()).tasks[0]).toMatchObject({ version: "2", status: "completed" });
    const older = open({ version: "1", onOtherVersion: "wait" }, "old");
    await older.start();
    // Of a file one process executes, on Postgres each.
    expect("waiting" in (await older.tasks.handle(id).status())).toBe(inSqlite);
    await close(newer);
    expect(await outcome(older, id)).toBe("old 1");
  });

  it.each([
    ["", "version must be 1 to 128"],
    ["ü", "version must be 1 to 128"],
  ])("is not %j", (version, message) => {
    expect(() => testApp().task("work", { description, input, version }, () => 1)).toThrow(message);
  });
});
