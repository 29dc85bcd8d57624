/** Connections that stay open, are left, are never read, are too many, and are there at the close. */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { closeNow, testApp } from "../../app/app.fixture.ts";
import {
  type Answer,
  answerOf,
  ask,
  call,
  declareTools,
  eventually,
  goesOn,
  headersOf,
  httpPost,
  message,
  RawClient,
  run,
  type Running,
} from "./http.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const statusOf = async ({ app }: Running) => (await app.tasks.list()).tasks.map(({ status }) => status);
const waitCall = (ms: number, more: { id?: number; meta?: object } = {}) =>
  message("tools/call", { name: "wait", arguments: { ms } }, more);

async function startTask(url: string, ms = 60_000): Promise<string> {
  const answer = await call(url, "wait", { ms }, { tasks: true });
  return answer.message.result?.taskId ?? "";
}

const listen = (taskId: string, id = 1) =>
  message("subscriptions/listen", { notifications: { taskIds: [taskId] } }, { tasks: true, id });

describe("a client that leaves", () => {
  it("before the first byte of the answer: its task goes on, where the tool says so", async () => {
    const running = await run();
    const client = new RawClient(running.port).send(httpPost(waitCall(300)));
    await eventually(async () => (await statusOf(running)).length === 1);
    expect(client.received).toBe("");
    client.socket.resetAndDestroy();
    await eventually(async () => (await statusOf(running))[0] === "completed");
    expect(running.logged).toEqual([]);
  });

  it("after the first byte, the same", async () => {
    const running = await run({ heartbeat: "30ms" });
    const client = new RawClient(running.port).send(httpPost(waitCall(300, { meta: { progressToken: 1 } })));
    await client.until(/notifications\/progress/);
    client.socket.destroy();
    await eventually(async () => (await statusOf(running))[0] === "completed");
    expect(running.logged).toEqual([]);
  });

  it("ends its task on 2026-07-28, where the tool does not say otherwise", async () => {
    const running = await run();
    const body = message("tools/call", { name: "cancelled_with_its_call", arguments: {} });
    const client = new RawClient(running.port).send(httpPost(body));
    await eventually(async () => (await statusOf(running))[0] === "working");
    client.socket.destroy();
    await eventually(async () => (await statusOf(running))[0] !== "working");
    expect(await statusOf(running)).toEqual(["cancelled"]);
  });

  it("with requests in line behind the first: nobody waits for any of them", async () => {
    const running = await run();
    const calls = [1, 2, 3].map((id) =>
      httpPost(message("tools/call", { name: "cancelled_with_its_call", arguments: { id } }, { id })),
    );
    const client = new RawClient(running.port).send(calls.join(""));
    await eventually(async () => (await statusOf(running)).length === 3);
    client.socket.destroy();
    await eventually(async () => !(await statusOf(running)).includes("working"));
    expect(await statusOf(running)).toEqual(["cancelled", "cancelled", "cancelled"]);
  });
});

