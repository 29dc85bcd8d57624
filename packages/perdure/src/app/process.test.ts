/** What only a process of its own can show: that it survives, that it is killed, that it ends by a signal. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "./app.fixture.ts";
import { leaseMs } from "../store/program-store.fixture.ts";
import { inSqlite, temporaryStore } from "../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});
const source = new URL("../index.ts", import.meta.url).href;
const programStore = new URL("../store/program-store.fixture.ts", import.meta.url).href;

/** Runs a program that finds `perdure`, `anything` (a schema), `say` and an `app` on `file` ready. */
function run(record: string, program: string, options = "") {
  const prelude = `
    import { perdure } from ${JSON.stringify(source)};
    import { programStore } from ${JSON.stringify(programStore)};
    const say = (text) => process.stdout.write(text + "\\n");
    const anything = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
    const tool = { description: "A tool of this test.", input: anything };
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const app = perdure({ name: "test", version: "1", store: programStore(${JSON.stringify(record)}), logger, ${options} });
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", prelude + program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => said.push(...text.trim().split("\n")));
  const ended = (once(child, "close") as Promise<[Ended["code"], Ended["signal"]]>).then(
    ([code, signal]): Ended => ({ code, signal }),
  );
  return { child, said, ended };
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function until(child: ChildProcess, said: readonly string[], text: string): Promise<void> {
  while (!said.includes(text)) {
    if (child.exitCode !== null) throw new Error(`the program ended and said ${said.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const train = `
  app.task("train", tool, async (_, task) => {
    await task.step("load", () => say("load"));
    await task.save({ epoch: 2 });
    say("saved");
    await new Promise(() => {});
  });
  await app.start();
  await app.submit("train", {});
`;

describe("a process that is killed", () => {
  it("loses nothing that was acknowledged: the next start goes on behind the recorded step and the saved state", async () => {
    const record = temporaryStore();
    const { child, said, ended } = run(record, train);
    await until(child, said, "saved");
    child.kill("SIGKILL");
    expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
    const app = testApp({ store: record });
    let loaded = 0;
    app.task("train", { description, input }, async (_, task) => {
      await task.step("load", () => void loaded++);
      return { saved: await task.saved<{ epoch: number }>(), attempt: task.attempt };
    });
    await app.start();
    const [task] = (await app.tasks.list()).tasks;
    expect(await app.tasks.handle(task?.id ?? "").result()).toEqual({ saved: { epoch: 2 }, attempt: 2 });
    expect(loaded).toBe(0);
  });

  it("is followed by another that waits on the same record, within about a second, or two leases", async () => {
    const record = temporaryStore();
    const { child, said } = run(record, train);
    await until(child, said, "saved");
    const app = testApp({ store: record });
    app.task("train", { description, input }, (_, task) => task.saved<{ epoch: number }>());
    await app.start();
    const [task] = (await app.tasks.list()).tasks;
    expect(task).toMatchObject({ phase: "running", attempt: 1 });
    const before = Date.now();
    child.kill("SIGKILL");
    expect(await app.tasks.handle(task?.id ?? "").result()).toEqual({ epoch: 2 });
    // A file tells at once who holds it no more. Postgres does not tell whether a process is dead or cut off: it is
    // given its lease, and declared dead by the next heartbeat of another, a third of a lease apart.
    expect(Date.now() - before).toBeLessThan(inSqlite ? 3_000 : 2 * leaseMs + 1_000);
  });
});

describe("a process survives", () => {
  it("what a handler does not await: steps that fail, writes of an attempt that has ended", async () => {
    const { said, ended } = run(
      temporaryStore(),
      `
      app.task("careless", tool, (_, task) => {
        task.step("a", () => { throw new Error("nobody hears this"); });
        task.step("a", () => 1);
        task.step("b", async () => { throw new Error("nor this"); }, { timeout: 1000 });
        task.save(new Date());
        setTimeout(() => { task.step("late", () => 1); task.save({}); task.saved(); task.progress(1); }, 20);
        return "done";
      });
      await app.start();
      say(await (await app.submit("careless", {})).result());
      await new Promise((resolve) => setTimeout(resolve, 60));
      await app.close();
      say("alive");
      `,
    );
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(said).toEqual(["done", "alive"]);
  });

  it("and ends by itself once the application is closed", async () => {
    const { said, ended } = run(
      temporaryStore(),
      `
      app.task("hang", tool, () => new Promise(() => {}));
      await app.start();
      const handle = await app.submit("hang", {});
      handle.result().catch((error) => say(error.code));
      await app.close({ drainMs: 10 });
      `,
    );
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(said).toEqual(["APP_CLOSED"]);
  });
});

describe("signals", () => {
  const draining = `
    app.task("drain", tool, async (_, task) => {
      say("begun");
      await new Promise((resolve) => task.signal.addEventListener("abort", resolve));
      say(task.signal.reason.code);
      await task.step("tidy", () => new Promise((resolve) => setTimeout(resolve, 50)));
      return "tidied";
    });
    await app.start();
    await app.submit("drain", {});
  `;

  it.each(["SIGTERM", "SIGINT"] as const)(
    "where asked for, %s closes the application and then ends the process",
    async (signal) => {
      const record = temporaryStore();
      const { child, said, ended } = run(record, draining, "signals: true");
      await until(child, said, "begun");
      child.kill(signal);
      expect(await ended).toEqual({ code: null, signal });
      expect(said).toEqual(["begun", "SHUTDOWN"]);
      const app = testApp({ store: record });
      const [task] = (await app.tasks.list()).tasks;
      expect(task).toMatchObject({ status: "completed", attempt: 1 });
    },
  );

  it("a second one ends the process at once", async () => {
    const stuck = `
      app.task("stuck", tool, () => { say("begun"); return new Promise(() => {}); });
      await app.start();
      await app.submit("stuck", {});
    `;
    const { child, said, ended } = run(temporaryStore(), stuck, "signals: true");
    await until(child, said, "begun");
    child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("are left alone where nobody asked", async () => {
    const { child, said, ended } = run(temporaryStore(), draining);
    await until(child, said, "begun");
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: null, signal: "SIGTERM" });
    expect(said).toEqual(["begun"]);
  });
});
