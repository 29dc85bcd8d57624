import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bench } from "./command.fixture.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "closes on %s, gives back what runs, and ends by it",
  async (signal) => {
    const server = await bench.serve({ FIXTURE_HOLD: "short" });
    const slow = ["--arg", bench.gate, "--no-wait", "--json"];
    const { stdout } = await bench.run(["call", server.url, "count", ...slow]);
    const { task_id } = JSON.parse(stdout) as { readonly task_id: string };
    server.child.kill(signal);
    expect(await server.ended).toMatchObject({ signal });
    const shown = await bench.run(["tasks", "show", bench.file, task_id, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      status: "working",
      phase: "queued",
      waiting: expect.stringContaining("no process executes tasks of this store now") as string,
      timeline: [{ type: "created" }, { type: "begun" }, { type: "released" }],
    });
  },
);

test("a port that is taken is told, with 2, and nothing stays behind", async () => {
  const { url } = await bench.serve();
  const { port } = new URL(url);
  const second = await bench.run(["serve", join(import.meta.dirname, "app.fixture.ts"), "--port", port]);
  expect(second).toMatchObject({ code: 2, stdout: "" });
  expect(second.stderr).toMatch(/^perdure: .* cannot be listened on \(EADDRINUSE\)\. .*\n$/);
});

test("without --port it listens where its hosting says", async () => {
  const { port } = new URL((await bench.serve()).url);
  const env = { PERDURE_HOSTING: "agentcore-runtime", HOST: "127.0.0.1", PORT: port };
  const second = await bench.run(["serve", join(import.meta.dirname, "app.fixture.ts")], env);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain(`127.0.0.1:${port} cannot be listened on`);
});

test("a public address without auth is refused, with 2", async () => {
  const file = join(import.meta.dirname, "app.fixture.ts");
  const served = await bench.run(["serve", file, "--port", "0", "--host", "0.0.0.0"]);
  expect(served.code).toBe(2);
  expect(served.stderr).toMatch(/^perdure: without auth only a loopback address .*\n$/);
});

test("a file without an application, and no file, are told, with 2", async () => {
  writeFileSync(join(bench.folder, "empty.mjs"), "export const app = 1;\n");
  const empty = await bench.run(["serve", "empty.mjs"]);
  expect(empty).toMatchObject({ code: 2 });
  expect(empty.stderr).toMatch(/^perdure: empty\.mjs exports no application\. Let it say: .*\n$/);
  expect(await bench.run(["serve", "nothing.mjs"])).toMatchObject({
    code: 2,
    stderr: "perdure: there is no file nothing.mjs.\n",
  });
});

test.each([
  [["serve"], "error: missing required argument 'file'"],
  [["serve", "x", "--port", "no"], "It must be a port, 0 to 65535."],
  [["tasks", "list", "x", "--status", "done"], "Allowed choices are working, input_required, completed"],
  [["frob"], "error: unknown command 'frob'"],
])("%j is wrong usage: 2", async (args, message) => {
  const ended = await bench.run(args);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(message);
});

test("--help tells the exit codes", async () => {
  const help = await bench.run(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("130  interrupted by Ctrl-C");
});
