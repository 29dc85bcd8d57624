/** With the package installed. That its absence is said, `scripts/check-package.ts` tries on a real installation. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bench, said } from "./command.fixture.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test("starts a local AgentCore, with that one's own options, until a signal", async () => {
  const running = bench.start(["agentcore", "--port", "0", "--memory", "training-0123456789"]);
  await said(running, "stdout", /^AWS_ENDPOINT_URL_BEDROCK_AGENTCORE=http:\S+$/m);
  const [url = ""] = /http:\S+/.exec(running.text().stdout) ?? [];
  const actors = (memory: string) => fetch(`${url}/memories/${memory}/actors`, { method: "POST" });
  expect(await (await actors("training-0123456789")).json()).toEqual({ actorSummaries: [] });
  expect((await actors("another-0123456789")).status).toBe(404);
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
});

test("its help and its refusals are that one's", async () => {
  expect((await bench.run(["agentcore", "--help"])).stdout).toContain("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE");
  const refused = await bench.run(["agentcore", "--port", "many"]);
  expect(refused).toMatchObject({
    code: 2,
    stderr: 'agentcore-local: --port: a number was expected, "many" came.\n',
  });
});
