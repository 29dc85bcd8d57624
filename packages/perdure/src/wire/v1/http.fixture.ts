/** 2025 over real HTTP, for the tests of this folder: one server, or two on one record behind a load balancer. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { legacyStatelessFallback } from "@modelcontextprotocol/server";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { onTestFinished } from "vitest";
import { HttpExchange } from "../http/exchange.ts";
import { nodeRequest, nodeResponder } from "../http/node.ts";
import { type HttpResponder, sendJson, sendWebResponse } from "../http/request.ts";
import { createSdkServer } from "../sdk-server.ts";
import type { Caller, Service } from "../service.ts";
import type { V1Stream } from "./client.ts";
import { createV1Http, type V1Http, type V1HttpRequest } from "./http.ts";

/** What went over the wire: method of HTTP, method of JSON-RPC where there is one, and the server that got it. */
export type Seen = readonly [string, string, number];

export interface Served {
  readonly url: string;
  readonly seen: Seen[];
  /** Breaks every connection. */
  cut(): void;
}

/** @param services each a process of its own; requests go to them in turn. The header `as` names the owner. */
export async function serve(...services: readonly Service[]): Promise<Served> {
  const fronts = services.map((service) => ({ service, http: createV1Http(service) }));
  const seen: Seen[] = [];
  let next = 0;
  const server = createServer((message, response) => {
    const turn = next++ % fronts.length;
    const front = fronts[turn];
    if (front !== undefined)
      void answer(front, message, response, (method, rpc) => seen.push([method, rpc, turn]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/mcp`, seen, cut: () => server.closeAllConnections() };
}

async function answer(
  { service, http }: { readonly service: Service; readonly http: V1Http },
  message: IncomingMessage,
  response: ServerResponse,
  see: (method: string, rpc: string) => void,
): Promise<void> {
  const responder = nodeResponder(response);
  const web = nodeRequest(message, responder.closed);
  const owner = web.header("as") ?? "local";
  const caller: Caller = { owner, session: undefined, clientName: undefined, headers: {} };
  const request: V1HttpRequest = { header: web.header, caller };
  const text = web.method === "POST" ? await web.readBody(1_000_000) : undefined;
  const body = text === undefined ? undefined : (JSON.parse(text) as { method?: string });
  see(web.method, body?.method ?? "");
  const route = await (web.method === "POST"
    ? http.post(request, body)
    : web.method === "GET"
      ? http.get(request)
      : http.delete(request));
  switch (route.to) {
    case "sdk": {
      const callerOf = (): Caller => caller;
      const sdk = legacyStatelessFallback(() => createSdkServer(service, { generation: "2025", callerOf }));
      const answered = await sdk(web.toWebRequest(body), { parsedBody: body });
      return sendWebResponse(responder, answered, answered.ok ? route.headers : {});
    }
    case "exchange": {
      const exchange = new HttpExchange({ request: route.request, caller, responder });
      if (route.streamed) exchange.keepAlive();
      return route.serve(exchange);
    }
    case "stream":
      return route.serve(openStream(caller, responder));
    case "answer":
      if (route.error !== undefined) {
        return sendJson(responder, route.status, { jsonrpc: "2.0", id: route.id, error: route.error });
      }
      responder.head(route.status, {});
      return responder.end();
  }
}

function openStream(caller: Caller, responder: HttpResponder): V1Stream {
  const exchange = new HttpExchange({ request: { id: 0, method: "", params: {} }, caller, responder });
  exchange.keepAlive();
  return {
    gone: responder.closed,
    notify: (method, params) => exchange.notify(method, params),
    keepAlive: () => exchange.keepAlive(),
    close: () => responder.end(),
  };
}

/** A client of SDK 1.x, connected, that knows tasks. */
export async function connect(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" }, { capabilities: {} });
  // What it complains of on the side must not end the test: a stream that is cut, an answer that it gave up.
  client.onerror = () => undefined;
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers },
    reconnectionOptions: {
      initialReconnectionDelay: 20,
      maxReconnectionDelay: 50,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 20,
    },
  });
  await client.connect(transport as Transport);
  onTestFinished(() => client.close());
  return client;
}
