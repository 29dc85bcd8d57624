import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bench, said } from "../command.fixture.ts";

let bench: Bench;
let server: Awaited<ReturnType<Bench["serve"]>>;
let url: string;
beforeEach(async () => {
  bench = new Bench();
  server = await bench.serve({ FIXTURE_HOLD: "short" });
  ({ url } = server);
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

/** A task that works until `bench.open()`. */
async function startCounting(...more: string[]): Promise<string> {
  const args = ["--arg", bench.gate, ...more, "--no-wait", "--json"];
  const { stdout } = await bench.run(["call", url, "count", ...args]);
  return (JSON.parse(stdout) as { readonly task_id: string }).task_id;
}

async function runJson(
  ...args: string[]
): Promise<{ readonly code: number | null; readonly document: unknown }> {
  const { code, stdout } = await bench.run([...args, "--json"]);
  return { code, document: JSON.parse(stdout) };
}

describe.each(["store", "server"])("perdure tasks, of a %s", (kind) => {
  const where = (): string => (kind === "store" ? bench.file : url);

  test("lists, shows, watches and gives the result", async () => {
    const id = await startCounting();
    expect(await runJson("tasks", "list", where())).toMatchObject({
      code: 0,
      document: [{ task_id: id, tool: "count", status: "working" }],
    });
    const early = await bench.run(["tasks", "result", where(), id]);
    expect(early).toMatchObject({ code: 5, stdout: "" });
    expect(early.stderr).toContain(`task ${id} is working.`);

    const watch = bench.start(["tasks", "watch", where(), id, "--json"]);
    await said(watch, "stdout", /"progress"/);
    bench.open();
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    const news = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly type: string; readonly status?: string });
    expect(news.some(({ type }) => type === "progress")).toBe(true);
    expect(news.at(-1)).toMatchObject(kind === "store" ? { type: "completed" } : { status: "completed" });

    expect(await runJson("tasks", "show", where(), id)).toMatchObject({
      code: 0,
      document: { task_id: id, status: "completed", progress: { total: 3 } },
    });
    expect(await bench.run(["tasks", "result", where(), id])).toMatchObject({
      code: 0,
      stdout: '{"done":true}\n',
    });
    expect(await runJson("tasks", "list", where(), "--status", "working")).toEqual({ code: 0, document: [] });
  });

  test("lists artifacts, and gives one to standard output or a file", { timeout: 60_000 }, async () => {
    const id = await startCounting("--arg", "label=artifact");
    bench.open();
    await bench.run(["tasks", "watch", where(), id]);
    const listed = await runJson("tasks", "artifacts", where(), id);
    const expected = { name: "../numbers.txt", media_type: "text/plain", size: 13 };
    expect(listed).toMatchObject({ code: 0, document: [expected] });
    const get = (task: string, name: string, ...more: string[]) =>
      bench.run(["tasks", "artifact", where(), task, name, ...more]);
    expect(await get(id, "../numbers.txt")).toMatchObject({ code: 0, stdout: "counted to 3\n", stderr: "" });
    const file = join(bench.folder, "out.txt");
    expect(await get(id, "../numbers.txt", "-o", file)).toMatchObject({ code: 0 });
    expect(readFileSync(file, "utf8")).toBe("counted to 3\n");
    expect(await get(id, "nothing")).toMatchObject({ code: 4, stdout: "" });
    expect(await get("nobody", "../numbers.txt")).toMatchObject({ code: 4, stdout: "" });
    expect(await get(id, "../numbers.txt", "-o", "no/such/folder")).toMatchObject({ code: 2, stdout: "" });
  });

  test("cancels, once", async () => {
    const id = await startCounting();
    expect(await runJson("tasks", "cancel", where(), id, "--reason", "enough")).toEqual({
      code: 0,
      document: { task_id: id, cancelled: true, status: "cancelled" },
    });
    expect(await runJson("tasks", "cancel", where(), id)).toMatchObject({ document: { cancelled: false } });
    const result = await bench.run(["tasks", "result", where(), id]);
    expect(result).toMatchObject({ code: 1, stdout: "The task was cancelled: enough\n" });
  });

  test("tells of a failure, with 1", async () => {
    const id = await startCounting("--arg", "fail=true");
    bench.open();
    expect(await bench.run(["tasks", "watch", where(), id])).toMatchObject({ code: 1 });
    expect(await bench.run(["tasks", "result", where(), id])).toMatchObject({
      code: 1,
      stdout: "it was to fail\n",
    });
  });

  test("ends with 4 for a task that never was", async () => {
    const commands = ["show", "watch", "result", "cancel"];
    const ended = await Promise.all(
      commands.map((command) => bench.run(["tasks", command, where(), "nobody"])),
    );
    const stderr =
      "perdure: there is no task nobody: it never was, it has expired, or it belongs to somebody else.\n";
    for (const each of ended) expect(each).toMatchObject({ code: 4, stdout: "", stderr });
  });
});

test("a tool is paused and resumed by the operator of the store", async () => {
  expect(await runJson("tasks", "pause", bench.file, "count")).toMatchObject({
    code: 0,
    document: { tool: "count", paused: true },
  });
  const again = await bench.run(["tasks", "pause", `sqlite:${bench.file}`, "count"]);
  expect(again).toMatchObject({ code: 0, stdout: "count was paused before.\n" });
  bench.open();
  const id = await startCounting();
  const waiting = expect.stringContaining('"count" is paused since') as string;
  expect(await runJson("tasks", "show", bench.file, id)).toMatchObject({
    document: { status: "working", waiting },
  });
  expect(await bench.run(["tasks", "resume", bench.file, "count"])).toMatchObject({
    code: 0,
    stdout: "count is resumed.\n",
  });
  expect(await bench.run(["tasks", "watch", bench.file, id])).toMatchObject({ code: 0 });
  expect(await bench.run(["tasks", "pause", url, "count"])).toMatchObject({ code: 3, stdout: "" });
});

test("a file that is none is not made", async () => {
  const ended = await bench.run(["tasks", "list", "nowhere.db"]);
  expect(ended.code).toBe(3);
  expect(ended.stderr).toBe(
    "perdure: there is no store nowhere.db. Name its file, or a server's URL (http://127.0.0.1:8000/mcp).\n",
  );
});

test("a watch goes on when its server is killed and started again", { timeout: 30_000 }, async () => {
  const id = await startCounting();
  const watch = bench.start(["tasks", "watch", url, id, "--json"]);
  await said(watch, "stdout", /progress/);
  server.child.kill("SIGKILL");
  await said(watch, "stdout", /disconnected/);
  await bench.serve({}, new URL(url).port);
  bench.open();
  const { code, stdout } = await watch.ended;
  expect({ code, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({
    code: 0,
    last: '{"type":"status","status":"completed"}',
  });
});
