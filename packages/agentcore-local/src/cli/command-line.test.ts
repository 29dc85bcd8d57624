import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateEventCommand,
  InvokeAgentRuntimeCommand,
  ListActorsCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { clientOf } from "../client.fixture.ts";
import { run, startServer } from "../server.fixture.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentcore-local-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

test("serves until a signal, on the file and with the memories that it is told", async () => {
  const file = join(folder, "memory.db");
  const memoryId = "training-0123456789";
  await using server = await startServer("--file", file, "--memory", memoryId, "--throttle");
  const client = clientOf(server);
  const input = { actorId: "ann", sessionId: "s", eventTimestamp: new Date(), payload: [] };
  await client.send(new CreateEventCommand({ ...input, memoryId }));
  const other = new CreateEventCommand({ ...input, memoryId: "another-0123456789" });
  await expect(client.send(other)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  expect(await server.kill("SIGTERM")).toBe(0);
  expect(existsSync(file)).toBe(true);
  client.destroy();

  await using again = await startServer("--file", file);
  const reader = clientOf(again);
  const { actorSummaries } = await reader.send(new ListActorsCommand({ memoryId }));
  expect(actorSummaries).toEqual([{ actorId: "ann" }]);
  reader.destroy();
  expect(await again.kill("SIGINT")).toBe(0);
});

test("helps", async () => {
  const { code, stdout } = await run("--help");
  expect(code).toBe(0);
  expect(stdout).toContain("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE");
  expect(stdout).toContain("AWS_ENDPOINT_URL_BEDROCK_RUNTIME");
});

test.each([
  [["--prot", "1"], 2, "Unknown option '--prot'"],
  [["--port", "many"], 2, '--port: a number was expected, "many" came.'],
  [["--event-expiry-days", "0"], 2, "a number above 0 was expected, 0 came."],
  [["--memory", "any"], 2, '"any" came'],
  [["--model", "gpt"], 2, '"gpt" came'],
  [["--port", "0", "--file", "/no/such/folder/memory.db"], 1, "cannot open /no/such/folder/memory.db"],
])("refuses %j in a line", async (args, code, said) => {
  const ended = await run(...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(said);
  expect(ended.stderr.trim().split("\n")).toHaveLength(1);
});

test("serves the runtimes and gateways of a configuration, at the speed that it is told", async () => {
  const config = join(folder, "agentcore.json");
  const program = "{folder}/program.ts";
  cpSync(join(import.meta.dirname, "../runtime/program.fixture.ts"), join(folder, "program.ts"));
  const runtimes = [{ name: "agent", command: process.execPath, args: [program] }];
  const gateways = [{ name: "front", target: { name: "tools", url: "http://127.0.0.1:1/mcp" } }];
  writeFileSync(config, JSON.stringify({ runtimes, gateways }));
  await using server = await startServer("--config", config, "--speed", "2");
  const client = clientOf(server);
  const agentRuntimeArn = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-0123456789";
  const invoke = new InvokeAgentRuntimeCommand({ agentRuntimeArn, payload: Buffer.from("{}") });
  expect(await client.send(invoke)).toMatchObject({ statusCode: 200 });
  client.destroy();
  const sessions = async () =>
    ((await (await fetch(`${server.url}/agentcore-local/sessions`)).json()) as { sessions: unknown[] })
      .sessions;
  expect(await sessions()).toMatchObject([{ runtime: "agent" }]);
  const body = JSON.stringify({ advanceMs: 15 * 60_000 });
  const moved = await fetch(`${server.url}/agentcore-local/clock`, { method: "POST", body });
  const { now } = (await moved.json()) as { now: number };
  expect(now - Date.now()).toBeGreaterThan(14 * 60_000);
  await vi.waitFor(async () => expect(await sessions()).toEqual([]), 5_000);
  expect((await fetch(`${server.url}/gateways/front/mcp`)).status).toBe(405);
});

test.each([
  ["{", "JSON"],
  ['{"runtimes":[{"name":"a b","command":"node"}]}', "runtimes[0].name"],
  ['{"runtime":[]}', "runtime"],
  ['{"gateways":[{"name":"g","target":{"name":"t","runtime":"none"}}]}', 'There is no runtime "none"'],
])("a configuration that is wrong is refused with what is: %s", async (text, said) => {
  const config = join(folder, "agentcore.json");
  writeFileSync(config, text);
  const { code, stderr } = await run("--config", config);
  expect(code).toBe(2);
  expect(stderr).toContain(said);
});
