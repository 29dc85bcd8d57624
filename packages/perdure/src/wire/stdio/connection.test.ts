/** What keeps a connection, and what ends it. */
import { expect, test } from "vitest";
import { eventually, RawClient, statuses, taskIdOf, trainer } from "./clients.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const quick = { name: "train", arguments: { epochs: 1, epochMs: 10 } };
const long = { name: "train", arguments: { epochs: 500, epochMs: 20 } };

function server(record = temporaryStore()): RawClient {
  return new RawClient([trainer, record]);
}

test("whatever a tool writes to standard output, the client reads the protocol only", async () => {
  const client = server();
  await client.initialize();
  const { result } = await client.ask("tools/call", { name: "shout", arguments: { text: "hey" } });
  expect(result).toMatchObject({ structuredContent: { text: "HEY" } });
  expect(client.lines.every((line) => line.startsWith("{"))).toBe(true);
  await eventually(() => client.errors.includes("written by a tool"));
});

test("lines that are no messages change nothing", async () => {
  const client = server();
  await client.initialize();
  for (const line of [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"1.0","id":1,"method":"ping"}',
  ]) {
    client.line(line);
  }
  client.line(`[${JSON.stringify({ jsonrpc: "2.0", id: 99, method: "ping" })}]`);
  client.line(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  client.notify("notifications/cancelled", { requestId: "nobody's" });
  expect((await client.ask("ping", {})).result).toEqual({});
});

test("a line beyond 10 MiB ends the connection, and the application in good order", async () => {
  const client = server();
  await client.initialize();
  client.line("x".repeat(11 * 1_048_576));
  expect(await client.ended()).toBe(0);
});

test("a client that reads no more ends the connection, too", async () => {
  const client = server();
  await client.initialize();
  client.child.stdout.destroy();
  client.send("tools/call", { ...long, _meta: { progressToken: "p" } });
  expect(await client.ended()).toBe(0);
  expect(client.errors).toMatch(/^\{[^\n]*EPIPE[^\n]*\}\n$/);
});

test("the end of the input closes the application at once, and the next start goes on with its tasks", async () => {
  const record = temporaryStore();
  const first = server(record);
  await first.initialize();
  const created = await first.ask("tools/call", {
    ...quick,
    arguments: { epochs: 30, epochMs: 30 },
    task: {},
  });
  const taskId = taskIdOf(created);
  const held = first.send("tools/call", { ...long, arguments: { epochs: 10, epochMs: 50 } });
  await eventually(async () => (await statuses(first)).length === 2);
  const since = Date.now();
  first.child.stdin.end();
  expect(await first.ended()).toBe(0);
  expect(Date.now() - since).toBeLessThan(2_000);
  expect(first.messages.some(({ id }) => id === held)).toBe(false);
  expect(first.errors).toBe("");

  const second = server(record);
  await second.initialize();
  const { result } = await second.ask("tasks/result", { taskId });
  expect(result).toMatchObject({ structuredContent: { epochs: 30, runs: 2 } });
  expect(await statuses(second)).toEqual(["completed", "completed"]);
});
