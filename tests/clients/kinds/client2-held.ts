/**
 * `@modelcontextprotocol/client` 2.4 alone, on 2026-07-28: it declares no extension, so its calls are held. On this
 * generation the end of a call's stream is its cancellation; work that is to outlast it has a tool that says so.
 */
import { type Client, ProtocolError, type RequestOptions } from "@modelcontextprotocol/client";
import { type Access, Lost, type Person } from "../client.ts";
import { client2, transport2 } from "./client2-connection.ts";
import { Lasting } from "./lasting.ts";
import { RpcError } from "./plain-tools.ts";
import { HeldClient } from "./tools-client.ts";

export class Client2Held extends HeldClient {
  readonly #connection: Lasting<Client>;

  constructor(access: Access, person?: Person) {
    super();
    this.#connection = new Lasting(async (gone) => {
      const client = client2("client2-held", person);
      await client.connect(transport2(access));
      Object.assign(client, { onclose: gone });
      await client.listTools();
      return client;
    });
  }

  override async close(): Promise<void> {
    await (await this.#connection.current())?.close();
  }

  protected override async callTool(
    name: string,
    args: object,
    options: RequestOptions = {},
  ): Promise<unknown> {
    try {
      const client = await this.#connection.get();
      return await client.callTool({ name, arguments: { ...args } }, options);
    } catch (error) {
      if (error instanceof ProtocolError) throw new RpcError(error.code, error.message, error.data);
      throw new Lost(String(error), { cause: error });
    }
  }
}
