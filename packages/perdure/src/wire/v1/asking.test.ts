/** Who is asked what, by whom and how often: at the front itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { TaskId } from "../../task/id.ts";
import type { JsonObject } from "../../task/json.ts";
import { asking } from "./asking.fixture.ts";
import type { ClientRequest, V1Session, V1Stream } from "./client.ts";
import { createV1Front, type V1Front } from "./front.ts";
import {
  ask,
  eventually,
  FakeExchange,
  never,
  session as plain,
  start,
  testService,
} from "./service.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

/** Declares all there is to declare. */
function client(name: string, more: Partial<V1Session> = {}): V1Session {
  return { ...plain, askedAs: name, capabilities: { elicitation: {}, sampling: {} }, ...more };
}

function asked({ said }: FakeExchange): ClientRequest[] {
  return said.flatMap((each) => ("ask" in each ? [each.ask] : []));
}

/** Waits for the result, so that it is asked there. */
function wait(front: V1Front, taskId: string, session: V1Session): FakeExchange {
  const exchange = new FakeExchange("tasks/result", { taskId });
  void front.serve(exchange, session);
  return exchange;
}

async function answer(front: V1Front, session: V1Session, response: JsonObject, owner = "local") {
  const claimed = front.claimAnswer({ jsonrpc: "2.0", ...response });
  if (claimed === undefined) throw new Error("not ours");
  await front.answered(owner, session, claimed);
}

async function waiting() {
  const service = await testService(asking);
  const front = createV1Front(service);
  const taskId = await start(front, "confirm");
  const [ada, bob] = [client("ada"), client("bob")];
  const exchange = wait(front, taskId, ada);
  await eventually(() => asked(exchange).length === 1);
  const [{ id } = { id: "" }] = asked(exchange);
  return { service, front, taskId, ada, bob, exchange, id };
}

const yes = { action: "accept", content: { sure: true } };

describe("one question, several clients", () => {
  it("is asked of one", async () => {
    const { front, taskId, ada, bob } = await waiting();
    const others = [wait(front, taskId, bob), wait(front, taskId, ada)];
    await sleep(100);
    expect(others.map(asked)).toEqual([[], []]);
  });

  it("is asked of the next where the first cannot ask; and never again of the first", async () => {
    const { front, taskId, ada, bob, exchange, id } = await waiting();
    await answer(front, ada, { id, error: { code: -32_601, message: "Method not found" } });
    const next = wait(front, taskId, bob);
    await eventually(() => asked(next).length === 1);
    const again = wait(front, taskId, ada);
    await sleep(50);
    expect(asked(again)).toEqual([]);
    const { result } = (await ask(front, "tasks/get", { taskId })).answer;
    expect(result).toMatchObject({ status: "input_required", statusMessage: "Delete it?" });
    await answer(front, bob, { id, result: yes });
    await eventually(() => exchange.said.some((said) => "result" in said));
    expect(exchange.answer.result).toMatchObject({ structuredContent: { sure: true } });
    // It has refused: there is nothing to take back.
    expect(exchange.notified("notifications/cancelled")).toEqual([]);
  });

  it("is taken back where another way was quicker", async () => {
    const { service, front, taskId, exchange, id } = await waiting();
    const [key = ""] = id.split(".").slice(-1);
    await service.runtime.store.answer({
      taskId: taskId as TaskId,
      key,
      action: "accept",
      content: { sure: false },
    });
    await eventually(() => exchange.said.some((said) => "result" in said));
    expect(exchange.notified("notifications/cancelled")).toEqual([
      { requestId: id, reason: "the question is over" },
    ]);
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({ status: "completed" });
  });

  it("is answered by its owner only", async () => {
    const { front, taskId, ada, id } = await waiting();
    await answer(front, ada, { id, result: yes }, "somebody");
    await answer(front, ada, { id: "ask.nothing.q1", result: yes });
    await answer(front, ada, { id: `ask.${taskId}.q999`, result: yes });
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({
      status: "input_required",
    });
    await answer(front, ada, { id, result: yes });
    expect((await ask(front, "tasks/get", { taskId })).answer.result).not.toMatchObject({
      status: "input_required",
    });
  });

  it.each([
    { result: {} },
    { result: { action: "perhaps" } },
    { result: "accept" },
    { error: { code: -32_603, message: "broken" } },
    {},
  ])("stays open where a client says %j", async (said) => {
    const { front, taskId, ada, id } = await waiting();
    await answer(front, ada, { id, ...said });
    expect((await ask(front, "tasks/get", { taskId })).answer.result).toMatchObject({
      status: "input_required",
    });
  });
});

describe("what a person does at a URL", () => {
  async function visiting() {
    const service = await testService(asking);
    const front = createV1Front(service);
    const taskId = await start(front, "page");
    const ada = client("ada", { capabilities: { elicitation: { url: {} } } });
    const exchange = wait(front, taskId, ada);
    await eventually(() => asked(exchange).length === 1);
    const [{ id, params } = { id: "", params: {} as JsonObject }] = asked(exchange);
    const [key = ""] = id.split(".").slice(-1);
    const done = () => exchange.notified("notifications/elicitation/complete");
    return { service, front, ada, exchange, id, params, question: { taskId: taskId as TaskId, key }, done };
  }

  it("is told as complete, by its id, to the client that asked them and has not heard of it", async () => {
    const { service, exchange, params, question, done } = await visiting();
    await service.runtime.store.answer({ ...question, action: "accept" });
    await eventually(() => exchange.said.some((said) => "result" in said));
    expect(params["elicitationId"]).toMatch(/^\w+\.q\d+$/);
    expect(done()).toEqual([{ elicitationId: params["elicitationId"] }]);
    expect(exchange.notified("notifications/cancelled")).toHaveLength(1);
  });

  it("is not told as complete where it was declined, or the client said so itself", async () => {
    const declined = await visiting();
    await declined.service.runtime.store.answer({ ...declined.question, action: "decline" });
    const heard = await visiting();
    await answer(heard.front, heard.ada, { id: heard.id, result: { action: "accept" } });
    for (const { exchange, done } of [declined, heard]) {
      await eventually(() => exchange.said.some((said) => "result" in said));
      expect(done()).toEqual([]);
    }
  });
});

