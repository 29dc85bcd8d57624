/**
 * One question, and a client of each generation that shows it to a person. On 2026-07-28 nothing says whether a person
 * sees a question that was shown, so both may be asked: the first answer counts, and the other client is told.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  type ElicitResult,
} from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { JsonObject } from "../task/json.ts";

interface Shown {
  readonly status: string;
  readonly inputRequests?: Readonly<Record<string, JsonObject>>;
  readonly result?: JsonObject;
}

/** A task that both clients know, and the question on both screens. */
async function onBothScreens() {
  const app = testApp();
  app.task("confirm", { description: "", input: z.object({}), asks: true }, (_, { ask }) =>
    ask("Go on?", z.object({ sure: z.boolean() })),
  );
  const { url } = await app.listen({ port: 0 });
  const { earlier, signal, said } = await earlierClient(url);
  const { value } = await earlier.experimental.tasks
    .callToolStream({ name: "confirm", arguments: {} }, CallToolResultSchema, { task: {} })
    .next();
  if (value?.type !== "taskCreated") throw new Error("no task");
  const { taskId } = value.task;
  const result = earlier.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
  const taken = await signal;
  const later = (method: string, params: object = {}) => request(url, method, taskId, { ...params });
  const [key = ""] = Object.keys((await later("tasks/get")).inputRequests ?? {});
  return { result, taken, said, later, key };
}

async function earlierClient(url: string) {
  const asked = Promise.withResolvers<AbortSignal>();
  const said = Promise.withResolvers<ElicitResult>();
  const earlier = new Client({ name: "earlier", version: "0" }, { capabilities: { elicitation: {} } });
  earlier.setRequestHandler(ElicitRequestSchema, (_, { signal }) => {
    asked.resolve(signal);
    return said.promise;
  });
  await earlier.connect(new StreamableHTTPClientTransport(new URL(url)));
  onTestFinished(() => earlier.close());
  return { earlier, signal: asked.promise, said };
}

async function request(url: string, method: string, taskId: string, more: JsonObject): Promise<Shown> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "later", version: "0" },
    "io.modelcontextprotocol/clientCapabilities": {
      elicitation: {},
      extensions: { "io.modelcontextprotocol/tasks": {} },
    },
  };
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      "mcp-name": taskId,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { taskId, ...more, _meta } }),
  });
  const { result, error } = (await response.json()) as {
    readonly result?: Shown;
    readonly error?: JsonObject;
  };
  if (result === undefined) throw new Error(JSON.stringify(error));
  return result;
}

const sure = (value: boolean) => ({ action: "accept" as const, content: { sure: value } });

describe("a question on the screens of both generations", () => {
  it("answered on 2026-07-28 is taken back on 2025-11-25", async () => {
    const { result, taken, said, later, key } = await onBothScreens();
    await later("tasks/update", { inputResponses: { [key]: sure(true) } });
    expect(await result).toMatchObject({ structuredContent: { sure: true } });
    expect(taken.aborted).toBe(true);
    said.resolve(sure(false));
    expect(await later("tasks/get")).toMatchObject({ status: "completed" });
  });

  it("answered on 2025-11-25 is gone from the task, and a later answer changes nothing", async () => {
    const { result, said, later, key } = await onBothScreens();
    said.resolve(sure(true));
    expect(await result).toMatchObject({ structuredContent: { sure: true } });
    await later("tasks/update", { inputResponses: { [key]: sure(false) } });
    const shown = await later("tasks/get");
    expect(shown.inputRequests).toBeUndefined();
    expect(shown).toMatchObject({ status: "completed", result: { structuredContent: { sure: true } } });
  });
});
