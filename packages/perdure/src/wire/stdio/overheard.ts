/**
 * What a client says of itself to the SDK's server on the same connection: the manners that a front needs to know. It
 * is overheard, not answered.
 */
import { nanoid } from "nanoid";
import { asObject, type JsonObject } from "../../task/json.ts";
import type { V1Session, V1Stream } from "../v1/client.ts";

type Id = string | number;

export class Overheard implements V1Session {
  readonly id = undefined;
  readonly stream: V1Stream;
  protocolVersion: string | undefined;
  clientName: string | undefined;
  logLevel: string | undefined;
  capabilities: JsonObject = {};
  /** Of this connection: another one is another client. */
  readonly askedAs = nanoid(16);
  #initialize: Id | undefined;

  constructor(stream: V1Stream) {
    this.stream = stream;
  }

  request(id: Id, method: string, params: JsonObject): void {
    if (method === "initialize") {
      const name = asObject(params["clientInfo"])?.["name"];
      this.clientName = typeof name === "string" ? name : undefined;
      this.capabilities = asObject(params["capabilities"]) ?? {};
      this.#initialize = id;
    } else if (method === "logging/setLevel") {
      const { level } = params;
      if (typeof level === "string") this.logLevel = level;
    }
  }

  /** The answer says which version was agreed on. */
  result(id: Id, result: JsonObject): void {
    if (id !== this.#initialize) return;
    this.#initialize = undefined;
    const { protocolVersion } = result;
    if (typeof protocolVersion === "string") this.protocolVersion = protocolVersion;
  }
}
