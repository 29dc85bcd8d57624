import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import { ExecError } from "../../task/errors.ts";
import type { TaskContext } from "../context.ts";
import type { ExecOptions, ExecResult } from "./exec.ts";
import { gone, isAlive, toPids } from "./processes.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const description = "A tool of this test.";
const input = z.object({});

async function run<T>(
  handler: (task: TaskContext) => Promise<T>,
  options: { readonly linger?: number } = {},
) {
  const app = testApp(options);
  app.task("run", { description, input, retry: { retries: 1, delay: 1 } }, async (_, task) => {
    await handler(task);
  });
  await app.start();
  return { app, handle: await app.submit("run", {}) };
}

async function exec(script: string, options: ExecOptions = {}): Promise<ExecResult | ExecError> {
  let found: ExecResult | ExecError | undefined;
  const { handle } = await run(async (task) => {
    found = await task.exec("sh", ["-c", script], options).catch((error: unknown) => {
      if (error instanceof ExecError) return error;
      throw error;
    });
  });
  await handle.result();
  if (found === undefined) throw new Error("it did not run");
  return found;
}

describe("a program", () => {
  it("ends as a step: with its output, line by line, and never again", async () => {
    const lines: string[] = [];
    const results: ExecResult[] = [];
    const { app, handle } = await run(async (task) => {
      const onLine = (line: string, stream: string): void => void lines.push(`${stream}: ${line}`);
      const script = "echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three";
      results.push(await task.exec("sh", ["-c", script], { name: "count", onLine }));
      if (task.attempt === 1) throw new Error("again");
    });
    await handle.result();
    expect(lines).toEqual(["stdout: one", "stderr: two", "stdout: three"]);
    const result = { exitCode: 0, stdout: "one\nthree", stderr: "two\n" };
    expect(results).toEqual([result, result]);
    expect(await app.tasks.timeline(handle.id)).toContainEqual(
      expect.objectContaining({ type: "operation", name: "count", state: "done" }),
    );
  });

  it("that exits with another code throws it, with the end of what it said, also when it is run over", async () => {
    const errors: unknown[] = [];
    const { handle } = await run(
      async (task) => {
        try {
          await task.exec("sh", ["-c", "echo some; echo wrong >&2; exit 3"], { name: "fail" });
        } catch (error) {
          errors.push(error);
        }
        if (errors.length === 1) {
          await task.waitUntil("never", { timeout: 10 }).catch(() => undefined);
        }
      },
      { linger: 0 },
    );
    await handle.result();
    for (const error of errors) {
      expect(error).toBeInstanceOf(ExecError);
      expect(error).toMatchObject({ exitCode: 3, signal: null, stdout: "some\n", stderr: "wrong\n" });
      expect(error).toHaveProperty("message", '"sh" exited with code 3:\nwrong');
    }
    expect(errors.length).toBeGreaterThan(0);
  });

  it("fails its task as EXEC_FAILED, with its exit and output in the record", async () => {
    const { app, handle } = await run((task) => task.exec("sh", ["-c", "echo oh; kill -9 $$"]));
    await expect(handle.result()).rejects.toMatchObject({ code: "EXEC_FAILED" });
    expect(await app.tasks.get(handle.id)).toMatchObject({
      failure: { name: "ExecError", data: { exitCode: null, signal: "SIGKILL", stdout: "oh\n", stderr: "" } },
    });
  });

  it("that is not there says so", async () => {
    const { handle } = await run((task) => task.exec("no-such-program"));
    await expect(handle.result()).rejects.toMatchObject({
      code: "EXEC_FAILED",
      message: expect.stringMatching(
        /"no-such-program" is not there, or may not be executed \(PATH: .*\)/,
      ) as string,
    });
    const folder = await run((task) => task.exec("sh", ["-c", "pwd"], { cwd: "/no/such/folder" }));
    await expect(folder.handle.result()).rejects.toThrow("there is no folder /no/such/folder");
  });

  it("has none of this process's secrets, what it is given, and its input", async () => {
    process.env["SECRET_OF_THIS_TEST"] = "secret";
    onTestFinished(() => void delete process.env["SECRET_OF_THIS_TEST"]);
    const result = await exec("env; cat; pwd", { env: { GIVEN: "given" }, input: "text in\n", cwd: "/" });
    expect(result.stdout).toMatch(/^PATH=/m);
    expect(result.stdout).toMatch(/^GIVEN=given$/m);
    expect(result.stdout).toMatch(/^text in\n\/$/m);
    expect(result.stdout).not.toContain("secret");
    expect((await exec("cat; echo end")).stdout).toBe("end\n");
  });

  it("may write more than there is room for: the end is kept", async () => {
    let length = 0;
    const onLine = (line: string): void => void (length += line.length);
    const script = "head -c 30000000 /dev/zero | tr '\\0' x; echo; echo ümlaut";
    const result = await exec(script, { onLine, maxOutputBytes: 12 });
    expect(length).toBe(30_000_006);
    expect(result).toEqual({ exitCode: 0, stdout: "…xxx\nümlaut\n", stderr: "" });
  });

  it("leaves nothing behind in its group, and is not waited for by who left it", async () => {
    const result = await exec("sleep 1000 & echo $!");
    await gone(toPids(result.stdout));
    const left = await exec("setsid sh -c 'echo $$; exec sleep 30' & sleep 0.3");
    const [pid = 0] = toPids(left.stdout);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  it("is ended by an error of onLine, which is thrown", async () => {
    const { handle } = await run((task) =>
      task.exec("sh", ["-c", "echo go; sleep 1000"], {
        onLine: () => {
          throw new RangeError("not that line");
        },
      }),
    );
    await expect(handle.result()).rejects.toMatchObject({ code: "HANDLER_ERROR", message: "not that line" });
  });
});

describe("a program is killed with its group", () => {
  const stubborn = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 1000' & echo $$ $!; while :; do sleep 1; done";

  it("by its time-out, with SIGKILL when it does not hear SIGTERM", async () => {
    let pids: number[] = [];
    const { handle } = await run((task) =>
      task.exec("sh", ["-c", stubborn], {
        timeout: 500,
        grace: 100,
        onLine: (line) => {
          pids = toPids(line);
        },
      }),
    );
    await expect(handle.result()).rejects.toMatchObject({ code: "STEP_TIMEOUT" });
    await gone(pids);
  });

  it.each(["cancel", "close"] as const)("by a %s", async (how) => {
    const begun = Promise.withResolvers<number[]>();
    const { app, handle } = await run((task) =>
      task.exec("sh", ["-c", stubborn], { grace: 200, onLine: (line) => begun.resolve(toPids(line)) }),
    );
    const pids = await begun.promise;
    expect(pids.every(isAlive)).toBe(true);
    if (how === "cancel") await handle.cancel();
    else await app.close({ drainMs: 2_000 });
    await gone(pids);
  });

  it.each(["here", "in a thread"])(
    "by the death of its server (%s), and runs again at the next",
    { timeout: 40_000 },
    async (where) => {
      const store = temporaryStore();
      const program = new URL("./server.fixture.ts", import.meta.url).pathname;
      // What is watched tells first what was reported last.
      const start = async (before = "") => {
        const server = spawn(process.execPath, [program, store, where], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        onTestFinished(() => void server.kill("SIGKILL"));
        for await (const line of createInterface(server.stdout)) {
          if (line !== before) return { server, line, pids: toPids(line) };
        }
        throw new Error("it ended");
      };
      const first = await start();
      expect(first.pids.every(isAlive)).toBe(true);
      first.server.kill("SIGKILL");
      await gone(first.pids);
      const second = await start(first.line);
      expect(second.pids.every(isAlive)).toBe(true);
      second.server.kill("SIGKILL");
      await gone(second.pids);
    },
  );
});

describe.skipIf(process.platform === "win32")("a process that may open no more files", () => {
  it.each([
    ["guarded", ["exit 0", "EMFILE", "exit 0"]],
    ["unguarded", ["EMFILE", "exit 0"]],
  ])("says so, and goes on when it may again (%s)", async (guarded, ends) => {
    const program = new URL("./no-more-files.fixture.ts", import.meta.url).pathname;
    const script = 'ulimit -n 48; exec "$@"';
    const child = spawn("/bin/sh", ["-c", script, "sh", process.execPath, program, guarded], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, err: said.err, ends: said.out.trim().split("\n") }).toEqual({ code: 0, err: "", ends });
  });
});
