/**
 * `@modelcontextprotocol/sdk` 1.32 without tasks: the call is held, told its progress, and taken up again by the SDK
 * itself where its connection breaks.
 */
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { Access, Person } from "../client.ts";
import { Sdk1Connection, sdk1Error } from "./sdk1-connection.ts";
import { HeldClient } from "./tools-client.ts";

export class Sdk1Held extends HeldClient {
  readonly #connection: Sdk1Connection;

  constructor(access: Access, person?: Person) {
    super();
    this.#connection = new Sdk1Connection(access, "sdk1-held", person);
  }

  override close(): Promise<void> {
    return this.#connection.close();
  }

  protected override async callTool(
    name: string,
    args: object,
    options: RequestOptions = {},
  ): Promise<unknown> {
    try {
      const client = await this.#connection.client();
      return await client.callTool({ name, arguments: { ...args } }, undefined, options);
    } catch (error) {
      throw sdk1Error(error);
    }
  }
}
