import { setTimeout as sleep } from "node:timers/promises";
import { InMemoryServerEventBus, type McpServer } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import type { Service } from "../service.ts";
import { createV2Front, type V2Front, type V2FrontOptions } from "./front.ts";
import { envelope, eventually, FakeExchange, testService } from "./service.fixture.ts";

const acknowledged = "notifications/subscriptions/acknowledged";
const subscription = { "io.modelcontextprotocol/subscriptionId": 7 };
const serverInfo = { "io.modelcontextprotocol/serverInfo": { name: "test", version: "1.2.3" } };
const closing = { result: { resultType: "complete", _meta: { ...subscription, ...serverInfo } } };

const never = { handler: () => new Promise<never>(() => undefined) };

function listen(notifications: JsonObject, { owner = "local", tasks = true } = {}): FakeExchange {
  return new FakeExchange("subscriptions/listen", { notifications, _meta: envelope({ tasks }) }, owner);
}

async function submit(service: Service, tool: string, owner = "local"): Promise<TaskId> {
  return (await service.runtime.submit({ tool, input: {}, owner })).task.id;
}

/** Serves, and waits for the acknowledgement. */
async function open(front: V2Front, exchange: FakeExchange): Promise<Promise<void>> {
  const served = front.serve(exchange);
  await eventually(() => exchange.said.length > 0, "the acknowledgement");
  return served.then(() => undefined);
}

/** Tools cannot change while they are served, prompts can. */
function registerPrompt(server: McpServer): void {
  server.registerPrompt("greeting", {}, () => ({ messages: [] }));
}

async function fixture(options?: V2FrontOptions): Promise<{ service: Service; front: V2Front }> {
  const tasks = { never, nap: { handler: async () => sleep(100, "rested") } };
  const service = await testService(tasks, { registrations: [registerPrompt] });
  return { service, front: createV2Front(service, options) };
}

