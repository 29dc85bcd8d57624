/** The SDK's own server with everything on it, as clients of both generations see it where no front stands before it. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { McpServer } from "@modelcontextprotocol/server";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../app/app.fixture.ts";
import type { App, PerdureOptions } from "../app/app.ts";
import { PerdureError, ProtocolError } from "../task/errors.ts";
import { createSdkServer } from "./sdk-server.ts";
import { openTestStore } from "../store/store-under-test.fixture.ts";

async function connected(
  options: Partial<PerdureOptions> = {},
  declare: (app: App) => void = () => undefined,
): Promise<{ readonly app: App; readonly client: Client; readonly server: McpServer }> {
  const app = testApp(options);
  app.task(
    "train",
    {
      description: "Trains.",
      title: "Train",
      annotations: { readOnlyHint: true },
      input: z.object({ ms: z.number() }),
    },
    async ({ ms }, task) => {
      task.progress(1, 2, "half");
      await sleep(ms, undefined, { signal: task.signal });
      return { ms };
    },
  );
  declare(app);
  await app.start();
  const caller = { owner: "ann", session: undefined, clientName: undefined, headers: { "x-a": "b" } };
  const server = createSdkServer(app.service(), { generation: "2025", callerOf: () => caller });
  const [mine, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(theirs);
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(mine);
  onTestFinished(() => client.close());
  return { app, client, server };
}

describe("the SDK's server", () => {
  it("lists durable, ordinary and generated tools, as they were declared", async () => {
    const { client } = await connected({}, (app) => {
      app.tool(
        "shout",
        { description: "Shouts.", input: z.object({}), output: z.object({ a: z.string() }) },
        () => ({ a: "A" }),
      );
    });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "train",
      "shout",
      "check_task_status",
      "get_task_results",
      "cancel_task",
      "list_tasks",
    ]);
    expect(tools[0]).toMatchObject({
      title: "Train",
      description: "Trains.",
      annotations: { readOnlyHint: true },
      inputSchema: { type: "object", properties: { ms: { type: "number" } }, required: ["ms"] },
      execution: { taskSupport: "optional" },
    });
    expect(tools[1]).toHaveProperty("outputSchema.properties.a");
  });

  it("holds calls, with progress, and hands them over", async () => {
    const { client } = await connected({ hold: "1s", heartbeat: "20ms" });
    const said: (string | undefined)[] = [];
    const onprogress = ({ message }: { readonly message?: string | undefined }) => void said.push(message);
    const held = await client.callTool({ name: "train", arguments: { ms: 300 } }, undefined, { onprogress });
    expect(held).toMatchObject({ structuredContent: { ms: 300 } });
    expect(said).toContain("half");
    expect(said.at(-1)).toMatch(/^half \(\d+ s\)$/);
    expect(await client.callTool({ name: "train", arguments: { ms: 60_000 } })).toMatchObject({
      structuredContent: { status: "working", tool: "train" },
    });
  });

  it("tells a time-out from a cancellation", async () => {
    const { app, client } = await connected();
    const statuses = async () => (await app.tasks.list()).tasks.map(({ status }) => status);
    const call = { name: "train", arguments: { ms: 60_000 } };
    await expect(client.callTool(call, undefined, { timeout: 100 })).rejects.toThrow(/timed out/);
    await sleep(50);
    expect(await statuses()).toEqual(["working"]);
    const stop = new AbortController();
    const rejoined = client.callTool(call, undefined, { signal: stop.signal });
    await sleep(50);
    stop.abort("the user pressed stop");
    await expect(rejoined).rejects.toThrow(/pressed stop/);
    await sleep(50);
    expect(await statuses()).toEqual(["cancelled"]);
  });

  it("gives ordinary tools their context, and tells their errors", async () => {
    const { client } = await connected({}, (app) => {
      app.tool("who", { description: "Who.", input: z.object({ n: z.number() }) }, ({ n }, context) => {
        context.progress(n, 2, "on it");
        if (n === 1) throw new Error("not today");
        if (n === 2) throw new PerdureError("STORE_IO", { message: "/var/lib/secret.db cannot be read" });
        return { owner: context.owner, tool: context.tool, headers: { ...context.headers } };
      });
    });
    const said: number[] = [];
    const call = (n: unknown) =>
      client.callTool({ name: "who", arguments: { n } }, undefined, {
        onprogress: ({ progress }) => void said.push(progress),
      });
    expect(await call(0)).toMatchObject({
      structuredContent: { owner: "ann", tool: "who", headers: { "x-a": "b" } },
    });
    expect(said).toEqual([0]);
    expect(await call(1)).toEqual({ content: [{ type: "text", text: "not today" }], isError: true });
    expect(JSON.stringify(await call(2))).not.toContain("secret");
    expect(await call("x")).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^the input of who does not fit its schema: n: /) as string }],
    });
  });

  it("shows nothing of the inside where the store fails", async () => {
    const store = openTestStore();
    const { client } = await connected({ store });
    store.create = () =>
      Promise.reject(new PerdureError("STORE_IO", { message: "/var/lib/secret.db cannot be written" }));
    const answer = await client.callTool({ name: "train", arguments: { ms: 1 } });
    expect(answer).toMatchObject({ isError: true });
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(JSON.stringify(answer)).toContain("Internal error");
  });

  it("carries what the author registers beside the tools, on each server", async () => {
    const { client } = await connected({ instructions: "Train first." }, (app) => {
      app.register((server) => {
        server.registerPrompt("greet", { description: "Greets." }, () => ({
          messages: [{ role: "user", content: { type: "text", text: "Hello" } }],
        }));
      });
    });
    expect((await client.listPrompts()).prompts).toMatchObject([{ name: "greet" }]);
    expect(client.getInstructions()).toBe("Train first.");
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toContainEqual(
      expect.objectContaining({ uriTemplate: "perdure://tasks/{taskId}/result" }),
    );
  });

  it("reads a result only once it is there", async () => {
    const { app, client } = await connected();
    const handle = await app.submit("train", { ms: 60_000 }, { owner: "ann" });
    for (const id of [handle.id, "nothing", "../x"]) {
      await expect(client.readResource({ uri: `perdure://tasks/${id}/result` })).rejects.toThrow(
        /not found/i,
      );
    }
  });

  it("fails a call as the author wants, where the SDK lets it", async () => {
    const { client } = await connected({}, (app) => {
      app.tool("refuse", { description: "Refuses.", input: z.object({}) }, () => {
        throw new ProtocolError(-32_050, "out of paper");
      });
    });
    // SDK 2.4.0 makes a tool error of it: see the fronts for the error itself.
    expect(await client.callTool({ name: "refuse" })).toMatchObject({ isError: true });
  });
});
