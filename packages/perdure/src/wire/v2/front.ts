/**
 * The front of protocol generation 2026-07-28: calls of the application's tools and all that is about durable tasks,
 * answered straight from the record, whatever carries them.
 *
 * It *delegates on doubt*: only a request that is certainly its own and well formed is taken. Everything else goes to
 * the official SDK, which refuses it in its own words, so that no rule of the protocol is written twice. (The SDK
 * cannot answer these itself: it has no task runtime on the server side, and its pipeline costs several times what the
 * whole answer does.)
 */
import type { ServerEventBus } from "@modelcontextprotocol/server";
import type { JsonObject } from "../../task/json.ts";
import { internalError, isShutdown } from "../call/internal-error.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../service.ts";
import { ToolCalls } from "./call-tool.ts";
import { Listens, taskFilter } from "./listen.ts";
import { serveTaskMethod, taskMethods } from "./task-methods.ts";

export interface V2Front {
  /** Whether a request is one of ours, going by its method and parameters. Its envelope is checked elsewhere. */
  takes(request: { readonly method: string; readonly params: JsonObject }): boolean;
  /** Answers a request that is taken. Never rejects. Resolves when the exchange is over. */
  serve(exchange: Exchange): Promise<void>;
  /** Ends the open listens. */
  close(): void;
}

export interface V2FrontOptions {
  /** `bus` of the SDK's handler: a listen for tasks may ask for list changes too. */
  readonly bus?: ServerEventBus;
  /** How many listens may be open at once. Default 10,000. */
  readonly maxListens?: number;
}

export function createV2Front(service: Service, { bus, maxListens = 10_000 }: V2FrontOptions = {}): V2Front {
  const calls = new ToolCalls(service);
  const listens = new Listens(service, { bus, maxListens });

  function answer(exchange: Exchange): Promise<void> {
    const { method } = exchange.request;
    if (method === "subscriptions/listen") return listens.serve(exchange);
    if (taskMethods.has(method)) return serveTaskMethod(service, exchange);
    if (method === "tools/call") return calls.serve(exchange);
    throw new Error(`${method} is not for this front`);
  }

  return {
    takes({ method, params }) {
      if (method === "tools/call") return calls.takes(params);
      if (method === "subscriptions/listen") return taskFilter(params) !== undefined;
      return taskMethods.has(method);
    },
    async serve(exchange) {
      try {
        await answer(exchange);
      } catch (error) {
        const level = isShutdown(error) ? "debug" : "error";
        service.runtime.logger[level]({ err: error, method: exchange.request.method }, "a request failed");
        exchange.error(internalError(error));
      }
    },
    close: () => listens.close(),
  };
}
