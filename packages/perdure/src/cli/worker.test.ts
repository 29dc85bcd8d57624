import { createInterface } from "node:readline";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../store/postgres/postgres.fixture.ts";
import { Bench } from "./command.fixture.ts";

const fixture = join(import.meta.dirname, "app.fixture.ts");

let database: TestDatabase;
let bench: Bench;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.drop();
});
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

async function firstLine({ child, ended }: ReturnType<Bench["start"]>): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error("no standard output");
    createInterface({ input: child.stdout }).once("line", resolve);
    void ended.then(({ stderr }) => reject(new Error(`it said nothing: ${stderr}`)));
  });
}

test("runs what another process serves, without a port, and ends by a signal", async () => {
  const env = { FIXTURE_STORE: database.url };
  const role = ["--role", "serve"];
  const server = bench.start(["serve", fixture, "--port", "0", "--json", ...role], env);
  const { url } = JSON.parse(await firstLine(server)) as { readonly url: string };
  const worker = bench.start(["worker", fixture, "--json"], env);
  expect(JSON.parse(await firstLine(worker))).toEqual({ name: "fixture", version: "1.0.0", works: true });

  const called = await bench.run(["call", url, "count", "--arg", "label=here", "--json"]);
  expect(JSON.parse(called.stdout)).toMatchObject({
    result: { structuredContent: { done: true, label: "here" } },
  });

  worker.child.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ signal: "SIGTERM" });
});

test("a worker of a file that another process has waits, and takes over", async () => {
  const server = await bench.serve({ FIXTURE_HOLD: "short" });
  const worker = bench.start(["worker", fixture], { FIXTURE_STORE: `sqlite:${bench.file}` });
  expect(await firstLine(worker)).toBe("fixture 1.0.0 works");
  const started = await bench.run(["call", server.url, "count", "--arg", bench.gate, "--no-wait", "--json"]);
  const { task_id } = JSON.parse(started.stdout) as { readonly task_id: string };
  server.child.kill("SIGKILL");
  bench.open();
  const result = await bench.run(["tasks", "watch", bench.file, task_id, "--json"]);
  expect(result.stdout).toContain('"completed"');
  expect(worker.child.exitCode).toBeNull();
});

test("serve --role work is wrong usage, and so is PERDURE_ROLE=work: they say what to run", async () => {
  const served = await bench.run(["serve", fixture, "--port", "0"], { PERDURE_ROLE: "work" });
  expect(served).toMatchObject({ code: 2 });
  expect(served.stderr).toContain("perdure worker FILE");
  expect(await bench.run(["serve", fixture, "--role", "work"])).toMatchObject({ code: 2 });
});
