/** A client that declares tasks sees what they ask in the task, and answers by `tasks/update`. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../engine/context.ts";
import { DeclinedError } from "../../task/errors.ts";
import type { JsonObject } from "../../task/json.ts";
import type { Service } from "../service.ts";
import { createV2Front } from "./front.ts";
import { envelope, eventually, FakeExchange, testService } from "./service.fixture.ts";

const capabilities = "io.modelcontextprotocol/clientCapabilities";
const extensions = { "io.modelcontextprotocol/tasks": {} };

const number = z.object({ n: z.number().max(10) });

/** Asks for two numbers at once. */
const sum = {
  handler: async (_: unknown, task: TaskContext) => {
    const [{ n: a }, { n: b }] = await Promise.all([task.ask("a?", number), task.ask("b?", number)]);
    return a + b;
  },
};

const careful = {
  handler: async (_: unknown, task: TaskContext) => {
    try {
      const even = number.refine(({ n }) => n % 2 === 0, "odd");
      return await task.ask("an even number?", even);
    } catch (error) {
      if (error instanceof DeclinedError) return error.action;
      throw error;
    }
  },
};

const payment = {
  handler: async (_: unknown, task: TaskContext) => {
    await task.askUrl("Pay", "https://pay.example/1", { timeout: "1d" });
    return "paid";
  },
};

async function request(
  service: Service,
  method: string,
  params: JsonObject,
  {
    elicitation = {},
    owner = "local",
  }: { readonly elicitation?: JsonObject | null; readonly owner?: string } = {},
): Promise<JsonObject> {
  const client = { extensions, ...(elicitation !== null && { elicitation }) };
  const _meta = envelope({ [capabilities]: client });
  const exchange = new FakeExchange(method, { _meta, ...params }, owner);
  await createV2Front(service).serve(exchange);
  return (exchange.answer.result ?? exchange.answer.error) as JsonObject;
}

async function start(service: Service, name: string): Promise<string> {
  return (await request(service, "tools/call", { name, arguments: {} }))["taskId"] as string;
}

interface Shown extends JsonObject {
  readonly status: string;
  readonly inputRequests?: Readonly<Record<string, { readonly params: JsonObject } & JsonObject>>;
}

async function shown(service: Service, taskId: string, options = {}): Promise<Shown> {
  return (await request(service, "tasks/get", { taskId }, options)) as Shown;
}

type Asked = [key: string, request: JsonObject];

async function asking(service: Service, taskId: string, count = 1): Promise<Asked[]> {
  let open: Asked[] = [];
  await eventually(async () => {
    open = Object.entries((await shown(service, taskId)).inputRequests ?? {});
    return open.length === count;
  }, `${count} questions`);
  return open;
}

function update(service: Service, taskId: string, inputResponses: JsonObject, owner = "local") {
  return request(service, "tasks/update", { taskId, inputResponses }, { owner });
}

async function ended(service: Service, taskId: string): Promise<Shown> {
  await eventually(
    async () => !["working", "input_required"].includes((await shown(service, taskId)).status),
  );
  return shown(service, taskId);
}

