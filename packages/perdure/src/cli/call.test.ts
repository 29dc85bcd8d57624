import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bench, said } from "./command.fixture.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

describe("perdure call", () => {
  test("gives the result, with progress beside it", async () => {
    const { url } = await bench.serve();
    const called = await bench.run(["call", url, "count", "--arg", "to=2", "--arg", "label=7"]);
    expect(called).toMatchObject({ code: 0, stdout: '{"done":true,"label":"7"}\n' });
    expect(called.stderr).toContain("2/2  counted 2");
  });

  test("answers with --json in one document, and says nothing else", async () => {
    const { url } = await bench.serve();
    const { code, stdout, stderr } = await bench.run(["call", url, "count", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      status: "completed",
      result: { structuredContent: { done: true } },
    });
  });

  test("waits for a task that it was handed over to", async () => {
    const { url } = await bench.serve({ FIXTURE_HOLD: "short" });
    const call = bench.start(["call", url, "count", "--arg", bench.gate]);
    await said(call, "stderr", /handed over as task \S+; waiting/);
    bench.open();
    expect(await call.ended).toMatchObject({ code: 0, stdout: '{"done":true}\n' });
  });

  test("answers with the hand-over where it shall not wait", async () => {
    const { url } = await bench.serve({ FIXTURE_HOLD: "short" });
    const called = await bench.run(["call", url, "count", "--arg", bench.gate, "--no-wait", "--json"]);
    expect(called.code).toBe(0);
    expect(JSON.parse(called.stdout)).toMatchObject({
      status: "working",
      task_id: expect.any(String) as string,
    });
  });

  test("waits through the death of the server", { timeout: 30_000 }, async () => {
    const server = await bench.serve({ FIXTURE_HOLD: "short" });
    const call = bench.start(["call", server.url, "count", "--arg", bench.gate]);
    await said(call, "stderr", /handed over/);
    server.child.kill("SIGKILL");
    await server.ended;
    await said(call, "stderr", /is away/);
    await bench.serve({}, new URL(server.url).port);
    bench.open();
    expect(await call.ended).toMatchObject({ code: 0, stdout: '{"done":true}\n' });
  });

  test("ends with 1 where the tool fails, and says why", async () => {
    const { url } = await bench.serve();
    const called = await bench.run(["call", url, "count", "--arg", "fail=true"]);
    expect(called).toMatchObject({ code: 1, stdout: "it was to fail\n" });
  });

  test("refuses, with 2, what the server has not", async () => {
    const { url } = await bench.serve();
    const unknown = await bench.run(["call", url, "cuont"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/^perdure: \S+ has no tool "cuont"; it has count, .*\n$/);
    const unfit = await bench.run(["call", url, "count", "--arg", "to=many"]);
    expect(unfit).toMatchObject({ code: 2, stderr: 'perdure: to must be integer; "many" came.\n' });
  });

  test("says, with 3, that nobody answers", async () => {
    const called = await bench.run(["call", "http://127.0.0.1:9/mcp", "count"]);
    expect(called.code).toBe(3);
    expect(called.stderr).toMatch(/^perdure: http:\/\/127\.0\.0\.1:9\/mcp cannot be reached .*\n$/);
  });
});

describe("Ctrl-C", () => {
  test.each(["held", "handed over"])("leaves a call that is %s, and says how to go on", async (how) => {
    const { url } = await bench.serve(how === "held" ? {} : { FIXTURE_HOLD: "short" });
    const call = bench.start(["call", url, "count", "--arg", bench.gate]);
    await said(call, "stderr", how === "held" ? /counted 5/ : /handed over[^]*counted/);
    call.child.kill("SIGINT");
    const left = await call.ended;
    expect(left.code).toBe(130);
    const id = /^count goes on as task (\S+)\. Wait for it: perdure tasks watch \S+ \1\n$/.exec(
      left.stdout,
    )?.[1];
    const shown = await bench.run(["tasks", "show", url, id ?? left.stdout, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ tool: "count", status: "working" });
  });

  test.each(["held", "handed over"])("cancels a call that is %s, where it shall", async (how) => {
    const { url } = await bench.serve(how === "held" ? {} : { FIXTURE_HOLD: "short" });
    const call = bench.start(["call", url, "count", "--arg", bench.gate, "--cancel-on-interrupt"]);
    await said(call, "stderr", how === "held" ? /counted 5/ : /handed over[^]*counted/);
    call.child.kill("SIGINT");
    expect(await call.ended).toMatchObject({ code: 130, stdout: "count was cancelled.\n" });
    const listed = await bench.run(["tasks", "list", bench.file, "--json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ tool: "count", status: "cancelled" }]);
  });
});

describe("credentials", () => {
  const token = "a-token-nobody-shall-read";

  test("come from the environment", async () => {
    const { url } = await bench.serve({ FIXTURE_TOKEN: token });
    const refused = await bench.run(["call", url, "count"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("refused the request (401). Give a token with --bearer VARIABLE");
    const env = { TOKEN: token, WHOLE: `Bearer ${token}` };
    expect(await bench.run(["call", url, "count", "--bearer", "TOKEN"], env)).toMatchObject({ code: 0 });
    const byHeader = await bench.run(["call", url, "count", "--header", "authorization=WHOLE"], env);
    expect(byHeader).toMatchObject({ code: 0 });
  });

  test("are not repeated, neither right nor wrong", async () => {
    const { url } = await bench.serve({ FIXTURE_TOKEN: token });
    const given = await bench.run(["call", url, "count", "--bearer", token]);
    expect(given.code).toBe(2);
    const wrong = await bench.run(["call", url, "count", "--bearer", "TOKEN"], { TOKEN: `${token}-not` });
    expect(wrong.code).toBe(3);
    expect(given.stdout + given.stderr + wrong.stdout + wrong.stderr).not.toContain(token);
  });
});
