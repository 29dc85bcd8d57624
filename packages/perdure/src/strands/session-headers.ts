/**
 * The session of a call in headers of its requests, for servers that know no `_meta`. Strands' client makes its transport
 * itself and takes headers only then; those of a call have to come with the call. So the transport's `fetch` is wrapped,
 * where the MCP SDK keeps it (1.25 to 1.32), and finds the call that a request is of by its asynchronous context.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { McpClient } from "@strands-agents/sdk";
import { PerdureError } from "../task/errors.ts";
import type { SessionContext } from "../task/record.ts";

/** Names of headers. */
export type SessionHeaderNames = Readonly<Partial<Record<keyof SessionContext, string>>>;

/** Of `StreamableHTTPClientTransport`. */
const [urlKey, fetchKey] = ["_url", "_fetch"] as const;
type HttpTransport = { readonly [urlKey]: URL; [fetchKey]: typeof fetch | undefined };

export class SessionHeaders {
  readonly #names: SessionHeaderNames;
  readonly #calls = new AsyncLocalStorage<SessionContext>();
  readonly #wrapped = new WeakSet<object>();

  constructor(names: SessionHeaderNames) {
    this.#names = names;
  }

  /** @throws PerdureError `INVALID_OPTION` where the transport has no headers */
  async with<T>(
    client: McpClient["client"],
    session: SessionContext | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    if (session === undefined || Object.keys(this.#names).length === 0) return call();
    this.#wrap(client.transport);
    return this.#calls.run(session, call);
  }

  #wrap(transport: object | undefined): void {
    if (transport === undefined || this.#wrapped.has(transport)) return;
    if (!(urlKey in transport && fetchKey in transport)) {
      throw new PerdureError("INVALID_OPTION", {
        message: "longCalls: headers need a client with a url; this one's transport has no headers.",
      });
    }
    const http = transport as HttpTransport;
    const given = http[fetchKey] ?? fetch;
    http[fetchKey] = async (input, init) => {
      const session = this.#calls.getStore();
      // The same `fetch` goes to the server that authenticates the client.
      const isOfCall = input instanceof URL && input.href === http[urlKey].href;
      if (session === undefined || !isOfCall) return given(input, init);
      const headers = new Headers(init?.headers);
      for (const [name, value] of this.#named(session)) headers.set(name, value);
      return given(input, { ...init, headers });
    };
    this.#wrapped.add(transport);
  }

  #named(session: SessionContext): [name: string, value: string][] {
    return (["session", "memory", "actor"] as const).flatMap((field): [string, string][] => {
      const [name, value] = [this.#names[field], session[field]];
      return name === undefined || value === undefined ? [] : [[name, value]];
    });
  }
}
