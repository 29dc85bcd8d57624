/**
 * How a client of each generation asks the server, by hand: one POST for each request, by way of the load balancer, so
 * that any process may answer any of them. What is not answered in time, or not answered well, is asked again.
 */
import { readAnswer } from "../../clients/kinds/http-answer.ts";

export interface Answer {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

export type Generation = "2026-07-28" | "2025-11-25";

export class Wire {
  readonly #url: string;
  readonly generation: Generation;
  #session: string | undefined;
  #requests = 0;

  constructor(url: string, generation: Generation) {
    this.#url = url;
    this.generation = generation;
  }

  /** Its answer, or `undefined` where none came, or one that says to try again. */
  async ask(method: string, params: object, patienceMs = 4_000): Promise<Answer | undefined> {
    try {
      const answer = await this.#post(method, params, AbortSignal.timeout(patienceMs));
      return saysAgain(answer) ? undefined : answer;
    } catch {
      return undefined;
    }
  }

  async #post(method: string, params: object, signal: AbortSignal): Promise<Answer> {
    if (this.generation === "2026-07-28")
      return this.#send(method, this.#enveloped(params), signal, this.#named(method, params));
    this.#session ??= await this.#initialize(signal);
    return this.#send(method, params, signal, { "mcp-session-id": this.#session });
  }

  async #initialize(signal: AbortSignal): Promise<string> {
    const clientInfo = { name: "faults", version: "1.0.0" };
    const params = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo };
    const response = await this.#fetch("initialize", params, signal, {});
    const session = response.headers.get("mcp-session-id");
    const { error } = (await readAnswer(response)) as Answer;
    if (session === null || error !== undefined) throw new Error("no session");
    return session;
  }

  #enveloped(params: object): object {
    const capabilities = { extensions: { "io.modelcontextprotocol/tasks": {} }, elicitation: { form: {} } };
    const own = (params as { readonly _meta?: object })._meta;
    return {
      ...params,
      _meta: {
        ...own,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "faults", version: "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
      },
    };
  }

  #named(method: string, params: object): Record<string, string> {
    const { name, taskId } = params as { readonly name?: string; readonly taskId?: string };
    const named = method === "tools/call" ? name : taskId;
    return { "mcp-method": method, ...(named !== undefined && { "mcp-name": named }) };
  }

  async #send(method: string, params: object, signal: AbortSignal, headers: Record<string, string>) {
    return (await readAnswer(await this.#fetch(method, params, signal, headers))) as Answer;
  }

  #fetch(method: string, params: object, signal: AbortSignal, headers: Record<string, string>) {
    return fetch(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": this.generation,
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: ++this.#requests, method, params }),
      signal,
    });
  }
}

/** As a JSON-RPC error, or as the result of a tool. */
function saysAgain({ result, error }: Answer): boolean {
  if (error !== undefined) return error.code === -32_603 || error.message === "The server is shutting down";
  const [block] = (result?.["content"] ?? []) as readonly { readonly text?: string }[];
  return result?.["isError"] === true && /try again$|is shutting down$/.test(block?.text ?? "");
}
