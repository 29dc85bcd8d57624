/**
 * An MCP server, by its URL, as the commands use it: through tools, which every server has.
 *
 * Spoken is the generation 2025-11-25, on which a closed connection is no cancellation: so Ctrl-C can leave a call, and
 * what it began goes on.
 */
import {
  type CallToolResult,
  Client,
  ProtocolError,
  type RequestOptions,
  SdkError,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Tool,
} from "@modelcontextprotocol/client";
import { Readable } from "node:stream";
import type { JsonObject } from "../task/json.ts";
import type { GeneratedTool } from "../wire/service.ts";
import { CommandError, exitCodes } from "./exit.ts";
import { printable } from "./output.ts";

export interface Credentials {
  /** Names the environment variable that holds the token: an argument would be seen by every user of the machine. */
  readonly bearer?: string;
  /** `NAME=VARIABLE`, for the same reason. */
  readonly header?: readonly string[];
}

/** A day; who waits for a call has Ctrl-C. */
const patienceMs = 86_400_000;

export class Connection {
  readonly url: string;
  readonly #client: Client;
  readonly #headers: Record<string, string>;
  #tools: readonly Tool[] | undefined;

  private constructor(url: string, client: Client, headers: Record<string, string>) {
    this.url = url;
    this.#client = client;
    this.#headers = headers;
  }

  /** @throws CommandError `usage`, `unreachable` */
  static async open(url: string, credentials: Credentials): Promise<Connection> {
    const target = parseUrl(url);
    const headers = headersOf(credentials);
    const client = new Client({ name: "perdure-cli", version: "0.1.0" });
    const transport = new StreamableHTTPClientTransport(target, { requestInit: { headers } });
    await reach(url, () => client.connect(transport));
    return new Connection(url, client, headers);
  }

  async tools(): Promise<readonly Tool[]> {
    this.#tools ??= (await reach(this.url, () => this.#client.listTools())).tools;
    return this.#tools;
  }

  /** @throws CommandError `usage` */
  async tool(name: string): Promise<Tool> {
    const tools = await this.tools();
    const tool = tools.find((candidate) => candidate.name === name);
    if (tool !== undefined) return tool;
    const names = tools.map((candidate) => printable(candidate.name)).join(", ");
    throw new CommandError(exitCodes.usage, `${this.url} has no tool "${name}"; it has ${names || "none"}.`);
  }

  /** The generated tool, which may have a prefix. `undefined` where the server has none. @throws CommandError `usage` */
  async generated(name: GeneratedTool): Promise<string | undefined> {
    const names = (await this.tools()).map((tool) => tool.name);
    if (names.includes(name)) return name;
    const found = names.filter((candidate) => candidate.endsWith(name));
    if (found.length < 2) return found[0];
    throw new CommandError(
      exitCodes.usage,
      `several tools of ${this.url} end in ${name}: ${found.join(", ")}.`,
    );
  }

  /** @throws CommandError `failed` for a JSON-RPC error, `unreachable` */
  async call(name: string, input: JsonObject, options: RequestOptions = {}): Promise<CallToolResult> {
    return reach(this.url, () =>
      this.#client.callTool({ name, arguments: { ...input } }, { timeout: patienceMs, ...options }),
    );
  }

  /** A resource that is text. @throws CommandError `failed`, `unreachable` */
  async readText(uri: string): Promise<string> {
    const { contents } = await reach(this.url, () => this.#client.readResource({ uri }));
    const [first] = contents;
    return first !== undefined && "text" in first ? first.text : "";
  }

  /** What lies beside the endpoint, as a stream. @throws CommandError `notFound`, `failed`, `unreachable` */
  async download(path: string): Promise<Readable> {
    const target = new URL(this.url);
    target.pathname = `${target.pathname.replace(/\/$/, "")}/${path}`;
    const response = await reach(this.url, () => fetch(target, { headers: this.#headers }));
    if (response.ok && response.body !== null) return Readable.fromWeb(response.body);
    await response.body?.cancel();
    if (response.status === 404) throw new CommandError(exitCodes.notFound, `${target.href} is not there.`);
    throw new CommandError(exitCodes.failed, `${target.href} was answered with ${response.status}.`);
  }

  /** Resolves when the server answers: what was sent before, a notification for one, has left by then. */
  async ping(): Promise<void> {
    await reach(this.url, () => this.#client.ping({ timeout: 5_000 }));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed;
  throw new CommandError(exitCodes.usage, `a URL like http://127.0.0.1:8000/mcp is needed; "${url}" came.`);
}

/** @throws CommandError `usage`. What was given is not repeated: it may be the secret itself. */
function headersOf({ bearer, header = [] }: Credentials): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of header) {
    const [name = "", variable = ""] = pair.split("=", 2);
    headers[name.trim()] = secretIn(variable.trim(), "--header takes NAME=VARIABLE, where VARIABLE");
  }
  if (bearer !== undefined) {
    headers["authorization"] = `Bearer ${secretIn(bearer, "--bearer takes VARIABLE, which")}`;
  }
  return headers;
}

function secretIn(variable: string, option: string): string {
  const value = process.env[variable];
  if (value !== undefined && value !== "") return value;
  throw new CommandError(
    exitCodes.usage,
    `${option} is the name of an environment variable that holds the secret. There is none of the given name.`,
  );
}

/** Does it, and says in one line why not. */
async function reach<T>(url: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explain(url, error);
  }
}

function explain(url: string, error: unknown): unknown {
  if (error instanceof ProtocolError) {
    const message = `the server answered with an error: ${printable(error.message)} (${error.code})`;
    return new CommandError(exitCodes.failed, message, { cause: error });
  }
  if (error instanceof SdkHttpError && (error.status === 401 || error.status === 403)) {
    const message = `${url} refused the request (${error.status}). Give a token with --bearer VARIABLE, or a header with --header.`;
    return new CommandError(exitCodes.unreachable, message, { cause: error });
  }
  const code = causeCode(error);
  if (code !== undefined || error instanceof SdkError || error instanceof TypeError) {
    const why = code ?? printable((error as Error).message.split("\n")[0] ?? "");
    const message = `${url} cannot be reached (${why}). Is the server running, and is the path right (/mcp)?`;
    return new CommandError(exitCodes.unreachable, message, { cause: error });
  }
  return error;
}

/** `fetch` hides what happened in its cause. */
function causeCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && /^[A-Z][A-Z_]{3,}$/.test(at.code)) return at.code;
  }
  return undefined;
}