describe("a listen for tasks", () => {
  it("follows none of them any more when one cannot be read", async () => {
    const { service, front } = await fixture();
    const [fine, broken] = [await submit(service, "never"), await submit(service, "never")];
    const exchange = listen({ taskIds: [fine, broken] });
    const served = front.serve(exchange);
    await eventually(() => exchange.notified("notifications/tasks").length === 2);
    const { store } = service.runtime;
    const summary = store.summary.bind(store);
    const read: TaskId[] = [];
    store.summary = async (key) => {
      read.push(key.taskId);
      if (key.taskId === broken) throw new Error("the disk is away");
      return summary(key);
    };
    await store.signal({ taskId: broken, name: "a change", value: 1 });
    await served;
    expect(exchange.said.at(-1)).toEqual({ error: { code: -32_603, message: "Internal error" } });
    read.length = 0;
    await store.signal({ taskId: fine, name: "a change", value: 1 });
    await sleep(20);
    expect(read).toEqual([]);
  });

  it("is acknowledged first, shows each task as it is, its changes, its end, and closes", async () => {
    const { service, front } = await fixture();
    const taskId = await submit(service, "nap");
    const exchange = listen({ taskIds: [taskId] });
    await front.serve(exchange);
    expect(exchange.said[0]).toEqual({
      notify: acknowledged,
      params: { notifications: { taskIds: [taskId] }, _meta: subscription },
    });
    expect(exchange.said.at(-1)).toEqual(closing);
    const shown = exchange.notified("notifications/tasks");
    expect(shown[0]).toMatchObject({ taskId, status: "working", ttlMs: null, _meta: subscription });
    expect(shown.at(-1)).toMatchObject({
      taskId,
      status: "completed",
      result: { resultType: "complete", content: [{ type: "text", text: "rested" }] },
      _meta: subscription,
    });
    expect(exchange.said).toHaveLength(shown.length + 2);
  });

  it("shows the end of a task that had ended before", async () => {
    const { service, front } = await fixture();
    const taskId = await submit(service, "nap");
    await eventually(async () => (await service.runtime.store.summary({ taskId }))?.phase === "ended");
    const exchange = listen({ taskIds: [taskId] });
    await front.serve(exchange);
    expect(exchange.notified("notifications/tasks")).toMatchObject([{ taskId, status: "completed" }]);
    expect(exchange.said.at(-1)).toEqual(closing);
  });

  it("loses no end, however close to the beginning", async () => {
    const service = await testService({ quick: { handler: () => "done" } });
    const front = createV2Front(service);
    const exchanges = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const exchange = listen({ taskIds: [await submit(service, "quick")] });
        await front.serve(exchange);
        return exchange;
      }),
    );
    for (const exchange of exchanges) {
      expect(exchange.notified("notifications/tasks").at(-1)).toMatchObject({ status: "completed" });
    }
  });

  it("ends only when all of its tasks have", async () => {
    const { service, front } = await fixture();
    const taskIds = [await submit(service, "nap"), await submit(service, "never")];
    const exchange = listen({ taskIds });
    const served = open(front, exchange);
    await eventually(() => exchange.notified("notifications/tasks").length === 3);
    await service.runtime.store.cancel({ taskId: taskIds[1] as TaskId, reason: "enough" });
    await served;
    expect(exchange.notified("notifications/tasks").at(-1)).toMatchObject({
      taskId: taskIds[1],
      status: "cancelled",
      statusMessage: "enough",
    });
    expect(exchange.said.at(-1)).toEqual(closing);
  });

  it("shows progress at most twice a second, and always the latest", async () => {
    const service = await testService({
      count: {
        handler: async (_, task) => {
          for (let i = 1; i <= 12; i++) {
            task.progress(i, 12);
            await sleep(100);
          }
          await sleep(700);
        },
      },
    });
    const exchange = listen({ taskIds: [await submit(service, "count")] });
    await createV2Front(service).serve(exchange);
    const messages = exchange.notified("notifications/tasks").map((task) => task["statusMessage"]);
    expect(messages.length).toBeLessThanOrEqual(7);
    expect(messages).toContain("12/12");
    expect(messages.at(-1)).toBeUndefined();
  });

  it("says nothing of log lines: nothing that is shown has changed", async () => {
    const service = await testService({
      talk: {
        handler: async (_, { log }) => {
          for (let i = 0; i < 5; i++) {
            log.info(`line ${i}`);
            await sleep(120);
          }
        },
      },
    });
    const exchange = listen({ taskIds: [await submit(service, "talk")] });
    await createV2Front(service).serve(exchange);
    expect(exchange.notified("notifications/tasks")).toHaveLength(2);
  });

  it("does not honour ids that are unknown or another's", async () => {
    const { service, front } = await fixture();
    const [own, foreign] = [await submit(service, "nap"), await submit(service, "never", "eve")];
    const exchange = listen({ taskIds: [foreign, own, "0".repeat(30), own] });
    await front.serve(exchange);
    expect(exchange.said[0]).toMatchObject({ params: { notifications: { taskIds: [own] } } });
    expect(new Set(exchange.notified("notifications/tasks").map((task) => task["taskId"]))).toEqual(
      new Set([own]),
    );
  });

  it("closes at once where nothing is honoured", async () => {
    const { front } = await fixture();
    const exchange = listen({ taskIds: ["0".repeat(30)] });
    await front.serve(exchange);
    expect(exchange.said).toEqual([
      { notify: acknowledged, params: { notifications: {}, _meta: subscription } },
      closing,
    ]);
  });

  it("wants the extension on this very request", async () => {
    const { service, front } = await fixture();
    const exchange = listen({ taskIds: [await submit(service, "never")] }, { tasks: false });
    await front.serve(exchange);
    expect(exchange.said).toMatchObject([{ error: { code: -32_021 }, status: 400 }]);
  });

  it("stops when its client is gone, and leaves the task alone", async () => {
    const { service, front } = await fixture();
    const taskId = await submit(service, "never");
    const exchange = listen({ taskIds: [taskId] });
    const served = open(front, exchange);
    await eventually(() => exchange.said.length === 2);
    exchange.leave();
    await served;
    expect(exchange.said).toHaveLength(2);
    expect(await service.runtime.store.summary({ taskId })).toMatchObject({ status: "working" });
  });

  it("is closed with a result when the server closes", async () => {
    const { service, front } = await fixture();
    const exchange = listen({ taskIds: [await submit(service, "never")] });
    const served = open(front, exchange);
    await eventually(() => exchange.said.length === 2);
    front.close();
    await served;
    expect(exchange.said.at(-1)).toEqual(closing);
  });

  it("is refused beyond the limit, until another ends", async () => {
    const { service, front } = await fixture({ maxListens: 1 });
    const taskId = await submit(service, "never");
    const first = listen({ taskIds: [taskId] });
    const served = open(front, first);
    await eventually(() => first.said.length === 2);
    const second = listen({ taskIds: [taskId] });
    await front.serve(second);
    expect(second.said).toEqual([
      { error: { code: -32_603, message: "Subscription limit reached" }, status: undefined },
    ]);
    first.leave();
    await served;
    const third = listen({ taskIds: [taskId] });
    const thirdServed = open(front, third);
    await eventually(() => third.said.length === 2);
    third.leave();
    await thirdServed;
  });
});

describe("a listen for tasks and list changes", () => {
  it("honours what the server can deliver, delivers both, and stays open when the tasks have ended", async () => {
    const bus = new InMemoryServerEventBus();
    const { service, front } = await fixture({ bus });
    const taskId = await submit(service, "nap");
    const exchange = listen({
      taskIds: [taskId],
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: false,
    });
    const served = open(front, exchange);
    await eventually(() => exchange.notified("notifications/tasks").at(-1)?.["status"] === "completed");
    expect(exchange.said[0]).toEqual({
      notify: acknowledged,
      params: { notifications: { taskIds: [taskId], promptsListChanged: true }, _meta: subscription },
    });
    bus.publish({ kind: "prompts_list_changed" });
    bus.publish({ kind: "tools_list_changed" });
    bus.publish({ kind: "resources_list_changed" });
    expect(exchange.said.at(-1)).toEqual({
      notify: "notifications/prompts/list_changed",
      params: { _meta: subscription },
    });
    exchange.leave();
    await served;
    expect(bus.listenerCount).toBe(0);
  });

  it("is open for the changes alone where no id is honoured", async () => {
    const bus = new InMemoryServerEventBus();
    const { front } = await fixture({ bus });
    const exchange = listen({ taskIds: [], promptsListChanged: true });
    const served = open(front, exchange);
    await eventually(() => exchange.said.length === 1);
    front.close();
    await served;
    expect(exchange.said.at(-1)).toEqual(closing);
  });
});
