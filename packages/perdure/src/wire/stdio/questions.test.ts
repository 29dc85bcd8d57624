/** Questions of tasks over stdio: a connection is a client, and carries both ways. */
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, test } from "vitest";
import { accept, person, type PersonOptions, resultOf, startTask } from "../v1/asking.fixture.ts";
import { eventually, sdk1Client, trainer } from "./clients.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

function beside(record: string, options: PersonOptions) {
  const parameters = { command: process.execPath, args: [trainer, record], stderr: "ignore" as const };
  return person(new StdioClientTransport(parameters), options);
}

describe("SDK 1.32 over stdio", () => {
  test("a held call asks, again where the answer was wrong, and goes on", async () => {
    const who = await beside(temporaryStore(), {
      answer: (_, count) => accept({ sure: count === 1 ? "perhaps" : true }),
    });
    const result = await who.client.callTool({ name: "confirm", arguments: {} });
    expect(result.structuredContent).toEqual({ sure: true });
    expect(who.messages()).toEqual(["Go on?", expect.stringContaining("did not fit")]);
  });

  test("a task asks where its result is waited for, and where nobody waits", async () => {
    const who = await beside(temporaryStore(), { answer: () => accept({ sure: false }) });
    const waited = await startTask(who, "confirm");
    expect(await resultOf(who, waited)).toMatchObject({ structuredContent: { sure: false } });
    const pushed = await startTask(who, "confirm");
    await eventually(
      async () => (await who.client.experimental.tasks.getTask(pushed)).status === "completed",
    );
    expect(who.asked).toHaveLength(2);
  });

  test("what is cancelled is taken back", async () => {
    const who = await beside(temporaryStore(), {});
    const taskId = await startTask(who, "confirm");
    await eventually(() => who.asked.length === 1);
    await who.client.experimental.tasks.cancelTask(taskId);
    await eventually(() => who.asked[0]?.signal.aborted === true);
    expect(who.asked).toHaveLength(1);
  });

  test("a client that cannot be asked is handed over, and another one can answer", async () => {
    const record = temporaryStore();
    const { client } = await sdk1Client([trainer, record]);
    const stream = client.callTool({ name: "confirm", arguments: {} }, undefined, { timeout: 1_000 });
    await expect(stream).rejects.toThrow("timed out");
    const who = await beside(record, { answer: () => accept({ sure: true }) });
    const { structuredContent } = await client.callTool({ name: "list_tasks", arguments: {} });
    const [task] = (structuredContent as { tasks: { task_id: string }[] }).tasks;
    expect(await resultOf(who, task?.task_id ?? "")).toMatchObject({ structuredContent: { sure: true } });
  });

  test("a server that is killed while a question is open: the next connection is asked", async () => {
    const record = temporaryStore();
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [trainer, record],
      stderr: "ignore",
    });
    const first = await person(transport);
    const taskId = await startTask(first, "confirm");
    await eventually(() => first.asked.length === 1);
    process.kill(transport.pid ?? 0, "SIGKILL");
    const next = await beside(record, { answer: () => accept({ sure: true }) });
    // The first connection might have been about to come back: its lease runs out.
    expect(await resultOf(next, taskId, { timeout: 14_500 })).toMatchObject({
      structuredContent: { sure: true },
    });
    expect(next.asked).toHaveLength(1);
  }, 20_000);
});
