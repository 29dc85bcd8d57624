/**
 * A client that knows nothing of tasks, written by hand on 2025-06-18: it waits for one answer as long as it has
 * patience, and calls again where there was none.
 */
import {
  type Access,
  type Arguments,
  type Call,
  type CallOptions,
  Lost,
  type Outcome,
  type Person,
  persist,
} from "../client.ts";
import { readAnswer } from "./http-answer.ts";
import { type CallTool, outcomeByTools, RpcError, waitByTools } from "./plain-tools.ts";
import { cancelledBy, ToolsClient } from "./tools-client.ts";

/** Most clients have 60 s; the tools under test have less to do. */
const patience = 6_000;

interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params: object;
}

export class RawHttp extends ToolsClient {
  readonly #url: string;
  readonly #token: string;
  readonly #person: Person | undefined;
  #sessionId: Promise<string> | undefined;
  #requests = 0;

  constructor(access: Access, person?: Person) {
    super();
    if (access.over !== "http") throw new Error("it is a client over HTTP");
    this.#person = person;
    this.#url = access.url;
    this.#token = access.token;
  }

  override call(tool: string, args: Arguments, { patienceMs = patience }: CallOptions = {}): Call {
    const id = ++this.#requests;
    const progress: string[] = [];
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(patienceMs)]);
    let asked = false;
    const callTool: CallTool = (name, given) => {
      const own = asked ? ++this.#requests : id;
      asked = true;
      return this.#callTool(name, given, own, signal, progress);
    };
    const call: { taskId?: string } = {};
    const outcome = cancelledBy(
      stop.signal,
      outcomeByTools(callTool, tool, args, this.#person, (taskId) => (call.taskId = taskId)),
    );
    const cancel = async (): Promise<void> => {
      const params = { requestId: id, reason: "the user pressed stop" };
      await (await this.#post({ method: "notifications/cancelled", params }, signal)).body?.cancel();
      stop.abort();
    };
    return Object.assign(call, { tool, args, progress, outcome, cancel });
  }

  /** Once it was told the id of its task, it goes on with that. */
  override again(lost: Call & { readonly taskId?: string }): Promise<Outcome> {
    const { taskId } = lost;
    if (taskId === undefined) return super.again(lost);
    return persist(() => waitByTools(this.tools, taskId, this.#person));
  }

  override async close(): Promise<void> {
    // Every request stands for itself, on a connection of its own.
  }

  protected override callTool(name: string, args: object): Promise<unknown> {
    return this.#callTool(name, args, ++this.#requests, AbortSignal.timeout(patience), []);
  }

  async #callTool(
    name: string,
    args: object,
    id: number,
    signal: AbortSignal,
    progress: string[],
  ): Promise<unknown> {
    const params = { name, arguments: args, _meta: { progressToken: id } };
    try {
      const response = await this.#post({ id, method: "tools/call", params }, signal);
      const answer = await readAnswer(response, ({ method, params: told }) => {
        if (method === "notifications/progress") progress.push(String(told["message"]));
      });
      return resultOf(answer);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      throw new Lost(String(error), { cause: error });
    }
  }

  async #post(request: Request, signal: AbortSignal): Promise<Response> {
    this.#sessionId ??= this.#initialize();
    try {
      return await this.#send(request, signal, { "mcp-session-id": await this.#sessionId });
    } catch (error) {
      await this.#sessionId.catch(() => (this.#sessionId = undefined));
      throw error;
    }
  }

  async #initialize(): Promise<string> {
    const clientInfo = { name: "raw-http", version: "1.0.0" };
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
    const signal = AbortSignal.timeout(patience);
    const response = await this.#send({ id: ++this.#requests, method: "initialize", params }, signal, {});
    resultOf(await readAnswer(response));
    return response.headers.get("mcp-session-id") ?? "";
  }

  #send(request: Request, signal: AbortSignal, more: Record<string, string>): Promise<Response> {
    return fetch(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${this.#token}`,
        "mcp-protocol-version": "2025-06-18",
        ...more,
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...request }),
      signal,
    });
  }
}

function resultOf(answer: unknown): unknown {
  const { result, error } = answer as {
    readonly result?: unknown;
    readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  };
  if (error !== undefined) throw new RpcError(error.code, error.message, error.data);
  return result;
}
