/** Calls that end with a question and are made again with its answer, by clients that do not know tasks. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { question, type TaskContext } from "../../engine/context.ts";
import { DeclinedError, PerdureError } from "../../task/errors.ts";
import type { JsonObject } from "../../task/json.ts";
import type { TaskStatus } from "../../task/status.ts";
import type { PlainContext, Service } from "../service.ts";
import { createV2Front } from "./front.ts";
import { envelope, eventually, FakeExchange, testService, type TestTask } from "./service.fixture.ts";

const capabilities = "io.modelcontextprotocol/clientCapabilities";
const tasks = { extensions: { "io.modelcontextprotocol/tasks": {} } };

interface CallOptions {
  readonly client?: JsonObject;
  readonly owner?: string;
  readonly arguments?: JsonObject;
  readonly inputResponses?: JsonObject;
  readonly requestState?: unknown;
}

async function call(service: Service, name: string, options: CallOptions = {}): Promise<JsonObject> {
  const { client = { elicitation: {} }, owner = "local", arguments: input = {}, ...round } = options;
  const params = { name, arguments: input, ...round, _meta: envelope({ [capabilities]: client }) };
  const exchange = new FakeExchange("tools/call", params as JsonObject, owner);
  await createV2Front(service).serve(exchange);
  return exchange.answer.result ?? { ...exchange.answer.error };
}

function asked(result: JsonObject): [key: string, message: string][] {
  expect(result).toMatchObject({ resultType: "input_required", requestState: expect.any(String) as unknown });
  const requests = result["inputRequests"] as Record<string, { readonly params: { message: string } }>;
  return Object.entries(requests).map(([key, { params }]) => [key, params.message]);
}

const accept = (content: JsonObject): JsonObject => ({ action: "accept", content });
const text = (said: string): JsonObject => ({
  resultType: "complete",
  content: [{ type: "text", text: said }],
});
const invalidState = {
  code: -32_602,
  message: "Invalid or expired requestState",
  data: { reason: "invalid_request_state" },
};

async function statuses(service: Service): Promise<TaskStatus[]> {
  return (await service.runtime.store.list({})).tasks.map(({ status }) => status);
}

const small = z.object({ n: z.number().max(10) });

const sum: TestTask = {
  handler: async (_: unknown, task: TaskContext) => {
    const { a, b } = await task.askAll({ a: question("a?", small), b: question("b?", small) });
    return `sum ${a.n + b.n}`;
  },
};

const twice: TestTask = {
  handler: async (_: unknown, task: TaskContext) => {
    const first = await task.ask("first?", small);
    const second = await task.ask("second?", small);
    return `then ${first.n} ${second.n}`;
  },
};

afterEach(() => vi.useRealTimers());

describe("a held call whose task asks", () => {
  it("ends with the questions, and goes on when it is made again with the answers", async () => {
    const service = await testService({ sum });
    const first = await call(service, "sum");
    const [a, b] = asked(first).map(([key]) => key) as [string, string];
    const { requestState } = first;
    const inputResponses = { [a]: accept({ n: 3 }), [b]: accept({ n: 4 }) };
    const last = await call(service, "sum", { requestState, inputResponses });
    expect(last).toMatchObject(text("sum 7"));
    expect(last).not.toHaveProperty("requestState");
    expect(await statuses(service)).toEqual(["completed"]);
  });

  it("asks again for what is not answered, or answered wrongly, under a new key", async () => {
    const service = await testService({ sum });
    const first = await call(service, "sum");
    const [[a], [b]] = asked(first) as [[string, string], [string, string]];
    const { requestState } = first;
    const second = await call(service, "sum", { requestState, inputResponses: { [a]: accept({ n: 11 }) } });
    const open = asked(second);
    expect(new Set(open.map(([, message]) => message.split("\n")[0]))).toEqual(new Set(["a?", "b?"]));
    expect(open.map(([key]) => key)).toContain(b);
    expect(open.map(([key]) => key)).not.toContain(a);
    expect(open.find(([key]) => key !== b)?.[1]).toMatch(/The last answer did not fit/);
    const inputResponses = Object.fromEntries(open.map(([key]) => [key, accept({ n: 1 })]));
    expect(
      await call(service, "sum", { requestState: second["requestState"], inputResponses }),
    ).toMatchObject(text("sum 2"));
  });

  it("asks one after another, of the same task", async () => {
    const service = await testService({ twice });
    let round = await call(service, "twice");
    for (const message of ["first?", "second?"]) {
      const [[key, said]] = asked(round) as [[string, string]];
      expect(said).toBe(message);
      const inputResponses = { [key]: accept({ n: message.length }) };
      round = await call(service, "twice", { requestState: round["requestState"], inputResponses });
    }
    expect(round).toMatchObject(text("then 6 7"));
    expect(await statuses(service)).toHaveLength(1);
  });

  it("ends in a tool error when the person declines", async () => {
    const service = await testService({ twice });
    const first = await call(service, "twice");
    const [[key]] = asked(first) as [[string, string]];
    const { requestState } = first;
    const last = await call(service, "twice", {
      requestState,
      inputResponses: { [key]: { action: "decline" } },
    });
    expect(last).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/declined/) as unknown }],
    });
  });

  it("becomes a task where the client has learned of them meanwhile", async () => {
    const service = await testService({ twice });
    const { requestState } = await call(service, "twice");
    const client = { elicitation: {}, ...tasks };
    expect(await call(service, "twice", { requestState, client })).toMatchObject({
      resultType: "task",
      status: "input_required",
      statusMessage: "waits for an answer: first?",
    });
    expect(await statuses(service)).toEqual(["input_required"]);
  });

  it("is joined by an equal call of a client that forgot it", async () => {
    const service = await testService({ twice });
    expect(asked(await call(service, "twice"))).toEqual(asked(await call(service, "twice")));
    expect(await statuses(service)).toEqual(["input_required"]);
  });

  it.each<[string, JsonObject]>([
    ["nothing", {}],
    ["URLs only", { elicitation: { url: {} } }],
  ])("is handed over to a client that can be asked %s", async (_, client) => {
    const service = await testService({ twice: { ...twice, options: { asks: true, hold: "100ms" } } });
    const handed = await call(service, "twice", { client });
    expect(handed).toMatchObject({
      resultType: "complete",
      structuredContent: { status: "input_required" },
      content: [{ text: expect.stringMatching(/waits for an answer/) as unknown }],
    });
    expect(await statuses(service)).toEqual(["input_required"]);
  });
});

describe("a requestState", () => {
  it.each<[string, (state: string) => string, string, CallOptions]>([
    ["forged", (state) => `${state.slice(0, -4)}AAAA`, "sum", {}],
    ["of another's making", () => "v1.e30.AAAA", "sum", {}],
    ["of another owner", (state) => state, "sum", { owner: "eve" }],
    ["of another tool", (state) => state, "twice", {}],
    ["of a call with other arguments", (state) => state, "sum", { arguments: { file: "b" } }],
    ["of another tool, an ordinary one", (state) => state, "greet", {}],
  ])("that is %s is refused", async (_, change, tool, options) => {
    const service = await testService({ sum, twice }, { plainTools: { greet: () => "hello" } });
    const first = await call(service, "sum");
    const [[key]] = asked(first) as [[string, string]];
    const requestState = change(first["requestState"] as string);
    const again = await call(service, tool, {
      requestState,
      inputResponses: { [key]: accept({ n: 1 }) },
      ...options,
    });
    expect(again).toEqual(invalidState);
    expect(await statuses(service)).toEqual(["input_required"]);
  });

  it("expires", async () => {
    const service = await testService({ sum });
    const { requestState } = await call(service, "sum");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 25 * 60 * 60 * 1_000 });
    expect(await call(service, "sum", { requestState })).toEqual(invalidState);
  });

  it("says nothing of its key", async () => {
    const service = await testService({ sum });
    const { requestState } = await call(service, "sum");
    const key = Buffer.from(await service.runtime.store.secret("request-state"));
    for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(requestState).not.toContain(key.toString(encoding));
    }
  });
});

describe("an ordinary tool that asks", () => {
  const even = small.refine(({ n }) => n % 2 === 0, "odd");
  const plainTools = {
    pick: async (_: unknown, { ask }: PlainContext) => {
      const first = await ask("even?", even, { name: "first" });
      const next = await ask("next?", small);
      return `${first.n} ${next.n}`;
    },
    both: async (_: unknown, { askAll }: PlainContext) => {
      const { a, b } = await askAll({ a: question("a?", small), b: question("b?", small) });
      return `${a.n} ${b.n}`;
    },
    polite: async (_: unknown, { ask }: PlainContext) => {
      try {
        return JSON.stringify(await ask("n?", small));
      } catch (error) {
        if (error instanceof DeclinedError) return error.action;
        return error instanceof PerdureError ? error.code : "?";
      }
    },
    twins: async (_: unknown, { ask }: PlainContext) => {
      await Promise.all([ask("n?", small), ask("n?", small)]);
    },
  };

  it("is run again with each answer, until nothing is left to ask", async () => {
    const service = await testService({}, { plainTools });
    const first = await call(service, "pick");
    expect(asked(first)).toEqual([["first", "even?"]]);
    const second = await call(service, "pick", {
      requestState: first["requestState"],
      inputResponses: { first: accept({ n: 2 }), unknown: accept({}) },
    });
    expect(asked(second)).toEqual([["next?", "next?"]]);
    const last = await call(service, "pick", {
      requestState: second["requestState"],
      inputResponses: { "next?": accept({ n: 5 }) },
    });
    expect(last).toMatchObject(text("2 5"));
  });

  it("asks all at once, and again what is not answered", async () => {
    const service = await testService({}, { plainTools });
    const first = await call(service, "both");
    expect(asked(first)).toEqual([
      ["a", "a?"],
      ["b", "b?"],
    ]);
    const second = await call(service, "both", {
      requestState: first["requestState"],
      inputResponses: { a: accept({ n: 2 }), b: 5 },
    });
    expect(asked(second)).toEqual([["b", "b?"]]);
  });

  it("asks again, saying what was wrong", async () => {
    const service = await testService({}, { plainTools });
    const { requestState } = await call(service, "pick");
    const again = await call(service, "pick", { requestState, inputResponses: { first: accept({ n: 3 }) } });
    expect(asked(again)).toEqual([["first", expect.stringMatching(/^even\?\n\n.*did not fit.*odd/)]]);
  });

  it.each(["decline", "cancel"])("is told %s", async (action) => {
    const service = await testService({}, { plainTools });
    const { requestState } = await call(service, "polite");
    expect(
      await call(service, "polite", { requestState, inputResponses: { "n?": { action } } }),
    ).toMatchObject(text(action));
  });

  it("is told where the client cannot be asked", async () => {
    const service = await testService({}, { plainTools });
    expect(await call(service, "polite", { client: {} })).toMatchObject(text("CANNOT_ASK"));
  });

  it("cannot ask twice under one name", async () => {
    const service = await testService({}, { plainTools });
    expect(await call(service, "twins")).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/asked twice/) as unknown }],
    });
  });

  it("refuses answers that are no object", async () => {
    const service = await testService({}, { plainTools });
    const inputResponses = null as unknown as JsonObject;
    expect(await call(service, "polite", { inputResponses })).toMatchObject({ code: -32_602 });
  });
});

describe("what is asked before there is a task", () => {
  const before = { who: question("Who?", z.object({ name: z.string() })) };
  const greet: TestTask = {
    handler: async (_: unknown, task: TaskContext) => `Hello, ${(await task.askAll(before)).who.name}!`,
    options: { before, input: z.object({ file: z.string().optional() }) },
  };
  const inputResponses = { who: accept({ name: "Ada" }) };

  it("is asked first, and the task has the answer", async () => {
    const service = await testService({ greet });
    const first = await call(service, "greet");
    expect(asked(first)).toEqual([["who", "Who?"]]);
    expect(await statuses(service)).toEqual([]);
    const { requestState } = first;
    expect(await call(service, "greet", { requestState, inputResponses })).toMatchObject(text("Hello, Ada!"));
  });

  it("is asked first of a client that knows tasks, too", async () => {
    const service = await testService({ greet });
    const client = { elicitation: {}, ...tasks };
    const first = await call(service, "greet", { client });
    expect(first).not.toHaveProperty("taskId");
    const { requestState } = first;
    const created = await call(service, "greet", { client, requestState, inputResponses });
    expect(created).toMatchObject({ resultType: "task", status: "working" });
    expect(created).not.toHaveProperty("requestState");
    await eventually(async () => (await statuses(service))[0] === "completed");
  });

  it("starts nothing where the person declines, or the input does not fit", async () => {
    const service = await testService({ greet });
    const declined = { who: { action: "decline" } };
    expect(await call(service, "greet", { inputResponses: declined })).toMatchObject({ isError: true });
    expect(await call(service, "greet", { arguments: { file: 1 } })).toMatchObject({ isError: true });
    expect(await statuses(service)).toEqual([]);
  });

  it("is asked by the task itself where the client cannot be asked before", async () => {
    const service = await testService({ greet: { ...greet, options: { ...greet.options, asks: true } } });
    expect(await call(service, "greet", { client: {} })).toMatchObject({
      structuredContent: { status: "input_required" },
    });
  });
});
