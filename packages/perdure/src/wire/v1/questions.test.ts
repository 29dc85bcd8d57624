import { setTimeout as sleep } from "node:timers/promises";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it } from "vitest";
import type { ServingOptions } from "../../app/serving.ts";
import type { TaskId } from "../../task/id.ts";
import type { Service } from "../service.ts";
import { accept, asking, person, type PersonOptions, resultOf, startTask } from "./asking.fixture.ts";
import { httpTransport, post, serve } from "./http.fixture.ts";
import { eventually, testService } from "./service.fixture.ts";
import { temporaryStore, temporaryStoreInMemory } from "../../store/store-under-test.fixture.ts";

/** A person at one server, or at two of one record, whose requests go to them in turn. */
async function at(servers: 1 | 2, options: PersonOptions, serving: ServingOptions = {}) {
  const store = servers === 1 ? temporaryStoreInMemory() : temporaryStore();
  const services = [];
  for (let count = 0; count < servers; count++)
    services.push(await testService(asking, { store, poll: "100ms", ...serving }));
  const served = await serve(...services);
  return { served, services, who: await person(httpTransport(served.url), options) };
}

const sure: PersonOptions = { answer: () => accept({ sure: true }) };

describe.each([1, 2] as const)("with %i process(es)", (servers) => {
  it("a held call asks on its stream, and goes on with the answer", async () => {
    const { who } = await at(servers, sure);
    const result = await who.client.callTool({ name: "confirm", arguments: {} });
    expect(result).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Delete it?"]);
    expect(who.asked[0]?.params).toMatchObject({ requestedSchema: { properties: { sure: {} } } });
  });

  it("tasks/result asks on its stream, and names the task", async () => {
    const { who } = await at(servers, sure);
    const taskId = await startTask(who, "confirm");
    expect(await resultOf(who, taskId)).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Delete it?"]);
    expect(who.asked[0]?.params._meta).toEqual({ "io.modelcontextprotocol/related-task": { taskId } });
  });

  it("the client's own way, which polls and waits, is asked once", async () => {
    const { who } = await at(servers, { answer: async () => (await sleep(1_200), accept({ sure: true })) });
    const { result } = await callAsTask(who, "confirm");
    expect(result).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Delete it?"]);
  });

  it("two questions are asked at once, each once", async () => {
    const { who } = await at(servers, {
      answer: ({ params }) => accept(params.message === "Your name?" ? { name: "Ada" } : { age: 36 }),
    });
    const taskId = await startTask(who, "both");
    expect(await resultOf(who, taskId)).toMatchObject({
      structuredContent: { name: { name: "Ada" }, age: { age: 36 } },
    });
    expect(who.messages().toSorted()).toEqual(["Your age?", "Your name?"]);
  });

  it("a wrong answer is asked again, with what was wrong", async () => {
    const { who } = await at(servers, {
      answer: (_, count) => accept(count === 1 ? { sure: "perhaps" } : { sure: false }),
    });
    const taskId = await startTask(who, "confirm");
    expect(await resultOf(who, taskId)).toMatchObject({ structuredContent: { sure: false } });
    expect(who.messages()).toEqual(["Delete it?", expect.stringContaining("did not fit")]);
  });

  it("who declines ends it as the author has it", async () => {
    const { who } = await at(servers, { answer: () => ({ action: "decline" }) });
    const result = await who.client.callTool({ name: "confirm", arguments: {} });
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result.content)).toContain("declined");
  });

  it("what expires is taken back", async () => {
    const { who } = await at(servers, {});
    const result = await who.client.callTool({ name: "soon", arguments: {} });
    expect(result).toMatchObject({ isError: true });
    await eventually(() => who.asked[0]?.signal.aborted === true, "the cancellation");
  });

  it("what is cancelled is taken back", async () => {
    const { who } = await at(servers, {});
    const taskId = await startTask(who, "confirm");
    const result = resultOf(who, taskId).catch((error: unknown) => error);
    await eventually(() => who.asked.length === 1);
    await who.client.experimental.tasks.cancelTask(taskId);
    await eventually(() => who.asked[0]?.signal.aborted === true, "the cancellation");
    expect(await result).toBeDefined();
  });

  it("where nobody waits it is pushed, once", async () => {
    const { who, services } = await at(servers, {
      answer: async () => (await sleep(600), accept({ sure: true })),
    });
    const taskId = await startTask(who, "confirm");
    for (let polls = 0; polls < 4; polls++) await who.client.experimental.tasks.getTask(taskId);
    await eventually(async () => (await get(services, taskId))?.status === "completed");
    expect(who.messages()).toEqual(["Delete it?"]);
  });

  it("an answer outlives the wait that asked for it; the next wait does not ask again", async () => {
    const { who } = await at(servers, { answer: async () => (await sleep(900), accept({ sure: true })) });
    const taskId = await startTask(who, "confirm");
    await expect(resultOf(who, taskId, { timeout: 300 })).rejects.toThrow("timed out");
    expect(await resultOf(who, taskId)).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Delete it?"]);
  });

  it("an answer outlives the held call that was handed over", async () => {
    const { who, services } = await at(
      servers,
      { answer: async () => (await sleep(900), accept({ sure: true })) },
      { hold: "300ms" },
    );
    const { structuredContent } = await who.client.callTool({ name: "confirm", arguments: {} });
    const { task_id: taskId } = structuredContent as { readonly task_id: string };
    expect(structuredContent).toMatchObject({ status: "input_required" });
    await eventually(async () => (await get(services, taskId))?.status === "completed");
    expect(who.messages()).toEqual(["Delete it?"]);
  });

  it("connections that break while it is open change nothing", async () => {
    const { who, served } = await at(servers, {
      answer: async () => (await sleep(800), accept({ sure: true })),
    });
    const taskId = await startTask(who, "confirm");
    const result = resultOf(who, taskId);
    await eventually(() => who.asked.length === 1);
    for (let cuts = 0; cuts < 3; cuts++) {
      served.cut();
      await sleep(150);
    }
    expect(await result).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Delete it?"]);
  });

  it("a page to visit is asked of a client that declared it", async () => {
    const { who } = await at(servers, { elicitation: { url: {} }, answer: () => ({ action: "accept" }) });
    await who.client.callTool({ name: "page", arguments: {} });
    expect(who.asked[0]?.params).toMatchObject({ mode: "url", url: "https://pay.example/1" });
  });
});

