/** What goes over the pipe, line by line, with a real server process. */
import { describe, expect, test } from "vitest";
import {
  envelope,
  eventually,
  RawClient,
  statuses,
  taskIdOf,
  trainer,
  withTasks,
} from "./clients.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const quick = { name: "train", arguments: { epochs: 1, epochMs: 10 } };
const long = { name: "train", arguments: { epochs: 500, epochMs: 20 } };

function server(record = temporaryStore()): RawClient {
  return new RawClient([trainer, record]);
}

describe("a generation is told by each message", () => {
  test("a task of 2026-07-28 may be the very first line, and tasks/get resolves at once", async () => {
    const client = server();
    const created = await client.ask("tools/call", { ...quick, _meta: envelope(withTasks) });
    expect(created.result).toMatchObject({ resultType: "task", status: "working" });
    const taskId = taskIdOf(created);
    await eventually(async () => {
      const got = await client.ask("tasks/get", { taskId, _meta: envelope(withTasks) });
      return got.result?.["status"] === "completed";
    });
    const got = await client.ask("tasks/get", { taskId, _meta: envelope(withTasks) });
    expect(got.result).toMatchObject({
      result: { resultType: "complete", structuredContent: { epochs: 1 } },
    });
  });

  test("a task of 2025-11-25, its status and its result", async () => {
    const client = server();
    const said = await client.initialize();
    expect(said.result).toMatchObject({
      capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
    });
    const created = await client.ask("tools/call", { ...quick, task: { ttl: 60_000 } });
    expect(created.result).toMatchObject({ task: { status: "working" } });
    const taskId = taskIdOf(created);
    const result = await client.ask("tasks/result", { taskId });
    expect(result.result).toMatchObject({
      structuredContent: { epochs: 1 },
      _meta: { "io.modelcontextprotocol/related-task": { taskId } },
    });
    await eventually(() => client.notifications("notifications/tasks/status").length > 0);
    expect(client.notifications("notifications/tasks/status").at(-1)).toMatchObject({
      taskId,
      status: "completed",
    });
    expect((await client.ask("tasks/list", {})).result).toMatchObject({ tasks: [{ taskId }] });
  });

  test("both on one connection", async () => {
    const client = server();
    await client.initialize();
    const old = client.send("tools/call", { ...quick, task: {} });
    const young = client.send("tools/call", { ...quick, _meta: envelope(withTasks) });
    expect((await client.answer(old)).result).toHaveProperty("task");
    expect((await client.answer(young)).result).toMatchObject({ resultType: "task" });
  });

  test("a client of 2025-06-18 knows no tasks and is held", async () => {
    const client = server();
    expect((await client.initialize("2025-06-18")).result).toMatchObject({ protocolVersion: "2025-06-18" });
    expect((await client.ask("tasks/list", {})).error).toMatchObject({ code: -32_601 });
    expect((await client.ask("tools/call", quick)).result).toMatchObject({
      structuredContent: { epochs: 1 },
    });
  });
});

describe("2026-07-28", () => {
  test("a held call reports progress, and heartbeats while the handler is silent", async () => {
    const client = server();
    const params = {
      name: "train",
      arguments: { epochs: 2, epochMs: 800 },
      _meta: { ...envelope(), progressToken: "p" },
    };
    const answer = await client.ask("tools/call", params);
    expect(answer.result).toMatchObject({
      resultType: "complete",
      structuredContent: { epochs: 2, runs: 1 },
    });
    const progress = client.notifications("notifications/progress").map((said) => Number(said["progress"]));
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.filter((done) => !Number.isInteger(done)).length).toBeGreaterThanOrEqual(2);
    expect(progress.filter((done) => Number.isInteger(done))).toEqual([1, 2]);
  });

  test("a listen is acknowledged, told of every change, and ends with the task", async () => {
    const client = server();
    const created = await client.ask("tools/call", {
      name: "train",
      arguments: { epochs: 2, epochMs: 300 },
      _meta: envelope(withTasks),
    });
    const taskId = taskIdOf(created);
    const listen = client.send("subscriptions/listen", {
      notifications: { taskIds: [taskId] },
      _meta: envelope(withTasks),
    });
    expect((await client.answer(listen)).result).toMatchObject({ resultType: "complete" });
    expect(client.notifications("notifications/subscriptions/acknowledged")).toMatchObject([
      { notifications: { taskIds: [taskId] }, _meta: { "io.modelcontextprotocol/subscriptionId": listen } },
    ]);
    const told = client.notifications("notifications/tasks").map(({ status }) => status);
    expect(told[0]).toBe("working");
    expect(told.at(-1)).toBe("completed");
    expect(told.filter((status) => status === "completed")).toHaveLength(1);
  });

  test("a listen ends silently when it is cancelled, and with a result when the server ends", async () => {
    const client = server();
    const created = await client.ask("tools/call", { ...long, _meta: envelope(withTasks) });
    const params = {
      notifications: { taskIds: [taskIdOf(created)] },
      _meta: envelope(withTasks),
    };
    const cancelled = client.send("subscriptions/listen", params);
    await eventually(() => client.notifications("notifications/subscriptions/acknowledged").length === 1);
    client.notify("notifications/cancelled", { requestId: cancelled, _meta: envelope() });
    const kept = client.send("subscriptions/listen", params);
    await eventually(() => client.notifications("notifications/subscriptions/acknowledged").length === 2);
    client.child.kill("SIGTERM");
    expect(await client.ended()).toBe("SIGTERM");
    expect(client.messages.some(({ id }) => id === cancelled)).toBe(false);
    expect(client.messages.find(({ id }) => id === kept)?.result).toMatchObject({ resultType: "complete" });
  });

  test("a request that declares nothing gets no task", async () => {
    const client = server();
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
      const { error } = await client.ask(method, { taskId: "any", _meta: envelope() });
      expect(error).toMatchObject({ code: -32_021 });
    }
    const unknown = await client.ask("tasks/get", { taskId: "any", _meta: envelope(withTasks) });
    expect(unknown.error).toMatchObject({ code: -32_602 });
  });

  test("what is not perfect is refused, and the server goes on", async () => {
    const client = server();
    const broken = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    for (const params of [
      { taskId: "any", _meta: broken },
      {
        taskId: "any",
        _meta: { ...envelope(withTasks), "io.modelcontextprotocol/protocolVersion": "2031-01-01" },
      },
    ]) {
      const { error } = await client.ask("tasks/get", params);
      expect([-32_602, -32_022]).toContain(error?.["code"]);
    }
    expect((await client.ask("tools/call", { ...quick, _meta: broken })).error).toHaveProperty("code");
    expect(
      (await client.ask("tasks/result", { taskId: "any", _meta: envelope(withTasks) })).error,
    ).toMatchObject({
      code: -32_601,
    });
    expect((await client.ask("tools/call", { ...quick, _meta: envelope() })).result).toMatchObject({
      structuredContent: { epochs: 1 },
    });
  });
});

