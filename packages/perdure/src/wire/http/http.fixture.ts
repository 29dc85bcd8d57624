/** An application that listens, what it logs, and clients that do what no library does. */
import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { testApp } from "../../app/app.fixture.ts";
import type { App, ListenOptions, PerdureOptions } from "../../app/app.ts";
import type { Logger } from "../../engine/logger.ts";
import { createHttpEndpoint } from "./endpoint.ts";
import { guardFor } from "./guard.ts";
import { listen } from "./listener.ts";

export interface Running {
  readonly app: App;
  readonly url: string;
  readonly port: number;
  /** Everything that was logged, as JSON. */
  readonly logged: string[];
}

export interface Log {
  readonly logger: Logger;
  readonly logged: string[];
}

/** Keeps all levels; errors with their stacks, as pino would. */
export function recordingLogger(): Log {
  const logged: string[] = [];
  const keep = (level: string) => (fields: object, words: string) => {
    const shown = Object.entries(fields).map(([key, value]: [string, unknown]) => [
      key,
      value instanceof Error ? `${value.stack ?? ""} ${inspect(value)}` : value,
    ]);
    logged.push(JSON.stringify({ level, words, ...Object.fromEntries(shown) }));
  };
  return {
    logged,
    logger: { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") },
  };
}

/** With tools that tests of the transport need: `echo`, `wait`, `report`, and `whoami`, which is no task. */
export async function run(options: RunOptions = {}): Promise<Running> {
  const { listen: where, requestTimeoutMs, ...rest } = options;
  const { logger, logged } = recordingLogger();
  const app = testApp({ logger, ...rest });
  declareTools(app);
  const { url, port } = await (requestTimeoutMs === undefined
    ? app.listen({ port: 0, ...where })
    : listenImpatiently(app, requestTimeoutMs));
  return { app, url, port, logged };
}

export interface RunOptions extends Partial<PerdureOptions> {
  readonly listen?: ListenOptions;
  /** Shorter than an application would have it. */
  readonly requestTimeoutMs?: number;
}

async function listenImpatiently(app: App, requestTimeoutMs: number) {
  const guard = guardFor("127.0.0.1", {
    auth: undefined,
    allowedHosts: undefined,
    allowedOrigins: undefined,
  });
  const endpoint = createHttpEndpoint(app.service(), guard, { maxBodyBytes: 1_000, maxNesting: 20 });
  await app.start();
  const where = { host: "127.0.0.1", port: 0, path: "/mcp", maxConnections: 100, requestTimeoutMs };
  const listening = await listen(endpoint, where);
  onTestFinished(() => listening.close());
  return listening;
}

export function declareTools(app: App): void {
  app.task("echo", { description: "Echo.", input: z.object({ text: z.string() }) }, ({ text }) => ({ text }));
  app.task(
    "wait",
    { description: "Waits.", input: z.object({ ms: z.number() }), onDisconnect: "continue" },
    async ({ ms }, task) => {
      await sleep(ms, undefined, { signal: task.signal });
      return { waited: ms };
    },
  );
  app.task(
    "report",
    {
      description: "Reports.",
      input: z.object({ count: z.number(), bytes: z.number() }),
      onDisconnect: "continue",
    },
    async ({ count, bytes }, task) => {
      for (let line = 0; line < count; line++) {
        task.log.info("x".repeat(bytes));
        if (line % 20 === 0) await sleep(5);
      }
      return { count };
    },
  );
  app.task(
    "cancelled_with_its_call",
    { description: "Ends with its call.", input: z.looseObject({}) },
    (_, task) => sleep(60_000, null, { signal: task.signal }),
  );
  app.tool("whoami", { description: "Who.", input: z.object({}) }, (_, { owner }) => ({ owner }));
}

export const revision = "2026-07-28";
const meta = "io.modelcontextprotocol";

export interface Asked {
  readonly tasks?: boolean;
  readonly id?: number | string;
  readonly meta?: object;
}

/** A message of 2026-07-28, as the body of a request. */
export function message(
  method: string,
  params: object = {},
  { tasks = false, id = 1, meta: more }: Asked = {},
) {
  return {
    jsonrpc: "2.0",
    id,
    method,
    params: {
      ...params,
      _meta: {
        [`${meta}/protocolVersion`]: revision,
        [`${meta}/clientInfo`]: { name: "tester", version: "0" },
        [`${meta}/clientCapabilities`]: tasks ? { extensions: { [`${meta}/tasks`]: {} } } : {},
        ...more,
      },
    },
  };
}

/** And the headers that belong to it. */
export function headersOf(
  body: { readonly method: string; readonly params: object },
  more: Record<string, string> = {},
): Record<string, string> {
  const { name, taskId, uri } = body.params as Record<string, string | undefined>;
  const said = name ?? taskId ?? uri;
  return {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": revision,
    "mcp-method": body.method,
    ...(said !== undefined && { "mcp-name": said }),
    ...more,
  };
}

/** Sends a message of 2026-07-28 and reads the whole answer. */
export async function ask(
  url: string,
  method: string,
  params: object = {},
  { headers = {}, ...asked }: Asked & { readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = message(method, params, asked);
  const response = await fetch(url, {
    method: "POST",
    headers: headersOf(body, headers),
    body: JSON.stringify(body),
  });
  return answerOf(response);
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly message: {
    readonly result?: Result;
    readonly error?: { readonly code: number; readonly message: string };
  };
}

/** What tests look at. */
export interface Result {
  readonly [key: string]: unknown;
  readonly taskId?: string;
  readonly content?: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const streamed = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const last = streamed
    ? text
        .split("\n")
        .findLast((line) => line.startsWith("data: {"))
        ?.slice(6)
    : text;
  let parsed: unknown;
  try {
    parsed = JSON.parse(last ?? "null");
  } catch {
    parsed = undefined;
  }
  return {
    status: response.status,
    headers: response.headers,
    text,
    message: parsed ?? {},
  };
}

/** A plain call of a tool. */
export function call(url: string, name: string, input: object = {}, more: Parameters<typeof ask>[3] = {}) {
  return ask(url, "tools/call", { name, arguments: input }, more);
}

/** The server still does its work. */
export async function goesOn(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  const { message: said } = await call(url, "echo", { text: "here" }, { headers });
  return said.result?.structuredContent?.["text"] === "here";
}

/** A connection that says exactly what it is told, and keeps what comes back. */
export class RawClient {
  received = "";
  readonly socket: Socket;
  readonly closed: Promise<void>;

  constructor(port: number, host = "127.0.0.1") {
    this.socket = connectTcp(port, host);
    this.socket.setEncoding("latin1");
    this.socket.on("data", (chunk) => (this.received += String(chunk)));
    // A server that cuts is what some tests are about.
    this.socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
    onTestFinished(() => void this.socket.destroy());
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  async until(pattern: RegExp): Promise<string> {
    for (let tries = 0; tries < 500; tries++) {
      if (pattern.test(this.received)) return this.received;
      await sleep(10);
    }
    throw new Error(`${String(pattern)} did not come; ${JSON.stringify(this.received.slice(0, 2_000))} came`);
  }
}

/** A request as text. */
export function http(method: string, headers: Record<string, string>, body = "", path = "/mcp"): string {
  const lines = Object.entries({ host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** A POST of a message of 2026-07-28, as text. */
export function httpPost(body: ReturnType<typeof message>, headers: Record<string, string> = {}): string {
  const text = JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  return http("POST", headersOf(body, { "content-length": length, ...headers }), text);
}

/** Waits for something that must come within a few seconds. */
export async function eventually(check: () => boolean | Promise<boolean>, what = "it"): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await check()) return;
    await sleep(10);
  }
  throw new Error(`${what} did not come true`);
}
