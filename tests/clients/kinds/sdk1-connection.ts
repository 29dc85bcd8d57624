/** A connection of `@modelcontextprotocol/sdk` 1.32, made anew when the one before is gone. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ErrorCode,
  McpError,
} from "@modelcontextprotocol/sdk/types.js";
import { type Access, Lost, type Person, sampled } from "../client.ts";
import { Lasting } from "./lasting.ts";
import { RpcError } from "./plain-tools.ts";
import { capabilitiesOf } from "./tools-client.ts";

export class Sdk1Connection {
  readonly #connection: Lasting<Client>;

  constructor(access: Access, name: string, person?: Person) {
    this.#connection = new Lasting(async (gone) => {
      const client = clientOf(name, person);
      await client.connect(transportFor(access));
      Object.assign(client, { onclose: gone });
      await client.listTools();
      return client;
    });
  }

  /** Has listed the tools, as hosts do: from then on it checks what comes against the output schemas. */
  client(): Promise<Client> {
    return this.#connection.get();
  }

  async close(): Promise<void> {
    await (await this.#connection.current())?.close();
  }
}

function clientOf(name: string, person: Person | undefined): Client {
  const client = new Client({ name, version: "1.0.0" }, { capabilities: capabilitiesOf(person) });
  if (person === undefined) return client;
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    ...(await person.answer(params.message)),
  }));
  const { model } = person;
  if (model !== undefined) client.setRequestHandler(CreateMessageRequestSchema, () => sampled(model));
  return client;
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
