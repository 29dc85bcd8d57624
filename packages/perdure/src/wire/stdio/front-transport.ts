/**
 * A transport of the SDK with our fronts before it: it takes the messages that are about durable tasks, answers them
 * itself, and lets the rest through to the server that is connected to it.
 *
 * Each message shows its generation: one of 2026-07-28 carries the revision in its `_meta`; any other is of 2025. So
 * nothing has to be known of the connection, and a message of ours may be its very first. A request that is not
 * perfect in its form goes to the SDK, which refuses it in its own words; only what nobody behind this transport would
 * understand (`tasks/*` with a broken envelope) is refused here, as the SDK's own ladder has it.
 */
import {
  classifyInboundRequest,
  type JSONRPCMessage,
  type MessageExtraInfo,
  PROTOCOL_VERSION_META_KEY,
  type Transport,
  type TransportSendOptions,
} from "@modelcontextprotocol/server";
import { asObject, type JsonObject, type JsonValue } from "../../task/json.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller, Service } from "../service.ts";
import { createV1Front, type V1Front } from "../v1/front.ts";
import { createV2Front, type V2Front } from "../v2/front.ts";
import { RequestCheck } from "../v2/request-check.ts";
import { MessageExchange } from "./message-exchange.ts";
import { Overheard } from "./overheard.ts";

export interface ConnectionEvents {
  /** Is told the first message that asks for more than who the server is. */
  readonly onUse?: () => void;
  /** Is told the end of the connection before the requests that wait on it are. */
  readonly onEnd?: () => void;
}

export interface FrontTransportOptions extends ConnectionEvents {
  /** Who sent a message. */
  readonly callerOf: (extra: MessageExtraInfo | undefined) => Caller;
  /** Tools that the server behind lists without saying that they can be tasks. */
  readonly markTools?: ReadonlySet<string>;
}

type Id = string | number;

/** With these a client asks who the server is. */
const introductions = new Set(["initialize", "server/discover", "ping"]);

