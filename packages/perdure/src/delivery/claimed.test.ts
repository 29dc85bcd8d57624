/** The channels that hand an end to its caller, by real HTTP: what was given in time is not delivered as well. */
import { CallToolResultSchema, GetTaskResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { App } from "../app/app.ts";
import type { TaskRecord } from "../task/record.ts";
import { connect } from "../wire/v1/http.fixture.ts";
import { rpc, send } from "../wire/v2/http.fixture.ts";
import { ScriptedMemory } from "./scripted-memory.fixture.ts";

interface Served {
  readonly app: App;
  readonly url: string;
}

async function serve(): Promise<Served> {
  const memory = new ScriptedMemory(() => Date.now());
  const app = testApp({ memory, delivery: { grace: "1h" }, hold: "20s" });
  const key = () => "the one";
  app.task("good", { description: "Works.", input: z.object({}), idempotencyKey: key }, async () => "done");
  app.task("bad", { description: "Does not.", input: z.object({}), idempotencyKey: key }, async () => {
    throw new Error("broken");
  });
  return { app, url: (await app.listen({ port: 0 })).url };
}

/** A task of a caller with a session, which has ended. */
async function ended({ app }: Served, tool: "good" | "bad"): Promise<TaskRecord> {
  const handle = await app.submit(tool, {}, { session: { session: "s-1" } });
  await handle.result().catch(() => undefined);
  const task = await app.tasks.get(handle.id);
  if (task === undefined) throw new Error("it is there");
  return task;
}

type Ask = (served: Served, taskId: string) => Promise<unknown>;

const v1 =
  (method: "tasks/get" | "tasks/result"): Ask =>
  async ({ url }, taskId) => {
    const client = await connect(url);
    await (method === "tasks/get"
      ? client.request({ method, params: { taskId } }, GetTaskResultSchema)
      : client.request({ method, params: { taskId } }, CallToolResultSchema));
  };

const call =
  (name: string, input: (taskId: string) => object): Ask =>
  async ({ url }, taskId) => {
    const client = await connect(url);
    await client.callTool({ name, arguments: input(taskId) as Record<string, unknown> });
  };

const v2: Ask = async ({ url }, taskId) => {
  const { messages } = await send(url, rpc("tasks/get", { taskId }));
  expect(messages).toMatchObject([{ result: { status: "completed" } }]);
};

const resource: Ask = async ({ url }, taskId) => {
  const client = await connect(url);
  await client.readResource({ uri: `perdure://tasks/${taskId}/result` });
};

const status = call("check_task_status", (task_id) => ({ task_id }));

const given: readonly (readonly [string, "good" | "bad", Ask])[] = [
  ["a held call", "good", call("good", () => ({}))],
  ["tasks/result of 2025", "good", v1("tasks/result")],
  ["tasks/get of 2025, of one that failed", "bad", v1("tasks/get")],
  ["tasks/get of 2026", "good", v2],
  ["get_task_results", "good", call("get_task_results", (task_id) => ({ task_id }))],
  ["check_task_status, of one that failed", "bad", status],
  ["the resource of the result", "good", resource],
];

it.each(given)("%s gives the end to its caller", async (_channel, tool, ask) => {
  const served = await serve();
  const task = await ended(served, tool);
  expect(await served.app.tasks.deliveries(task.id)).toHaveLength(1);
  await ask(served, task.id);
  await expect.poll(() => served.app.tasks.deliveries(task.id)).toEqual([]);
  const timeline = await served.app.tasks.timeline(task.id);
  expect(timeline.at(-1)).toMatchObject({ type: "claimed" });
  expect(await served.app.tasks.get(task.id)).toMatchObject({
    delivery: { claimedAt: expect.any(Number) as number },
  });
  // Asked again, it is no news, and no write.
  await ask(served, task.id);
  expect(await served.app.tasks.timeline(task.id)).toEqual(timeline);
});

const notGiven: readonly (readonly [string, Ask])[] = [
  ["tasks/get of 2025", v1("tasks/get")],
  ["check_task_status", status],
  ["list_tasks", call("list_tasks", () => ({}))],
];

it.each(notGiven)("%s says that there is a result, and not what it is", async (_channel, ask) => {
  const served = await serve();
  const task = await ended(served, "good");
  await ask(served, task.id);
  expect(await served.app.tasks.deliveries(task.id)).toHaveLength(1);
});

it("a model is told that it need not wait, and what became of the end, in the same words while nothing happens", async () => {
  const memory = new ScriptedMemory(() => Date.now());
  const app = testApp({ memory, deliver: "always" });
  const gate = Promise.withResolvers<string>();
  app.task("slow", { description: "Slow.", input: z.object({}), start: "background" }, () => gate.promise);
  const client = await connect((await app.listen({ port: 0 })).url);
  await client.listTools();
  const session = { "perdure/session": { session: "s-1" } };
  const told = async (name: string, input: object, _meta = {}) =>
    CallToolResultSchema.parse(
      await client.callTool({ name, arguments: input as Record<string, unknown>, _meta }),
    );
  const byItself = /If nobody waits, its end comes into the memory of this conversation\.$/;
  const { content, structuredContent } = await told("slow", {}, session);
  const handedOver = expect.stringContaining("Its result comes into this conversation by itself") as string;
  expect(content[0]).toMatchObject({ text: handedOver });
  const task_id = String(structuredContent?.["task_id"]);
  const working = await told("check_task_status", { task_id });
  expect(working).toMatchObject({
    content: [{ text: expect.stringMatching(byItself) as string }],
    structuredContent: { status: "working", delivery: "pending" },
  });
  expect(await told("get_task_results", { task_id })).toEqual(working);
  const fromSession = await told("check_task_status", { task_id }, session);
  expect(fromSession.content[0]).toMatchObject({
    text:
      "slow is working. Its result comes into this conversation by itself: tell the user that it is running, and do " +
      "not wait.",
  });
  gate.resolve("done");
  await expect.poll(() => memory.kept.length).toBe(1);
  await expect
    .poll(() => told("check_task_status", { task_id }))
    .toMatchObject({ structuredContent: { status: "completed", delivery: "delivered" } });
  const without = await told("slow", {});
  expect(without.content[0]).toMatchObject({ text: expect.not.stringContaining("memory") as string });
  const other = await told("check_task_status", { task_id: without.structuredContent?.["task_id"] });
  expect(other.structuredContent).not.toHaveProperty("delivery");
});

it("what the caller cancels itself is no news to it", async () => {
  const served = await serve();
  const later = { session: { session: "s-1" }, startAt: Date.now() + 3_600_000 };
  for (const cancel of [
    call("cancel_task", (task_id) => ({ task_id })),
    (async ({ url }, taskId) => void (await send(url, rpc("tasks/cancel", { taskId })))) satisfies Ask,
  ]) {
    const { id } = await served.app.submit("good", {}, { ...later, idempotencyKey: String(Math.random()) });
    await cancel(served, id);
    expect(await served.app.tasks.get(id)).toMatchObject({ status: "cancelled" });
    expect(await served.app.tasks.deliveries(id)).toEqual([]);
  }
});
