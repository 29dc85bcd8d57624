/** A connection of `@modelcontextprotocol/sdk` 1.32, made anew when the one before is gone. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";
import { type Access, Lost } from "../client.ts";
import { RpcError } from "./plain-tools.ts";

export class Sdk1Connection {
  readonly #access: Access;
  readonly #name: string;
  #client: Promise<Client> | undefined;

  constructor(access: Access, name: string) {
    this.#access = access;
    this.#name = name;
  }

  /** Has listed the tools, as hosts do: from then on it checks what comes against the output schemas. */
  async client(): Promise<Client> {
    this.#client ??= this.#connect();
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  async #connect(): Promise<Client> {
    const client = new Client({ name: this.#name, version: "1.0.0" });
    await client.connect(transportFor(this.#access));
    Object.assign(client, { onclose: () => (this.#client = undefined) });
    await client.listTools();
    return client;
  }
}

function transportFor(access: Access): Transport {
  if (access.over === "stdio") {
    return new StdioClientTransport({ command: access.program, args: [...access.args], stderr: "inherit" });
  }
  const transport = new StreamableHTTPClientTransport(new URL(access.url), {
    requestInit: { headers: { authorization: `Bearer ${access.token}` } },
    // As it ships: 1 s at first, and only twice.
    reconnectionOptions: {
      initialReconnectionDelay: 100,
      reconnectionDelayGrowFactor: 1.2,
      maxReconnectionDelay: 500,
      maxRetries: 20,
    },
  });
  return transport;
}

const brokenOff: ReadonlySet<number> = new Set([ErrorCode.ConnectionClosed, ErrorCode.RequestTimeout]);

/** Tells an answer of the server from a wait that broke off. */
export function sdk1Error(error: unknown): Error {
  if (!(error instanceof McpError)) return new Lost(String(error), { cause: error });
  if (brokenOff.has(error.code)) {
    return new Lost(error.message, { cause: error });
  }
  return new RpcError(error.code, error.message.replace(/^MCP error -?\d+: /, ""), error.data);
}
