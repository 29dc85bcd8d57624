/** An application inside of node:http, Express, Hono and Fastify: real clients of both generations through each. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { serve as serveHono } from "@hono/node-server";
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { App, MountOptions } from "../../app/app.ts";
import {
  answerOf,
  ask,
  eventually,
  goesOn,
  declareTools,
  httpPost,
  message,
  RawClient,
} from "./http.fixture.ts";

type Mount = (app: App, options?: MountOptions) => Promise<number> | number;

/** A node:http server of a listener, on a port of its own. */
async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const mounts: Readonly<Record<string, Mount>> = {
  "node:http": (app, options) => listening(app.nodeHandler(options)),

  Express: (app, options) => {
    const host = express();
    host.all("/mcp", app.nodeHandler(options));
    return listening(host);
  },

  "Express with express.json()": (app, options) => {
    const host = express();
    host.use(express.json({ limit: "10mb" }));
    host.use("/mcp", app.nodeHandler(options));
    return listening(host);
  },

  Hono: async (app, options) => {
    const host = new Hono();
    const mcp = app.fetchHandler(options);
    host.all("/mcp", (context) => mcp(context.req.raw));
    return new Promise((resolve) => {
      const server = serveHono({ fetch: host.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
        resolve(port),
      );
      onTestFinished(() => void server.close());
    });
  },

  Fastify: async (app, options) => {
    const host = fastify();
    const mcp = app.nodeHandler(options);
    host.all("/mcp", (request, reply) => {
      reply.hijack();
      mcp(Object.assign(request.raw, { body: request.body }), reply.raw);
    });
    const url = await host.listen({ port: 0, host: "127.0.0.1" });
    onTestFinished(() => {
      host.server.closeAllConnections();
      return host.close();
    });
    return Number(new URL(url).port);
  },
};

function mounted(options: Parameters<typeof testApp>[0] = {}): App {
  const app = testApp({ poll: "100ms", ...options });
  declareTools(app);
  app.task(
    "train",
    { description: "Trains.", input: z.object({ epochs: z.int() }) },
    async ({ epochs }, task) => {
      for (let epoch = 1; epoch <= epochs; epoch++) {
        task.progress(epoch, epochs, `epoch ${epoch}`);
        await sleep(120);
      }
      return { epochs };
    },
  );
  return app;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  onTestFinished(() => client.close());
  return client;
}

describe.each(Object.entries(mounts))("mounted in %s", (_, mount) => {
  async function start(options: MountOptions & Parameters<typeof testApp>[0] = {}) {
    const { maxBodyBytes = 1_000_000, ...rest } = options;
    const app = mounted(rest);
    await app.start();
    const port = await mount(app, { maxBodyBytes });
    return { app, port, url: `http://127.0.0.1:${port}/mcp` };
  }

  it("serves a client of 2025: a plain tool, a held call with progress, a task", async () => {
    const { url } = await start();
    const client = await connect(url);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("train");
    expect(await client.callTool({ name: "whoami", arguments: {} })).toMatchObject({
      structuredContent: { owner: "local" },
    });
    const said: (string | undefined)[] = [];
    const held = await client.callTool({ name: "train", arguments: { epochs: 3 } }, undefined, {
      onprogress: (progress) => void said.push(progress.message),
    });
    expect(held).toMatchObject({ structuredContent: { epochs: 3 } });
    expect(said).toEqual(["epoch 1", "epoch 2", "epoch 3"]);
    const stream = client.experimental.tasks.callToolStream(
      { name: "train", arguments: { epochs: 1 } },
      CallToolResultSchema,
      { task: { ttl: 60_000 } },
    );
    const types: string[] = [];
    for await (const part of stream) types.push(part.type);
    expect(types).toEqual(expect.arrayContaining(["taskCreated", "result"]));
  });

  it("serves a client of 2026-07-28", async () => {
    const { url } = await start();
    const client = new ModernClient({ name: "tester", version: "1.0.0" });
    await client.connect(new ModernTransport(new URL(url)));
    onTestFinished(() => client.close());
    const said: (string | undefined)[] = [];
    const held = await client.callTool(
      { name: "train", arguments: { epochs: 2 } },
      { onprogress: (progress) => void said.push(progress.message) },
    );
    expect(held).toMatchObject({ structuredContent: { epochs: 2 } });
    expect(said).toEqual(["epoch 1", "epoch 2"]);
    const task = await ask(url, "tools/call", { name: "train", arguments: { epochs: 1 } }, { tasks: true });
    expect(task.message.result).toMatchObject({ resultType: "task", status: "working" });
  });

  it("refuses what is no JSON, too long, or from a page of another origin, and goes on", async () => {
    const { url } = await start();
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    expect((await fetch(url, { method: "POST", headers, body: "{" })).status).toBe(400);
    const deep = `${"[".repeat(3_000)}${"]".repeat(3_000)}`;
    expect((await fetch(url, { method: "POST", headers, body: deep })).status).toBe(400);
    const long = JSON.stringify({ text: "x".repeat(1_500_000) });
    const answer = await answerOf(await fetch(url, { method: "POST", headers, body: long }));
    expect(answer.status).toBe(413);
    const origin = "https://rebound.example";
    expect((await fetch(url, { method: "POST", headers: { ...headers, origin }, body: "{}" })).status).toBe(
      403,
    );
    expect(await goesOn(url)).toBe(true);
  });

  it("notices that a client leaves", async () => {
    const { app, port } = await start();
    const body = message("tools/call", { name: "cancelled_with_its_call", arguments: {} });
    const client = new RawClient(port).send(httpPost(body));
    const statuses = async () => (await app.tasks.list()).tasks.map(({ status }) => status);
    await eventually(async () => (await statuses()).includes("working"));
    client.socket.destroy();
    await eventually(async () => !(await statuses()).includes("working"));
    expect(await statuses()).toEqual(["cancelled"]);
  });

  it("asks who it is", async () => {
    const { port } = await start({ auth: (request) => request.header("who") });
    const body = message("tools/call", { name: "whoami", arguments: {} });
    const named = new RawClient(port).send(httpPost(body, { who: "ann" }));
    expect(await named.until(/"owner":/)).toMatch(/"owner":"ann"/);
    const nobody = new RawClient(port).send(httpPost(body));
    expect(await nobody.until(/HTTP/)).toMatch(/401 Unauthorized/);
  });

  it("cuts its calls when the application closes", async () => {
    const { app, port } = await start();
    const body = message(
      "tools/call",
      { name: "wait", arguments: { ms: 60_000 } },
      { meta: { progressToken: 1 } },
    );
    const client = new RawClient(port).send(httpPost(body));
    await eventually(async () => (await app.tasks.list()).tasks.length === 1);
    await app.close({ drainMs: 0 });
    if (client.received === "") await Promise.race([client.closed, client.until(/HTTP\/1.1 499/)]);
    expect(client.received).not.toContain('"result"');
  });
});

describe("a body that something has read before", () => {
  it("and that was not handed over is said to be, and nothing hangs", async () => {
    const app = mounted();
    await app.start();
    const mcp = app.nodeHandler();
    const port = await listening((request, response) => {
      request.resume();
      request.once("end", () => setImmediate(() => mcp(request, response)));
    });
    const answer = await ask(`http://127.0.0.1:${port}/mcp`, "tools/call", {
      name: "echo",
      arguments: { text: "x" },
    });
    expect([answer.status, answer.message.error?.message]).toEqual([500, "Internal error"]);
  });

  it("is taken as text or bytes, too", async () => {
    const app = mounted();
    await app.start();
    const mcp = app.nodeHandler();
    for (const make of [(bytes: Buffer) => bytes, (bytes: Buffer) => bytes.toString("utf8")]) {
      const port = await listening((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => mcp(Object.assign(request, { body: make(Buffer.concat(chunks)) }), response));
      });
      expect(await goesOn(`http://127.0.0.1:${port}/mcp`)).toBe(true);
    }
  });
});

it("refuses limits that are no counts when it is mounted, not at the first request", () => {
  for (const options of [{ maxBodyBytes: -1 }, { maxNesting: 0.5 }]) {
    expect(() => testApp().nodeHandler(options)).toThrow("must be a whole number");
    expect(() => testApp().fetchHandler(options)).toThrow("must be a whole number");
  }
});

describe("app.fetchHandler by itself", () => {
  const request = (host: string, init: RequestInit = {}) => {
    const body = message("tools/call", { name: "echo", arguments: { text: "x" } });
    const headers = {
      "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    };
    return new Request(`http://${host}/mcp`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      ...init,
    });
  };

  it("takes the host from the URL where no header is kept", async () => {
    const app = mounted();
    await app.start();
    const handle = app.fetchHandler();
    expect((await handle(request("localhost"))).status).toBe(200);
    expect((await handle(request("rebound.example"))).status).toBe(403);
  });

  it("answers also who has left, and whose body was read", async () => {
    const app = mounted();
    await app.start();
    const handle = app.fetchHandler();
    expect((await handle(request("localhost", { signal: AbortSignal.abort() }))).status).toBe(499);
    const used = request("localhost");
    await used.text();
    expect((await handle(used)).status).toBe(500);
  });
});