describe("a question to the client's model", () => {
  it("is put by sampling, and what the model said is the answer", async () => {
    const service = await testService({ never });
    const front = createV1Front(service);
    const taskId = (await start(front, "never")) as TaskId;
    const { store } = service.runtime;
    await eventually(async () => (await store.summary({ taskId }))?.phase === "running");
    const request = { messages: [{ role: "user", content: { type: "text", text: "hi" } }], maxTokens: 5 };
    const question = { message: "hi", mode: "sample", request } as const;
    await store.openWait({ taskId, attempt: 1, name: "hi", wait: { kind: "ask", question } });
    const exchange = wait(front, taskId, client("ada"));
    await eventually(() => asked(exchange).length === 1);
    const [{ id, method, params } = { id: "", method: "", params: {} }] = asked(exchange);
    expect({ method, params }).toMatchObject({ method: "sampling/createMessage", params: request });
    const said = { role: "assistant", content: { type: "text", text: "hello" }, model: "m" };
    await answer(front, client("ada"), { id, result: said });
    expect(await store.operations({ taskId })).toMatchObject([{ name: "hi", state: "done", value: said }]);
  });
});

describe("a stream that broke", () => {
  const resumption = { kind: "result", since: Date.now(), requestId: 7, progressToken: undefined } as const;

  it("is asked again what it has not heard, and only that", async () => {
    const { front, taskId, ada, exchange, id } = await waiting();
    const [key = ""] = id.split(".").slice(-1);
    exchange.leave();
    const unheard = new FakeExchange("tasks/result", { taskId });
    void front.resume(unheard, ada, { ...resumption, taskId: taskId as TaskId, heard: [] });
    await eventually(() => asked(unheard).length === 1);
    unheard.leave();
    const heard = new FakeExchange("tasks/result", { taskId });
    void front.resume(heard, ada, { ...resumption, taskId: taskId as TaskId, heard: [key] });
    await sleep(100);
    expect(asked(heard)).toEqual([]);
    expect(heard.primed).toEqual([expect.stringContaining(`~${key}.`)]);
  });
});

describe("a stream of its own", () => {
  class OwnStream implements V1Stream {
    readonly #gone = new AbortController();
    readonly gone = this.#gone.signal;
    readonly asked: ClientRequest[] = [];
    readonly ids: string[] = [];
    ask(request: ClientRequest, eventId = ""): void {
      this.asked.push(request);
      this.ids.push(eventId);
    }
    prime(eventId: string): void {
      this.ids.push(eventId);
    }
    notify(): void {}
    keepAlive(): void {}
    close(): void {
      this.#gone.abort();
    }
  }

  it("is pushed what its client cares for, and nothing else", async () => {
    const front = createV1Front(await testService(asking));
    const taskId = await start(front, "confirm");
    const [ada, bob] = [client("ada"), client("bob")];
    const [adas, bobs] = [new OwnStream(), new OwnStream()];
    front.push("local", ada, adas);
    front.push("local", bob, bobs);
    await ask(front, "tasks/get", { taskId }, ada);
    await eventually(() => adas.asked.length === 1);
    expect(bobs.asked).toEqual([]);
    adas.close();
    bobs.close();
  });

  it("gives no authority by the id of its last event", async () => {
    const front = createV1Front(await testService(asking));
    const taskId = await start(front, "confirm");
    const stream = new OwnStream();
    front.push("somebody", client("ada"), stream, `push.${taskId}.q1`);
    await sleep(700);
    expect(stream.asked).toEqual([]);
    stream.close();
  });

  it("is replaced by a newer one", async () => {
    const front = createV1Front(await testService(asking));
    const ada = client("ada");
    const [older, newer] = [new OwnStream(), new OwnStream()];
    front.push("local", ada, older);
    const exchange = await ask(front, "tools/call", { name: "confirm", task: {} }, ada);
    front.push("local", ada, newer, older.ids[0]);
    await eventually(() => newer.asked.length === 1);
    expect(exchange.answer.result).toBeDefined();
    expect(older.asked).toEqual([]);
    older.close();
    newer.close();
  });

  it("goes on from the id of its last event, at another process", async () => {
    const store = temporaryStore();
    const front = createV1Front(await testService(asking, { store }));
    const taskId = await start(front, "confirm");
    const ada = client("ada");
    const first = new OwnStream();
    front.push("local", ada, first);
    await ask(front, "tasks/get", { taskId }, ada);
    await eventually(() => first.asked.length === 1);
    first.close();
    const elsewhere = createV1Front(await testService(asking, { store }));
    const [before, after] = [new OwnStream(), new OwnStream()];
    elsewhere.push("local", ada, after, first.ids[1]);
    await sleep(700);
    expect(after.asked).toEqual([]);
    after.close();
    elsewhere.push("local", ada, before, first.ids[0]);
    await ask(elsewhere, "tasks/get", { taskId }, ada);
    await eventually(() => before.asked.length === 1);
    before.close();
  });
});
