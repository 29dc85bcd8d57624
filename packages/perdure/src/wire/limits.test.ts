/** What a client is told that meets a limit, on each channel: what it may do about it, and nothing of the inside. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { PerdureOptions } from "../app/app.ts";
import type { JsonObject } from "../task/json.ts";
import type { Service } from "./service.ts";
import { createV1Front } from "./v1/front.ts";
import { ask } from "./v1/service.fixture.ts";
import { createV2Front } from "./v2/front.ts";
import { envelope, FakeExchange } from "./v2/service.fixture.ts";

async function served(limits: PerdureOptions["limits"] = {}) {
  const app = testApp({ limits });
  const input = z.object({ text: z.string() });
  const never = () => new Promise<never>(() => undefined);
  app.task("work", { description: "Works.", input, start: "background" }, never);
  await app.start();
  await app.submit("work", { text: "" });
  const service = app.service();
  const call = (text: string) => ({ name: "work", arguments: { text } });
  return {
    app,
    /** A plain call, of a client of 2025. */
    plain: async (text: string) => (await ask(createV1Front(service), "tools/call", call(text))).answer,
    v1: async (text: string) =>
      (await ask(createV1Front(service), "tools/call", { ...call(text), task: {} })).answer,
    v2: async (text: string) => askV2(service, "tools/call", call(text)),
  };
}

async function askV2(service: Service, method: string, params: JsonObject) {
  const exchange = new FakeExchange(method, { _meta: envelope({ tasks: true }), ...params }, "local");
  await createV2Front(service).serve(exchange);
  return exchange.answer;
}

const toolError = (text: RegExp) => ({
  result: { isError: true, content: [{ type: "text", text: expect.stringMatching(text) as string }] },
});

describe("too many open tasks", () => {
  it("are a tool error that says when to try again; for a client that waits for a task, an error of the request", async () => {
    const { app, plain, v1, v2 } = await served({ openTasksPerOwner: 1 });
    const said =
      /has 1 tasks that have not ended; limits\.openTasksPerOwner allows 1\. Try again when some have ended/;
    expect(await plain("")).toMatchObject(toolError(said));
    expect(await v2("")).toMatchObject(toolError(said));
    expect(await v1("")).toEqual({
      error: { code: -32_029, message: expect.stringMatching(said) as string, data: { retryable: true } },
    });
    expect((await app.tasks.list()).tasks).toHaveLength(1);
  });
});

describe("too large an input", () => {
  it("is a tool error, and wrong parameters where a task is asked for", async () => {
    const { plain, v1, v2 } = await served({ inputBytes: 100 });
    const said = /the input of work is 211 bytes; limits\.inputBytes allows 100\./;
    const large = "x".repeat(200);
    expect(await plain(large)).toMatchObject(toolError(said));
    expect(await v2(large)).toMatchObject(toolError(said));
    expect(await v1(large)).toEqual({
      error: { code: -32_602, message: expect.stringMatching(said) as string },
    });
  });
});

describe("a paused tool", () => {
  it("says so in the status, on each channel", async () => {
    const { app, v1, v2 } = await served();
    await app.pause("work");
    const said = expect.stringMatching(
      /"work" is paused since .*; it runs when the tool is resumed\./,
    ) as string;
    const first = await v1("");
    const { taskId } = (first.result as { task: { taskId: string } }).task;
    const service = app.service();
    expect((await ask(createV1Front(service), "tasks/get", { taskId })).answer.result).toMatchObject({
      statusMessage: said,
    });
    const started = (await v2("")).result as { taskId: string };
    expect(await askV2(service, "tasks/get", { taskId: started.taskId })).toMatchObject({
      result: { statusMessage: said },
    });
  });
});
