/** The same service, served by us and by the SDK alone; and requests that no client would send. */
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import type { JsonObject } from "../../task/json.ts";
import { createHttpEndpoint } from "../http/endpoint.ts";
import { guardFor } from "../http/guard.ts";
import { listen } from "../http/listener.ts";
import { createSdkServer } from "../sdk-server.ts";
import type { Service } from "../service.ts";
import { envelope, revision } from "./service.fixture.ts";

/** @returns where it listens */
export async function serveOurs(service: Service): Promise<string> {
  const guard = guardFor("127.0.0.1", {
    auth: undefined,
    allowedHosts: undefined,
    allowedOrigins: undefined,
  });
  const endpoint = createHttpEndpoint(service, guard, { maxBodyBytes: 4_194_304, maxNesting: 100 });
  const listening = await listen(endpoint, {
    host: "127.0.0.1",
    port: 0,
    path: "/mcp",
    maxConnections: 2_000,
  });
  onTestFinished(async () => {
    await endpoint.close();
    await listening.close();
  });
  return listening.url;
}

export async function serveBySdkAlone(service: Service): Promise<string> {
  const caller = { owner: "local", session: undefined, clientName: undefined, headers: {} };
  const handler = createMcpHandler(({ era }) =>
    createSdkServer(service, { generation: era === "modern" ? "2026" : "2025", callerOf: () => caller }),
  );
  const listener = toNodeHandler(handler);
  const server = createServer((request, response) => void listener(request as never, response as never));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await handler.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

export interface RawRequest {
  readonly method?: string;
  /** `undefined` sends none; several are sent as several. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it is, where it is text. */
  readonly body: unknown;
}

export interface RawResponse {
  readonly status: number;
  readonly type: string;
  /** A JSON body, or every message of a stream, or text. */
  readonly messages: readonly unknown[];
}

/** A request that is as it should be. */
export function rpc(
  method: string,
  params: JsonObject,
  { tasks = true, id = 1 }: { readonly tasks?: boolean; readonly id?: unknown } = {},
): RawRequest & { readonly body: JsonObject & { readonly params: JsonObject } } {
  const name = params[method === "tools/call" ? "name" : "taskId"];
  return {
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": method,
      "mcp-name": typeof name === "string" ? name : undefined,
    },
    body: { jsonrpc: "2.0", id: id as string, method, params: { _meta: envelope({ tasks }), ...params } },
  };
}

export function send(url: string, { method = "POST", headers, body }: RawRequest): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, agent: false });
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) request.setHeader(name, value);
    }
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const type = (response.headers["content-type"] ?? "").replace(/;.*/, "");
        resolve({
          status: response.statusCode ?? 0,
          type,
          messages: parse(type, Buffer.concat(chunks).toString()),
        });
      });
    });
    request.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  });
}

function parse(type: string, text: string): unknown[] {
  if (type === "application/json") return [JSON.parse(text)];
  if (type !== "text/event-stream") return text === "" ? [] : [text];
  return text
    .split("\n\n")
    .flatMap((event) => event.split("\n").filter((line) => line.startsWith("data: {")))
    .map((line) => JSON.parse(line.slice("data: ".length)) as unknown);
}