describe("a client that never reads", () => {
  it("is cut off when too much waits for it; its task goes on, and it can ask again", async () => {
    const running = await run();
    const input = { count: 400, bytes: 40_000 };
    const body = message(
      "tools/call",
      { name: "report", arguments: input },
      { meta: { "io.modelcontextprotocol/logLevel": "debug" } },
    );
    const socket = connect(running.port, "127.0.0.1");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(httpPost(body));
    await eventually(async () => (await statusOf(running))[0] === "completed", "the task");
    // What the kernels hold between the two is still read.
    socket.resume();
    await closed;
    expect(running.logged.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
    expect(await goesOn(running.url)).toBe(true);
  });

  it("a large answer is no reason to cut off one that reads", async () => {
    const running = await run({ maxResultBytes: 10_000_000 });
    const text = "y".repeat(3_000_000);
    const answer = await call(running.url, "echo", { text }, { meta: { progressToken: 1 } });
    expect(answer.message.result?.structuredContent?.["text"]).toHaveLength(3_000_000);
  });
});

describe("many at once", () => {
  it("1,000 listens are open, and end; the server goes on", async () => {
    const running = await run();
    const taskId = await startTask(running.url);
    const clients = Array.from({ length: 1_000 }, (_, id) =>
      new RawClient(running.port).send(httpPost(listen(taskId, id))),
    );
    await Promise.all(clients.map((client) => client.until(/notifications\/tasks/)));
    expect(await goesOn(running.url)).toBe(true);
    for (const client of clients) client.socket.destroy();
    await Promise.all(clients.map((client) => client.closed));
    expect(await goesOn(running.url)).toBe(true);
    expect(running.logged).toEqual([]);
  });

  it("1,000 streams are there at the close: listens are answered, and everything is closed within a second", async () => {
    const running = await run();
    const taskId = await startTask(running.url);
    const clients = Array.from({ length: 1_000 }, (_, id) =>
      new RawClient(running.port).send(httpPost(listen(taskId, id))),
    );
    await Promise.all(clients.map((client) => client.until(/notifications\/tasks/)));
    const began = performance.now();
    await closeNow(running.app);
    await Promise.all(clients.map((client) => client.closed));
    expect(performance.now() - began).toBeLessThan(2_000);
    const answered = clients.filter((client) => client.received.includes('"result":'));
    expect(answered).toHaveLength(1_000);
  });

  it("more connections than are allowed are not taken, and the others go on", async () => {
    const running = await run({ listen: { maxConnections: 3 } });
    const clients = Array.from({ length: 3 }, () =>
      new RawClient(running.port).send(httpPost(waitCall(400))),
    );
    await eventually(async () => (await statusOf(running)).length === 3);
    const refused = new RawClient(running.port).send(httpPost(waitCall(0)));
    await refused.closed;
    expect(refused.received).toBe("");
    await Promise.all(clients.map((client) => client.until(/"waited":400/)));
    for (const client of clients) client.socket.destroy();
    await eventually(() => goesOn(running.url).catch(() => false));
  });
});

describe("close", () => {
  it("cuts calls that are held, and does not cancel them: an equal call after the restart joins its task", async () => {
    const store = temporaryStore();
    const first = await run({ store, hold: "1m" });
    const client = new RawClient(first.port).send(httpPost(waitCall(700)));
    await eventually(async () => (await statusOf(first))[0] === "working");
    await closeNow(first.app);
    await client.closed;
    expect(client.received).toBe("");
    const second = await run({ store, hold: "1m" });
    const answer = await call(second.url, "wait", { ms: 700 });
    expect(answer.message.result?.structuredContent).toEqual({ waited: 700 });
    expect(await statusOf(second)).toEqual(["completed"]);
    expect([...first.logged, ...second.logged].filter((line) => line.includes('"level":"error"'))).toEqual(
      [],
    );
  });

  it("lets calls end that end in time", async () => {
    const running = await run();
    const answer = call(running.url, "wait", { ms: 200 });
    await eventually(async () => (await statusOf(running))[0] === "working");
    // The handler's signal is aborted, and it throws: the call is cut, not cancelled. That comes before the close is over.
    const cut = answer.catch((error: unknown) => error);
    await running.app.close({ drainMs: 3_000 });
    expect(String(await cut)).toMatch(/fetch failed|terminated/);
  });

  it("does the same to calls on a framework's server", async () => {
    const app = testApp();
    declareTools(app);
    await app.start();
    const handle = app.fetchHandler();
    const body = waitCall(60_000);
    const request = new Request("http://localhost/mcp", {
      method: "POST",
      headers: headersOf(body),
      body: JSON.stringify(body),
    });
    const response = handle(request);
    await eventually(async () => (await app.tasks.list()).tasks.length === 1);
    await closeNow(app);
    expect((await response).status).toBe(499);
    const late = await handle(new Request("http://localhost/mcp", { method: "POST", body: "{}" }));
    expect([late.status, await late.text()]).toEqual([503, expect.stringContaining("shutting down")]);
  });

  it("a second one, and a connection that is idle, hold nothing up", async () => {
    const running = await run();
    const idle = new RawClient(running.port);
    expect(await goesOn(running.url)).toBe(true);
    await Promise.all([closeNow(running.app), closeNow(running.app)]);
    await idle.closed;
  });
});

describe("an address", () => {
  it("that is in use, or none, is said to be", async () => {
    const { port } = await run();
    for (const where of [{ port }, { port: 70_000 }, { host: "127.999.0.1", port: 0 }]) {
      const app = testApp();
      await expect(app.listen(where)).rejects.toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("cannot be listened on") as string,
      });
    }
  });
});

describe("principals as owners", () => {
  const as = (who: string) => ({ headers: { who } });
  const foreign = async (url: string, taskId: string, who: string): Promise<Answer[]> => [
    await ask(url, "tasks/get", { taskId }, { tasks: true, ...as(who) }),
    await ask(url, "tasks/cancel", { taskId }, { tasks: true, ...as(who) }),
    await ask(url, "tasks/update", { taskId, inputResponses: {} }, { tasks: true, ...as(who) }),
    await call(url, "check_task_status", { task_id: taskId }, as(who)),
    await call(url, "get_task_results", { task_id: taskId }, as(who)),
    await call(url, "cancel_task", { task_id: taskId }, as(who)),
    await call(url, "list_tasks", {}, as(who)),
    await ask(url, "resources/read", { uri: `perdure://tasks/${taskId}/result` }, as(who)),
    await ask(
      url,
      "subscriptions/listen",
      { notifications: { taskIds: [taskId] } },
      { tasks: true, ...as(who) },
    ),
    ...(await of2025(url, taskId, who)),
  ];

  async function of2025(url: string, taskId: string, who: string): Promise<Answer[]> {
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      who,
    };
    const answers: Answer[] = [];
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel", "tasks/list"]) {
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method,
        params: method === "tasks/list" ? {} : { taskId },
      });
      answers.push(await answerOf(await fetch(url, { method: "POST", headers, body })));
    }
    return answers;
  }

  it("a task of somebody else looks as one that never was, on every channel", async () => {
    const running = await run({ auth: (request) => request.header("who") });
    const { url, app } = running;
    const started = await call(url, "wait", { ms: 60_000 }, { tasks: true, ...as("ann") });
    const taskId = started.message.result?.taskId ?? "";
    const unknown = `${taskId.slice(0, -4)}zzzz`;
    const shown = (answers: Answer[], id: string) =>
      answers.map(({ status, text }) => [status, text.replaceAll(id, "ID")]);
    const answers = await foreign(url, taskId, "eve");
    expect(shown(answers, taskId)).toEqual(shown(await foreign(url, unknown, "eve"), unknown));
    expect(JSON.stringify(answers.map(({ text }) => text))).not.toContain('"working"');
    expect(await app.tasks.get(taskId)).toMatchObject({ status: "working", owner: "ann" });
    const own = await call(url, "check_task_status", { task_id: taskId }, as("ann"));
    expect(own.message.result?.structuredContent).toMatchObject({ status: "working" });
  });
});
