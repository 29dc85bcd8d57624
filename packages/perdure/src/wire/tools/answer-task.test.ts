/** `answer_task`, and what the other generated tools say of a task that asks: to a client of SDK 1.x with its tools listed. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { PerdureOptions } from "../../app/app.ts";
import { testApp } from "../../app/app.fixture.ts";
import { question, type TaskContext } from "../../engine/context.ts";
import { generatedPlainTools } from "./generated.ts";

interface Result {
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly key: string;
  readonly message: string;
}

const decision = z.object({ goOn: z.boolean(), epochs: z.int().min(1).optional() });

/** An application with a task that asks, its client, and the hand-over of a first call. */
async function asking(
  run: (task: TaskContext) => Promise<string>,
  options: Partial<PerdureOptions> & { readonly asks?: boolean } = {},
) {
  const { asks = true, ...rest } = options;
  const app = testApp({ linger: "10ms", hold: "10s", ...rest });
  app.task(
    "train",
    { description: "Trains.", input: z.object({}), asks, hold: asks ? "10s" : "50ms" },
    (_, task) => run(task),
  );
  const { url } = await app.listen({ port: 0 });
  const client = await clientOf(url);
  const call = async (name: string, input: object = {}) =>
    (await client.callTool({ name, arguments: { ...input } })) as unknown as Result;
  const handedOver = await call("train");
  const task_id = String(handedOver.structuredContent?.["task_id"]);
  return { app, url, call, handedOver, task_id };
}

async function clientOf(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  onTestFinished(() => client.close());
  await client.listTools();
  return client;
}

const questionsIn = ({ structuredContent }: Result) => (structuredContent?.["questions"] ?? []) as Asked[];
const goOn = async (task: TaskContext) => `goes on: ${(await task.ask("Go on?", decision)).goOn}`;

