import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../task/errors.ts";
import type { JsonObject } from "../../task/json.ts";
import type { V1Stream } from "./client.ts";
import type { V1Front } from "./front.ts";
import {
  ask,
  eventually,
  FakeExchange,
  never,
  session,
  start,
  taskIdIn,
  testFront,
} from "./service.fixture.ts";

const unknown = { error: { code: -32_602, message: "Task not found" } };
const add = { handler: () => ({ sum: 3 }), options: { ttl: "1h" } } as const;
const fail = {
  handler: () => {
    throw new Error("no such dataset");
  },
};
const refuse = {
  handler: () => ({ content: [{ type: "text", text: "nothing to train on" }], isError: true }),
};
const protocolError = {
  handler: () => {
    throw new ProtocolError(-32_050, "out of quota", { data: { left: 0 } });
  },
};

async function end(front: V1Front, taskId: string): Promise<JsonObject> {
  await ask(front, "tasks/result", { taskId });
  return (await ask(front, "tasks/get", { taskId })).answer.result ?? {};
}

describe("tasks/get", () => {
  it("says how long the task is kept once it has ended", async () => {
    const front = await testFront({ add });
    const taskId = await start(front, "add");
    const task = await end(front, taskId);
    expect(task).toMatchObject({ taskId, status: "completed", pollInterval: 5_000 });
    expect(task["ttl"]).toBeGreaterThanOrEqual(3_600_000);
    expect(task["ttl"]).toBeLessThan(3_610_000);
    expect(task).not.toHaveProperty("statusMessage");
    expect(task).not.toHaveProperty("_meta");
  });

  it.each([
    ["what the handler threw", { fail }, "no such dataset"],
    ["a result that says isError", { fail: refuse }, "nothing to train on"],
    ["a protocol error", { fail: protocolError }, "out of quota"],
  ])("calls %s failed, and says why", async (_, tasks, statusMessage) => {
    const front = await testFront(tasks);
    const task = await end(front, await start(front, "fail"));
    expect(task).toMatchObject({ status: "failed", statusMessage });
  });

  it("says progress in the status message", async () => {
    const front = await testFront({
      train: {
        handler: (_, task) => {
          task.progress(3, 10, "loss 0.214");
          return new Promise<never>(() => undefined);
        },
      },
    });
    const taskId = await start(front, "train");
    const message = async () => (await ask(front, "tasks/get", { taskId })).answer.result?.["statusMessage"];
    await eventually(async () => (await message()) !== undefined);
    expect(await message()).toBe("3/10: loss 0.214");
  });
});

describe("a task that is not the caller's", () => {
  it.each(["tasks/get", "tasks/result", "tasks/cancel"])(
    "is unknown to %s as one that never was",
    async (method) => {
      const front = await testFront({ never });
      const taskId = await start(front, "never");
      const foreign = await ask(front, method, { taskId }, { owner: "somebody" });
      expect(foreign.said).toEqual([unknown]);
      expect((await ask(front, method, { taskId: "nothing" })).said).toEqual([unknown]);
      expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({ status: "working" });
    },
  );

  it.each(["tasks/get", "tasks/result", "tasks/cancel"])("has expired for %s", async (method) => {
    const front = await testFront({ add: { ...add, options: { ttl: 100 } } });
    const taskId = await start(front, "add");
    await eventually(async () => (await ask(front, "tasks/get", { taskId })).answer.error !== undefined);
    expect((await ask(front, method, { taskId })).said).toEqual([unknown]);
  });

  it.each([undefined, 7, null, { id: 1 }])("cannot be named by %j", async (taskId) => {
    const { answer } = await ask(await testFront({ never }), "tasks/get", { taskId });
    expect(answer.error).toMatchObject({ code: -32_602 });
  });
});

