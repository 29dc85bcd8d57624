/**
 * `@modelcontextprotocol/client` 2.4 alone, on 2026-07-28: it declares no extension, so its calls are held. On this
 * generation the end of a call's stream is its cancellation; work that is to outlast it has a tool that says so.
 */
import {
  Client,
  ProtocolError,
  type RequestOptions,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import {
  type Access,
  type Arguments,
  type Call,
  type CallOptions,
  Lost,
  type Outcome,
  persist,
  type TestClient,
} from "../client.ts";
import {
  type CallTool,
  cancelByTools,
  listByTools,
  outcomeByTools,
  resultByTools,
  RpcError,
  statusByTools,
} from "./plain-tools.ts";

export class Client2Held implements TestClient {
  readonly #access: Access;
  #client: Promise<Client> | undefined;

  constructor(access: Access) {
    this.#access = access;
  }

  call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): Call {
    const stop = new AbortController();
    const progress: string[] = [];
    const waiting: RequestOptions = {
      timeout: patienceMs ?? 12_000,
      resetTimeoutOnProgress: patienceMs === undefined,
      signal: stop.signal,
      onprogress: ({ message }) => void progress.push(message ?? ""),
    };
    const outcome = outcomeByTools(this.#callTool(waiting), tool, args).catch((error: unknown): Outcome => {
      if (stop.signal.aborted) return { kind: "cancelled" };
      throw error;
    });
    outcome.catch(() => undefined);
    return { tool, args, progress, outcome, cancel: async () => stop.abort("the user pressed stop") };
  }

  again({ tool, args }: Call): Promise<Outcome> {
    return persist(() => this.call(tool, args).outcome);
  }

  status(taskId: string): Promise<string> {
    return statusByTools(this.#callTool(), taskId);
  }

  result(taskId: string): Promise<Outcome> {
    return resultByTools(this.#callTool(), taskId);
  }

  cancel(taskId: string): Promise<void> {
    return cancelByTools(this.#callTool(), taskId);
  }

  list(): Promise<readonly string[]> {
    return listByTools(this.#callTool());
  }

  leave(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  #callTool(options: RequestOptions = {}): CallTool {
    return async (name, args) => {
      try {
        return await (await this.#connected()).callTool({ name, arguments: args }, options);
      } catch (error) {
        if (error instanceof ProtocolError) throw new RpcError(error.code, error.message, error.data);
        throw new Lost(String(error), { cause: error });
      }
    };
  }

  async #connected(): Promise<Client> {
    this.#client ??= this.#connect();
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }

  async #connect(): Promise<Client> {
    const client = new Client(
      { name: "client2-held", version: "1.0.0" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    await client.connect(transportFor(this.#access));
    Object.assign(client, { onclose: () => (this.#client = undefined) });
    await client.listTools();
    return client;
  }
}

function transportFor(access: Access) {
  if (access.over === "stdio") {
    return new StdioClientTransport({ command: access.program, args: [...access.args], stderr: "inherit" });
  }
  const requestInit = { headers: { authorization: `Bearer ${access.token}` } };
  return new StreamableHTTPClientTransport(new URL(access.url), { requestInit });
}
