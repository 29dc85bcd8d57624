/** An application whose tools say whose session they are called from, and every way to call them. */
import { PassThrough } from "node:stream";
import { Client as Sdk1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as Sdk1InMemory } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as Sdk1Server } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Client } from "@modelcontextprotocol/client";
import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { App, PerdureOptions } from "../../app/app.ts";
import { attach } from "../../app/attach.ts";
import { bearerTokens } from "../http/authenticate.ts";
import { ask, message } from "../http/http.fixture.ts";
import { answerOf, post } from "../v1/http.fixture.ts";

export const memory = "training-0123456789";
export const auth = bearerTokens({ "token-of-ada": "ada", "token-of-bob": "bob" });
export const as = (name: string) => ({ authorization: `Bearer token-of-${name}` });

export function sayingApp(options: Partial<PerdureOptions> = {}): App {
  const app = testApp(options);
  app.task("whose", { description: "Whose.", input: z.looseObject({}) }, (_, { session }) => ({
    session: session ?? null,
  }));
  app.tool("mine", { description: "Mine.", input: z.looseObject({}) }, (_, { session }) => ({
    session: session ?? null,
  }));
  return app;
}

export interface Asked {
  /** `_meta["perdure/session"]` */
  readonly meta?: unknown;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly result?: {
    readonly structuredContent?: object;
    readonly taskId?: string;
    readonly task?: { readonly taskId: string };
  };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: object };
}

/** The session that the tool saw, or the error. */
export type Way = (asked: Asked) => Promise<unknown>;

export async function overHttp(app: App): Promise<Record<string, Way>> {
  const { url } = await app.listen({ port: 0 });
  const metaOf = ({ meta }: Asked) => (meta === undefined ? {} : { "perdure/session": meta });
  const modern =
    (name: string, tasks: boolean): Way =>
    async (asked) => {
      const answer = await ask(
        url,
        "tools/call",
        { name, arguments: {} },
        { tasks, meta: metaOf(asked), headers: asked.headers ?? {} },
      );
      return seen(app, answer.message);
    };
  const legacy =
    (name: string, more: object = {}): Way =>
    async (asked) => {
      const params = { name, arguments: {}, _meta: metaOf(asked), ...more };
      const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
      const headers = { "mcp-protocol-version": "2025-11-25", ...asked.headers };
      return seen(app, (await answerOf(await post(url, request, headers))) as Answer);
    };
  return {
    "2026, a task": modern("whose", true),
    "2026, a held call": modern("whose", false),
    "2026, a plain tool": modern("mine", false),
    "2025, a task": legacy("whose", { task: {} }),
    "2025, a held call": legacy("whose"),
    "2025, a plain tool": legacy("mine"),
  };
}

/** On pipes, and on servers of both generations of the SDK. */
export async function elsewhere(app: App): Promise<Record<string, Way>> {
  await app.start();
  const sdk2 = async (name: string): Promise<Way> => {
    const server = new McpServer({ name: "own", version: "1" }, {});
    await attach(server, app);
    const [near, far] = InMemoryTransport.createLinkedPair();
    const client = new Client({ name: "tester", version: "1" });
    await Promise.all([server.connect(far), client.connect(near)]);
    onTestFinished(() => client.close());
    return throughClient(app, (params) => client.callTool(params), name);
  };
  const sdk1 = async (name: string): Promise<Way> => {
    const server = new Sdk1Server({ name: "own", version: "1" });
    await attach(server, app);
    const [near, far] = Sdk1InMemory.createLinkedPair();
    const client = new Sdk1Client({ name: "tester", version: "1" });
    await Promise.all([server.connect(far), client.connect(near)]);
    onTestFinished(() => client.close());
    return throughClient(app, (params) => client.callTool(params), name);
  };
  const [input, output] = [new PassThrough(), new PassThrough()];
  await app.stdio({ input, output });
  const stdio =
    (name: string, generation: "2025" | "2026", tasks = false): Way =>
    async ({ meta }) => {
      const params = { name, arguments: {} };
      const own = meta === undefined ? {} : { "perdure/session": meta };
      const request =
        generation === "2026"
          ? message("tools/call", params, { tasks, meta: own })
          : {
              jsonrpc: "2.0",
              id: 1,
              method: "tools/call",
              params: { ...params, _meta: own, ...(tasks && { task: {} }) },
            };
      const answered = new Promise<Answer>((resolve) => {
        let text = "";
        const onData = (chunk: Buffer): void => {
          text += chunk.toString();
          for (const line of text.split("\n").slice(0, -1)) {
            const said = JSON.parse(line) as Answer & { readonly id?: number };
            if (said.id !== 1) continue;
            output.off("data", onData);
            resolve(said);
          }
        };
        output.on("data", onData);
      });
      input.write(`${JSON.stringify(request)}\n`);
      return seen(app, await answered);
    };
  return {
    "attached to SDK 2, a held call": await sdk2("whose"),
    "attached to SDK 2, a plain tool": await sdk2("mine"),
    "attached to SDK 1, a held call": await sdk1("whose"),
    "attached to SDK 1, a plain tool": await sdk1("mine"),
    "stdio 2026, a task": stdio("whose", "2026", true),
    "stdio 2026, a plain tool": stdio("mine", "2026"),
    "stdio 2025, a task": stdio("whose", "2025", true),
    "stdio 2025, a held call": stdio("whose", "2025"),
  };
}

type Params = { name: string; arguments: Record<string, unknown>; _meta: Record<string, unknown> };

function throughClient(app: App, callTool: (params: Params) => Promise<unknown>, name: string): Way {
  return async ({ meta }) => {
    const result = await callTool({
      name,
      arguments: {},
      _meta: meta === undefined ? {} : { "perdure/session": meta },
    });
    return seen(app, { result } as Answer);
  };
}

async function seen(app: App, { result, error }: Answer): Promise<unknown> {
  if (error !== undefined) return { error };
  const taskId = result?.taskId ?? result?.task?.taskId;
  const content = taskId === undefined ? result?.structuredContent : await app.tasks.handle(taskId).result();
  const session = (content as { session?: unknown } | undefined)?.session;
  return session === undefined ? result : session;
}
