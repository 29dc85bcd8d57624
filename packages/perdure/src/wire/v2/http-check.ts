/**
 * What the Streamable HTTP transport asks of a request beyond its body: that its headers say the same, so that proxies
 * can route without reading bodies. The SDK makes these checks, but exports only those that compare what is there, and
 * not those that something is there at all: these few lines.
 * Source: 2026-07-28, transports, "Standard Request Headers"; the extension, "Routing Headers".
 */
import { isJsonContentType } from "@modelcontextprotocol/server";
import type { JsonObject, JsonValue } from "../../task/json.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Service } from "../service.ts";
import { revision } from "./envelope.ts";
import type { V2Front } from "./front.ts";
import { type HeaderParameter, headerParameters } from "./header-parameters.ts";
import { RequestCheck } from "./request-check.ts";

export interface HttpHead {
  readonly method: string;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
}

export class HttpCheck {
  readonly #requests: RequestCheck;
  /** Of each tool that has any. */
  readonly #headerParameters = new Map<string, readonly HeaderParameter[]>();

  constructor(service: Service, front: Pick<V2Front, "takes">) {
    this.#requests = new RequestCheck(front);
    for (const [name, { inputSchema }] of [...service.tasks, ...service.plainTools]) {
      const parameters = headerParameters(inputSchema);
      if (parameters.length > 0) this.#headerParameters.set(name, parameters);
    }
  }

  /** The request, where it is for the front; `undefined`: hand it to the SDK, with its parsed body. */
  taken(head: HttpHead, body: unknown): JsonRpcRequest | undefined {
    // The cheapest first: a client of 2025 is seen by its header, before anything is parsed.
    if (trimmed(head.header("mcp-protocol-version")) !== revision) return undefined;
    if (head.method !== "POST" || !isJsonContentType(head.header("content-type"))) return undefined;
    const request = this.#requests.taken(body);
    if (request === undefined) return undefined;
    if (trimmed(head.header("mcp-method")) !== request.method) return undefined;
    return this.#namesAgree(head, request) ? request : undefined;
  }

  #namesAgree(head: HttpHead, { method, params }: JsonRpcRequest): boolean {
    if (method === "subscriptions/listen") return true;
    const name = params[method === "tools/call" ? "name" : "taskId"];
    // Without a name in the body there is nothing to compare, and the front refuses the request.
    if (typeof name === "string" && decoded(head.header("mcp-name")) !== name) return false;
    if (method !== "tools/call" || typeof name !== "string") return true;
    const parameters = this.#headerParameters.get(name) ?? [];
    return parameters.every((parameter) => agrees(head, parameter, params["arguments"]));
  }
}

function agrees(head: HttpHead, { header, path }: HeaderParameter, input: JsonValue | undefined): boolean {
  const value = path.reduce<JsonValue | undefined>(
    (node, key) => (typeof node === "object" && node !== null ? (node as JsonObject)[key] : undefined),
    input,
  );
  if (value === undefined || value === null || typeof value === "object") return true;
  const said = decoded(head.header(header));
  return typeof value === "number" ? said !== undefined && Number(said) === value : said === String(value);
}

/** A header's value, which may be `=?base64?…?=` where it holds what a header cannot. */
function decoded(value: string | undefined): string | undefined {
  const text = trimmed(value);
  if (text?.startsWith("=?base64?") !== true || !text.endsWith("?=")) return text;
  const base64 = text.slice("=?base64?".length, -"?=".length);
  const bytes = Buffer.from(base64, "base64");
  // Buffer takes what is not quite base64; only the one true form comes back the same.
  if (bytes.toString("base64") !== base64) return undefined;
  const string = bytes.toString("utf8");
  return Buffer.from(string, "utf8").equals(bytes) ? string : undefined;
}

function trimmed(value: string | undefined): string | undefined {
  return value?.replace(/^[ \t]+|[ \t]+$/g, "");
}