describe("a task that asks", () => {
  it("shows all its open questions by their keys", async () => {
    const service = await testService({ sum });
    const taskId = await start(service, "sum");
    const open = await asking(service, taskId, 2);
    for (const [key, value] of open) {
      expect(key).toMatch(/^q\d+$/);
      expect(value).toEqual({
        method: "elicitation/create",
        params: {
          mode: "form",
          message: expect.stringMatching(/^[ab]\?$/) as unknown,
          requestedSchema: expect.objectContaining({ type: "object", required: ["n"] }) as unknown,
        },
      });
    }
    expect(await shown(service, taskId)).toMatchObject({
      resultType: "complete",
      status: "input_required",
      statusMessage: "waits for an answer: a?; b?",
    });
  });

  it("takes the answers one by one, and ignores keys that are unknown or answered", async () => {
    const service = await testService({ sum });
    const taskId = await start(service, "sum");
    const [[first], [second]] = (await asking(service, taskId, 2)) as [Asked, Asked];
    const three = { action: "accept", content: { n: 3 } };
    const ack = await update(service, taskId, { [first]: three, no: three, constructor: 1 });
    expect(Object.keys(ack).toSorted()).toEqual(["_meta", "resultType"]);
    expect((await asking(service, taskId))[0]?.[0]).toBe(second);
    await update(service, taskId, { [first]: { action: "decline" } });
    await update(service, taskId, { [second]: { action: "accept", content: { n: 4 } } });
    expect(await ended(service, taskId)).toMatchObject({
      status: "completed",
      result: { content: [{ type: "text", text: "7" }] },
    });
    await update(service, taskId, { [second]: three });
  });

  it.each<[string, JsonObject | number, RegExp]>([
    ["what its JSON Schema refuses", { action: "accept", content: { n: 11 } }, /did not fit: .*10/],
    ["what only the author's schema refuses", { action: "accept", content: { n: 3 } }, /did not fit: .*odd/],
    ["no content", { action: "accept" }, /did not fit: /],
    ["no action", { content: { n: 2 } }, /must have an action/],
    ["no object", 5, /must have an action/],
  ])("asks again under a new key after a wrong answer: %s", async (_, wrong, problem) => {
    const service = await testService({ careful });
    const taskId = await start(service, "careful");
    const [[first]] = (await asking(service, taskId)) as [Asked];
    expect(await update(service, taskId, { [first]: wrong })).toMatchObject({ resultType: "complete" });
    await eventually(async () => (await asking(service, taskId))[0]?.[0] !== first);
    const [[again, asked]] = (await asking(service, taskId)) as [Asked];
    expect(asked).toMatchObject({ params: { message: expect.stringMatching(problem) as unknown } });
    expect(asked).toMatchObject({
      params: { message: expect.stringMatching(/^an even number\?\n/) as unknown },
    });
    await update(service, taskId, { [again]: { action: "accept", content: { n: 4 } } });
    expect(await ended(service, taskId)).toMatchObject({ result: { structuredContent: { n: 4 } } });
  });

  it.each(["decline", "cancel"])("may be told %s", async (action) => {
    const service = await testService({ careful });
    const taskId = await start(service, "careful");
    const [[key]] = (await asking(service, taskId)) as [Asked];
    await update(service, taskId, { [key]: { action } });
    expect(await ended(service, taskId)).toMatchObject({ result: { content: [{ text: action }] } });
  });

  it("is not answered by another owner", async () => {
    const service = await testService({ careful });
    const taskId = await start(service, "careful");
    const [[key]] = (await asking(service, taskId)) as [Asked];
    const answer = { [key]: { action: "accept", content: { n: 4 } } };
    expect(await update(service, taskId, answer, "eve")).toMatchObject({ code: -32_602 });
    expect(await shown(service, taskId)).toMatchObject({ status: "input_required" });
  });
});

describe("what a client can be asked", () => {
  it.each<[string, JsonObject | null, number]>([
    ["URLs", { url: {} }, 1],
    ["forms and URLs", { form: {}, url: {} }, 1],
    ["forms, said explicitly", { form: {} }, 0],
    ["forms", {}, 0],
    ["nothing", null, 0],
  ])("a question by URL, where it declared %s", async (_, elicitation, count) => {
    const service = await testService({ payment });
    const taskId = await start(service, "payment");
    await eventually(async () => (await shown(service, taskId)).status === "input_required");
    const seen = await shown(service, taskId, { elicitation });
    expect(Object.keys(seen.inputRequests ?? {})).toHaveLength(count);
    expect(seen).toMatchObject({ statusMessage: "waits for an answer: Pay" });
  });

  it("is sent to the URL, and answers without content", async () => {
    const service = await testService({ payment });
    const taskId = await start(service, "payment");
    await eventually(async () => (await shown(service, taskId)).status === "input_required");
    const seen = await shown(service, taskId, { elicitation: { url: {} } });
    const [[key, asked]] = Object.entries(seen.inputRequests ?? {}) as Asked[] as [Asked];
    expect(asked).toEqual({
      method: "elicitation/create",
      params: { mode: "url", message: "Pay", url: "https://pay.example/1" },
    });
    await update(service, taskId, { [key]: { action: "accept" } });
    expect(await ended(service, taskId)).toMatchObject({ result: { content: [{ text: "paid" }] } });
  });
});

it("a listen shows each question as it opens and closes", async () => {
  const service = await testService({ sum });
  const taskId = await start(service, "sum");
  const open = await asking(service, taskId, 2);
  const _meta = envelope({ [capabilities]: { extensions, elicitation: {} } });
  const exchange = new FakeExchange("subscriptions/listen", { notifications: { taskIds: [taskId] }, _meta });
  const served = createV2Front(service).serve(exchange);
  const keys = (): string[][] =>
    exchange
      .notified("notifications/tasks")
      .map(({ inputRequests }) => Object.keys((inputRequests ?? {}) as JsonObject));
  await eventually(() => keys().length === 1);
  for (const [key] of open) {
    await update(service, taskId, { [key]: { action: "accept", content: { n: 1 } } });
    await eventually(async () => !keys().at(-1)?.includes(key));
  }
  await served;
  const [first, second] = open.map(([key]) => key) as [string, string];
  expect(keys().slice(0, 2)).toEqual([[first, second], [second]]);
  expect(keys().at(-1)).toEqual([]);
});
