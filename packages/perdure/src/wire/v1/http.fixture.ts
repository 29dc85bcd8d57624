/** The endpoint over real HTTP, for the tests of this folder: one server, or two on one record behind a load balancer. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import { createHttpEndpoint } from "../http/endpoint.ts";
import { guardFor } from "../http/guard.ts";
import { nodeListener } from "../http/listener.ts";
import type { Service } from "../service.ts";

export interface Served {
  readonly url: string;
  /** Method and number of the server of each request, in order. */
  readonly seen: string[];
  /** Breaks every connection. */
  readonly cut: () => void;
}

/** @param services each as a process of its own: requests go to them in turn. The header `as` names the principal. */
export async function serve(...services: readonly Service[]): Promise<Served> {
  const guard = guardFor("127.0.0.1", {
    auth: (request) => request.header("as") ?? "local",
    allowedHosts: undefined,
    allowedOrigins: undefined,
  });
  const endpoints = services.map((service) =>
    createHttpEndpoint(service, guard, { maxBodyBytes: 1_000_000, maxNesting: 50 }),
  );
  const listeners = endpoints.map((endpoint) => nodeListener(endpoint, "/mcp"));
  const seen: string[] = [];
  let next = 0;
  const server = createServer((request, response) => {
    const turn = next++ % listeners.length;
    seen.push(`${request.method ?? ""} ${turn}`);
    listeners[turn]?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/mcp`, seen, cut: () => server.closeAllConnections() };
}

/** A client of SDK 1.x, connected. */
export async function connect(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" }, { capabilities: {} });
  await client.connect(httpTransport(url, headers));
  onTestFinished(() => client.close());
  return client;
}

export function httpTransport(
  url: string,
  headers: Record<string, string> = {},
): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers },
    reconnectionOptions: {
      initialReconnectionDelay: 50,
      maxReconnectionDelay: 50,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 100,
    },
  });
}

/** A request by hand. */
export async function post(
  url: string,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(message),
  });
}

/** The message that a response ends with, of JSON or of a stream. */
export async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return JSON.parse(text);
  const last = text.split("\n").findLast((line) => line.startsWith("data: {"));
  return last === undefined ? undefined : JSON.parse(last.slice("data: ".length));
}
