import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateEventCommand, ListActorsCommand } from "@aws-sdk/client-bedrock-agentcore";
import { afterEach, beforeEach, expect, test } from "vitest";
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