describe("a task that asks", () => {
  it("is handed over at once, with the question, its schema and what to do", async () => {
    const { handedOver } = await asking(goOn);
    const [asked] = questionsIn(handedOver);
    expect(handedOver.structuredContent).toMatchObject({
      status: "input_required",
      questions: [{ message: "Go on?", schema: { type: "object", required: ["goOn"] } }],
    });
    expect(handedOver.content[0]?.text).toContain(
      `It waits for an answer.\n${asked?.key}: Go on?\n(content: {"type":"object","properties":{"goOn":`,
    );
    expect(handedOver.content[0]?.text).toMatch(
      /Ask the user, do not answer yourself\. Then call answer_task with the task_id, the key and content, or with action decline\.$/,
    );
  });

  it("says the same when its status or results are asked for, and goes on with the answer", async () => {
    const { call, task_id, handedOver } = await asking(goOn);
    const [asked] = questionsIn(handedOver);
    const checked = await call("check_task_status", { task_id, wait_seconds: 20 });
    expect(checked.content[0]?.text).toMatch(
      /^train is input_required\. It waits for an answer\.\nq\d+: Go on\?/,
    );
    expect(questionsIn(checked)).toEqual([asked]);
    expect(await call("get_task_results", { task_id })).toEqual(checked);
    const taken = await call("answer_task", { task_id, key: asked?.key, content: { goOn: true } });
    expect(taken.isError).toBeUndefined();
    expect(taken.content[0]?.text).toBe("The answer is taken.");
    await call("check_task_status", { task_id, wait_seconds: 20 });
    expect((await call("get_task_results", { task_id })).content[0]?.text).toBe("goes on: true");
  });

  it("is told of a decline", async () => {
    const { call, task_id } = await asking(goOn);
    await call("answer_task", { task_id, action: "decline" });
    await call("check_task_status", { task_id, wait_seconds: 20 });
    expect(await call("get_task_results", { task_id })).toMatchObject({
      isError: true,
      content: [{ text: 'the question "Go on?" was declined.' }],
    });
  });

  it.each([
    [{ goOn: "yes" }, /does not fit: .*goOn/],
    [{}, /does not fit: .*goOn/],
    [undefined, /does not fit: .*goOn/],
    [{ goOn: true, epochs: 0 }, /does not fit: .*epochs/],
  ])("refuses %j in words, and keeps the question open", async (content, words) => {
    const { call, task_id, handedOver } = await asking(goOn);
    const refused = await call("answer_task", { task_id, content });
    expect(refused.isError).toBe(true);
    expect(refused.content[0]?.text).toMatch(words);
    expect(questionsIn(refused)).toEqual(questionsIn(handedOver));
    expect(await call("answer_task", { task_id, content: { goOn: false } })).not.toHaveProperty("isError");
  });

  it("with two questions open wants to know which", async () => {
    const { call, task_id, handedOver } = await asking(async (task) => {
      const both = await task.askAll({ a: question("A?", decision), b: question("B?", decision) });
      return `${both.a.goOn} ${both.b.goOn}`;
    });
    const [a, b] = questionsIn(handedOver);
    expect((await call("answer_task", { task_id, content: { goOn: true } })).content[0]?.text).toMatch(
      /^Several questions are open: say which by its key\./,
    );
    const first = await call("answer_task", { task_id, key: b?.key, content: { goOn: true } });
    expect(questionsIn(first)).toEqual([a]);
    const again = await call("answer_task", { task_id, key: b?.key, content: { goOn: false } });
    expect(again).toMatchObject({ isError: true });
    expect(again.content[0]?.text).toContain(`No question ${b?.key} is open.`);
    await call("answer_task", { task_id, key: a?.key, content: { goOn: false } });
    await call("check_task_status", { task_id, wait_seconds: 20 });
    expect((await call("get_task_results", { task_id })).content[0]?.text).toBe("false true");
    expect(await call("answer_task", { task_id, content: { goOn: true } })).toMatchObject({
      isError: true,
      content: [{ text: "train is completed and asks nothing now." }],
    });
  });

  it("is too late once the task has ended", async () => {
    const { call, task_id } = await asking(goOn);
    await call("cancel_task", { task_id });
    expect(await call("answer_task", { task_id, content: { goOn: true } })).toEqual({
      isError: true,
      content: [{ type: "text", text: "train is cancelled and asks nothing now." }],
    });
  });

  it("shows where a question is answered elsewhere, and takes that it was", async () => {
    const { call, task_id, handedOver } = await asking(async (task) => {
      await task.askUrl("Log in.", "https://example.org/login");
      return "logged in";
    });
    expect(handedOver.content[0]?.text).toContain("Log in.\n(to be done at https://example.org/login)");
    expect(handedOver.content[0]?.text).toContain("with the task_id, the key, or with action decline.");
    await call("answer_task", { task_id });
    await call("check_task_status", { task_id, wait_seconds: 20 });
    expect((await call("get_task_results", { task_id })).content[0]?.text).toBe("logged in");
  });

  it("is another owner's to nobody else", async () => {
    const { url, task_id } = await asking(goOn, { auth: (request) => request.header("who") ?? "ann" });
    const eve = await clientOf(url, { who: "eve" });
    const given = { name: "answer_task", arguments: { task_id, content: { goOn: true } } };
    expect(await eve.callTool(given)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^There is no task /) as string }],
    });
  });
});

describe("answer_task", () => {
  const namesWith = (asks: boolean | undefined, tools: PerdureOptions["tools"] = {}): string[] => {
    const app = testApp({ tools });
    const input = z.object({});
    app.task("ask", { description: "", input, ...(asks !== undefined && { asks }) }, () => null);
    return generatedPlainTools(app.service()).map(({ name }) => name);
  };

  it("is offered where a declared task says that it asks, and nowhere else", () => {
    expect(namesWith(true)).toContain("answer_task");
    expect(namesWith(false)).not.toContain("answer_task");
    expect(namesWith(undefined)).not.toContain("answer_task");
    expect(namesWith(true, { prefix: "ml_" })).toContain("ml_answer_task");
    expect(namesWith(true, { hide: ["answer_task"] })).not.toContain("answer_task");
  });

  it("where it is not offered, a task that asks says so", async () => {
    const { call, task_id, app } = await asking(goOn, { asks: false });
    const { content } = await call("check_task_status", { task_id, wait_seconds: 20 });
    expect(content[0]?.text).toMatch(/No tool here can answer it; whoever operates this server can\.$/);
    const [asked] = await app.tasks.questions(task_id);
    await app.tasks.answer(task_id, asked?.key ?? "", { action: "accept", content: { goOn: true } });
    await call("check_task_status", { task_id, wait_seconds: 20 });
    expect((await call("get_task_results", { task_id })).content[0]?.text).toBe("goes on: true");
  });
});