describe("2025-11-25", () => {
  test("log messages come to whom asked for them, from the level on that was asked for", async () => {
    const client = server();
    await client.initialize();
    await client.ask("tools/call", quick);
    expect(client.notifications("notifications/message")).toEqual([]);
    await client.ask("logging/setLevel", { level: "info" });
    await client.ask("tools/call", { ...quick, arguments: { epochs: 2, epochMs: 50 } });
    expect(client.notifications("notifications/message")).toMatchObject([
      { level: "info", data: "epoch 1 is done" },
      { level: "info", data: "epoch 2 is done" },
    ]);
  });

  test("a cancelled call is not answered, and its task is cancelled", async () => {
    const client = server();
    await client.initialize();
    for (const reason of [{ reason: "no longer wanted" }, {}]) {
      const id = client.send("tools/call", { ...long, arguments: { epochs: 500, epochMs: 21 } });
      await eventually(async () => (await statuses(client)).includes("working"));
      client.notify("notifications/cancelled", { requestId: id, ...reason });
      await eventually(async () => !(await statuses(client)).includes("working"));
      expect(client.messages.some((message) => message.id === id)).toBe(false);
    }
    expect(await statuses(client)).toEqual(["cancelled", "cancelled"]);
  });

  test("a cancelled tasks/result ends the wait, and not the task", async () => {
    const client = server();
    await client.initialize();
    const created = await client.ask("tools/call", {
      name: "train",
      arguments: { epochs: 20, epochMs: 20 },
      task: {},
    });
    const taskId = taskIdOf(created);
    const wait = client.send("tasks/result", { taskId });
    client.notify("notifications/cancelled", { requestId: wait, reason: "enough" });
    const again = await client.ask("tasks/result", { taskId });
    expect(again.result).toMatchObject({ structuredContent: { epochs: 20 } });
    expect(client.messages.some((message) => message.id === wait)).toBe(false);
  });

  test("errors: of the tool, of the protocol, of the caller", async () => {
    const client = server();
    await client.initialize();
    const fail = (protocol: unknown): Promise<object> =>
      client.ask("tools/call", { name: "fail", arguments: { protocol: protocol as boolean } });
    expect(await fail(false)).toMatchObject({
      result: { isError: true, content: [{ text: "no such data set" }] },
    });
    expect(await fail(true)).toMatchObject({
      error: { code: -32_050, message: "out of paper", data: { tray: 2 } },
    });
    expect(await fail("perhaps")).toMatchObject({ result: { isError: true } });
    expect(await client.ask("tools/call", { name: "nothing", arguments: {} })).toHaveProperty("error");
    expect(await client.ask("tasks/get", { taskId: "any" })).toMatchObject({ error: { code: -32_602 } });
  });

  test("a call that outlasts its hold is handed over, and the generated tools take it from there", async () => {
    const client = server();
    await client.initialize();
    const { result } = await client.ask("tools/call", { name: "slow", arguments: {} });
    const handOver = result?.["structuredContent"] as { task_id: string; status: string };
    expect(handOver.status).toBe("working");
    const tool = (name: string, args: Readonly<Record<string, string>>): Promise<object> =>
      client.ask("tools/call", { name, arguments: args });
    expect(await tool("cancel_task", { task_id: handOver.task_id })).toMatchObject({
      result: { structuredContent: { status: "cancelled" } },
    });
    expect(await tool("check_task_status", { task_id: handOver.task_id })).toMatchObject({
      result: { structuredContent: { status: "cancelled" } },
    });
    expect(await tool("get_task_results", { task_id: "unknown" })).toMatchObject({
      result: { isError: true },
    });
  });
});