export class FrontTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport["onmessage"];
  readonly #inner: Transport;
  readonly #service: Service;
  readonly #options: FrontTransportOptions;
  readonly #v1: V1Front;
  readonly #v2: V2Front;
  readonly #v2Check: RequestCheck;
  readonly #open = new Map<Id, MessageExchange>();
  readonly #listens = new Set<Promise<void>>();
  readonly #gone = new AbortController();
  readonly #session: Overheard;
  /** `tools/list` that the server behind has not answered yet. */
  readonly #toolLists = new Set<Id>();
  #used = false;

  constructor(inner: Transport, service: Service, options: FrontTransportOptions) {
    this.#inner = inner;
    this.#service = service;
    this.#options = options;
    this.#v1 = createV1Front(service);
    this.#v2 = createV2Front(service);
    this.#v2Check = new RequestCheck(this.#v2);
    this.#session = new Overheard({
      gone: this.#gone.signal,
      notify: (method, params) => this.#send({ jsonrpc: "2.0", method, params }),
      ask: (request) => this.#send({ jsonrpc: "2.0", ...request }),
      prime: () => undefined,
      keepAlive: () => undefined,
      close: () => undefined,
    });
  }

  async start(): Promise<void> {
    const listener: Pick<Transport, "onmessage" | "onerror" | "onclose"> = {
      onmessage: (message, extra) => {
        this.#noteUse(message);
        if (!this.#tryTake(message, extra)) this.onmessage?.(message, extra);
      },
      onerror: (error) => this.onerror?.(error),
      onclose: () => this.#end(),
    };
    Object.assign(this.#inner, listener);
    await this.#inner.start();
  }

  #noteUse(message: JSONRPCMessage): void {
    if (this.#used || ("method" in message && introductions.has(message.method))) return;
    this.#used = true;
    this.#options.onUse?.();
  }

  #end(): void {
    this.#options.onEnd?.();
    const closed = new Error("the connection was closed");
    this.#gone.abort(closed);
    for (const exchange of this.#open.values()) exchange.leave(closed);
    this.onclose?.();
  }

  /** Open listens end with their result; whoever waits for a task is left. */
  async close(): Promise<void> {
    this.#v2.close();
    await Promise.all(this.#listens);
    await this.#inner.close();
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#inner.send(this.#onSend(message), options);
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  get hasPerRequestStream(): boolean {
    return this.#inner.hasPerRequestStream ?? false;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  setSupportedProtocolVersions(versions: string[]): void {
    this.#inner.setSupportedProtocolVersions?.(versions);
  }

  /** Of transports over HTTP; the SDK looks for it, its type does not name it. */
  setScopeChallengeResolver(resolver: unknown): void {
    const inner = this.#inner as { setScopeChallengeResolver?(resolver: unknown): void };
    inner.setScopeChallengeResolver?.(resolver);
  }

  /** What the client says of itself, as far as it was heard. */
  get clientName(): string | undefined {
    return this.#session.clientName;
  }

  /** A message that was for us and could not be taken is answered, and goes nowhere else. */
  #tryTake(message: JSONRPCMessage, extra: MessageExtraInfo | undefined): boolean {
    try {
      return this.#take(message, extra);
    } catch (error) {
      this.#service.runtime.logger.error({ err: error }, "a request could not be answered");
      if (!("id" in message)) return true;
      const { id } = message;
      this.#send({ jsonrpc: "2.0", id, error: { code: -32_603, message: "Internal error" } });
      return true;
    }
  }

  /** Whether the message is for us. */
  #take(message: JSONRPCMessage, extra: MessageExtraInfo | undefined): boolean {
    if (!("method" in message)) return this.#takeAnswer(message, extra);
    const params = (message.params ?? {}) as JsonObject;
    if (!("id" in message)) {
      if (message.method === "notifications/initialized") this.#push(extra);
      return message.method === "notifications/cancelled" && this.#cancel(params);
    }
    if (asObject(params["_meta"])?.[PROTOCOL_VERSION_META_KEY] !== undefined) {
      return this.#take2026({ id: message.id, method: message.method, params }, message, extra);
    }
    this.#session.request(message.id, message.method, params);
    if (message.method === "tools/list") this.#toolLists.add(message.id);
    const request = this.#v1.claim(message, this.#session);
    if (request === undefined) return false;
    void this.#v1.serve(this.#exchange(request, extra), this.#session);
    return true;
  }

  #push(extra: MessageExtraInfo | undefined): void {
    this.#v1.push(this.#options.callerOf(extra).owner, this.#session, this.#session.stream);
  }

  #takeAnswer(message: JSONRPCMessage, extra: MessageExtraInfo | undefined): boolean {
    const response = this.#v1.claimAnswer(message);
    if (response === undefined) return false;
    const { owner } = this.#options.callerOf(extra);
    void this.#v1.answered(owner, this.#session, response);
    return true;
  }

  #take2026(request: JsonRpcRequest, message: JSONRPCMessage, extra: MessageExtraInfo | undefined): boolean {
    const taken = this.#v2Check.taken(message);
    if (taken !== undefined) {
      const served = this.#v2.serve(this.#exchange(taken, extra));
      if (taken.method === "subscriptions/listen") this.#keepListen(served);
      return true;
    }
    if (!this.#v2.takes(request)) return false;
    const route = classifyInboundRequest({ httpMethod: "POST", body: message });
    if (route.kind !== "reject") return false;
    const { code, message: said, data } = route;
    this.#exchange(request, extra).error({
      code,
      message: said,
      ...(data !== undefined && { data: data as JsonValue }),
    });
    return true;
  }

  #keepListen(served: Promise<void>): void {
    this.#listens.add(served);
    void served.finally(() => this.#listens.delete(served));
  }

  #cancel({ requestId, reason }: JsonObject): boolean {
    const exchange = this.#open.get(requestId as Id);
    if (exchange === undefined) return false;
    exchange.leave(typeof reason === "string" ? reason : "the client cancelled the request");
    return true;
  }

  #exchange(request: JsonRpcRequest, extra: MessageExtraInfo | undefined): MessageExchange {
    const exchange: MessageExchange = new MessageExchange({
      request,
      caller: this.#options.callerOf(extra),
      send: (message) => this.#send(message, { relatedRequestId: request.id }),
      onOver: () => {
        if (this.#open.get(request.id) === exchange) this.#open.delete(request.id);
      },
    });
    this.#open.set(request.id, exchange);
    return exchange;
  }

  /** A client that is gone is told nothing; that it is, `onclose` says. */
  #send(message: object, options?: TransportSendOptions): void {
    this.#inner.send(message as JSONRPCMessage, options).catch((error: unknown) => {
      this.#service.runtime.logger.debug({ err: error }, "a message could not be sent");
    });
  }

  /** Overhears an answer of the server behind, and completes its list of tools. */
  #onSend(message: JSONRPCMessage): JSONRPCMessage {
    if ("method" in message || message.id === undefined) return message;
    const listed = this.#toolLists.delete(message.id);
    if (!("result" in message)) return message;
    const result = message.result as JsonObject;
    this.#session.result(message.id, result);
    const { markTools } = this.#options;
    if (!listed || markTools === undefined || !Array.isArray(result["tools"])) return message;
    const tools = result["tools"].map((tool: { readonly name: string }) =>
      markTools.has(tool.name) ? { ...tool, execution: { taskSupport: "optional" } } : tool,
    );
    return { ...message, result: { ...result, tools } };
  }
}