function get([service]: readonly Service[], taskId: string) {
  return service?.runtime.store.summary({ taskId: taskId as TaskId });
}

/** A client of 2025-06-18 knows no tasks, and its streams cannot be resumed. */
describe("on 2025-06-18", () => {
  it("a held call asks on its stream, by events without an id", async () => {
    const { url } = await serve(await testService(asking));
    const hello = {
      protocolVersion: "2025-06-18",
      capabilities: { elicitation: {} },
      clientInfo: { name: "earlier", version: "0" },
    };
    const initialized = await post(url, { jsonrpc: "2.0", id: 0, method: "initialize", params: hello });
    const headers = {
      "mcp-session-id": initialized.headers.get("mcp-session-id") ?? "",
      "mcp-protocol-version": "2025-06-18",
    };
    await initialized.text();
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "confirm", arguments: {} } };
    const response = await post(url, call, headers);
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const id = /"id":"(ask[^"]+)"/.exec(text)?.[1];
      if (id === undefined || text.includes('"id":1')) continue;
      const result = { action: "accept", content: { sure: true } };
      expect((await post(url, { jsonrpc: "2.0", id, result }, headers)).status).toBe(202);
    }
    expect(text).toContain('"structuredContent":{"sure":true}');
    expect(text).not.toMatch(/^id:/m);
    expect(text).not.toContain("related-task");
  });
});

async function callAsTask(who: Awaited<ReturnType<typeof at>>["who"], name: string) {
  let result: unknown;
  const stream = who.client.experimental.tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, {
    task: {},
  });
  for await (const message of stream) if (message.type === "result") result = message.result;
  return { result };
}