describe("tasks/result", () => {
  it("waits for the end, and names the task", async () => {
    const front = await testFront({ soon: { handler: () => sleep(100, { sum: 3 }) } });
    const taskId = await start(front, "soon");
    const exchange = await ask(front, "tasks/result", { taskId });
    expect(exchange.primed).toEqual([expect.stringMatching(/^result\./)]);
    expect(exchange.notified("notifications/tasks/status")).toEqual([
      expect.objectContaining({ taskId, status: "completed" }),
    ]);
    expect(exchange.answer).toEqual({
      result: {
        content: [{ type: "text", text: '{"sum":3}' }],
        structuredContent: { sum: 3 },
        _meta: { "io.modelcontextprotocol/related-task": { taskId } },
      },
    });
  });

  it("answers again, then at once", async () => {
    const front = await testFront({ add });
    const taskId = await start(front, "add");
    const first = await ask(front, "tasks/result", { taskId });
    const again = await ask(front, "tasks/result", { taskId });
    expect(again.said).toEqual([first.answer]);
  });

  it("keeps what the author's result says beside", async () => {
    const front = await testFront({
      own: { handler: () => ({ content: [], _meta: { "example.com/trace": 1 } }) },
    });
    const taskId = await start(front, "own");
    const { answer } = await ask(front, "tasks/result", { taskId });
    expect(answer.result).toEqual({
      content: [],
      _meta: { "example.com/trace": 1, "io.modelcontextprotocol/related-task": { taskId } },
    });
  });

  it("gives a tool error as a result, and a protocol error as an error", async () => {
    const front = await testFront({ fail, protocolError });
    const [failed, refused] = [await start(front, "fail"), await start(front, "protocolError")];
    expect((await ask(front, "tasks/result", { taskId: failed })).answer.result).toMatchObject({
      isError: true,
      content: [{ text: "no such dataset" }],
    });
    expect((await ask(front, "tasks/result", { taskId: refused })).answer).toEqual({
      error: { code: -32_050, message: "out of quota", data: { left: 0 } },
    });
  });

  it("tells of progress by its own token", async () => {
    const front = await testFront({ soon: { handler: () => sleep(150, "done") } }, { heartbeat: 20 });
    const taskId = await start(front, "soon");
    const exchange = await ask(front, "tasks/result", { taskId, _meta: { progressToken: 5 } });
    expect(exchange.notified("notifications/progress").length).toBeGreaterThan(1);
  });

  it("ends the wait alone when the client gives up", async () => {
    const front = await testFront({ never });
    const taskId = await start(front, "never");
    const exchange = new FakeExchange("tasks/result", { taskId });
    const served = front.serve(exchange, { ...session, id: "s" });
    await eventually(() => exchange.primed.length === 1);
    await front.cancelled("local", { ...session, id: "s" }, { requestId: 7, reason: "enough" });
    await served;
    expect(exchange.said.slice(1)).toEqual([{ prime: "end" }, { closed: true }]);
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({ status: "working" });
  });

  it("says nothing more when the connection is closed", async () => {
    const front = await testFront({ never });
    const exchange = new FakeExchange("tasks/result", { taskId: await start(front, "never") });
    const served = front.serve(exchange, session);
    await eventually(() => exchange.primed.length === 1);
    exchange.leave();
    await served;
    expect(exchange.said).toHaveLength(1);
  });
});

describe("tasks/cancel", () => {
  it("returns the task, cancelled", async () => {
    const front = await testFront({ never });
    const taskId = await start(front, "never");
    const { answer } = await ask(front, "tasks/cancel", { taskId });
    expect(answer.result).toMatchObject({ taskId, status: "cancelled" });
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({ status: "cancelled" });
  });

  it("is an error for a task that has ended, which stays as it is", async () => {
    const front = await testFront({ add });
    const taskId = await start(front, "add");
    await end(front, taskId);
    expect((await ask(front, "tasks/cancel", { taskId })).answer).toEqual({
      error: { code: -32_602, message: "Cannot cancel task: already completed" },
    });
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({ status: "completed" });
  });
});

describe("tasks/list", () => {
  it("has the owner's own tasks, newest first, a page at a time", async () => {
    const front = await testFront({ never });
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      ids.push(await start(front, "never"));
      if (i % 20 === 0) await start(front, "never", "somebody");
    }
    const first = (await ask(front, "tasks/list", {})).answer.result ?? {};
    const second = (await ask(front, "tasks/list", { cursor: first["nextCursor"] })).answer.result ?? {};
    const listed = [first, second].flatMap(({ tasks }) =>
      (tasks as { taskId: string }[]).map(({ taskId }) => taskId),
    );
    expect(new Set(listed)).toEqual(new Set(ids));
    expect(listed).toHaveLength(60);
    expect(second).not.toHaveProperty("nextCursor");
  });

  it("says the same of a task as tasks/get", async () => {
    const front = await testFront({ refuse });
    const got = await end(front, await start(front, "refuse"));
    expect((await ask(front, "tasks/list", {})).answer.result).toEqual({ tasks: [got] });
  });

  it.each(["nonsense", 7])("refuses the cursor %j", async (cursor) => {
    const { answer } = await ask(await testFront({ never }), "tasks/list", { cursor });
    expect(answer.error).toMatchObject({ code: -32_602 });
  });
});

describe("notifications/tasks/status", () => {
  it("comes on the stream of the session that started the task", async () => {
    const front = await testFront({ soon: { handler: () => sleep(50, "done") } });
    const told: JsonObject[] = [];
    const stream: V1Stream = {
      gone: new AbortController().signal,
      notify: (method, params) => void told.push({ method, ...params }),
      ask: () => undefined,
      prime: () => undefined,
      keepAlive: () => undefined,
      close: () => undefined,
    };
    const { answer } = await ask(front, "tools/call", { name: "soon", task: {} }, { stream });
    const taskId = taskIdIn(answer.result);
    await eventually(() => told.length > 0);
    expect(told).toEqual([
      expect.objectContaining({ method: "notifications/tasks/status", taskId, status: "completed" }),
    ]);
  });
});
