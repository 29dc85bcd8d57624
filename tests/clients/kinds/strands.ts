/**
 * The MCP client of Strands, with `tasksConfig`. It never tells the id of a task, so what its user does when a wait broke
 * off is what a model would do: it looks into the list, and goes on with the generated tools.
 */
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { McpClient } from "@strands-agents/sdk";
import {
  type Access,
  type Arguments,
  type Call,
  type CallOptions,
  type Outcome,
  outcomeOf,
  type Person,
  persist,
} from "../client.ts";
import { Lasting } from "./lasting.ts";
import { type CallTool, outcomeByTools, RpcError, waitByTools } from "./plain-tools.ts";
import { sdk1Error } from "./sdk1-connection.ts";
import { ToolsClient } from "./tools-client.ts";

type McpTool = Awaited<ReturnType<McpClient["listTools"]>>[number];

export class Strands extends ToolsClient {
  readonly #access: Access;
  readonly #person: Person | undefined;
  readonly #connection: Lasting<{ client: McpClient; tools: Map<string, McpTool> }>;

  constructor(access: Access, person?: Person) {
    super();
    this.#access = access;
    this.#person = person;
    this.#connection = new Lasting(async () => {
      const client = new McpClient({ tasksConfig: { ttl: 12_000 }, ...asking(person), ...reach(access) });
      const tools = await client.listTools();
      return { client, tools: new Map(tools.map((tool) => [tool.name, tool])) };
    });
  }

  override call(tool: string, args: Arguments, { patienceMs }: CallOptions = {}): Call {
    const signal = patienceMs === undefined ? undefined : AbortSignal.timeout(patienceMs);
    const outcome = this.#outcome(tool, args, signal);
    const cancel = async (): Promise<void> => this.cancel(await this.#newest(tool));
    outcome.catch(() => undefined);
    return { tool, args, progress: [], outcome, cancel };
  }

  override async again({ tool }: Call): Promise<Outcome> {
    const taskId = await persist(() => this.#newest(tool));
    return persist(() => waitByTools(this.#callTool(), taskId, this.#person));
  }

  override async close(): Promise<void> {
    await (await this.#connection.current())?.client.disconnect();
  }

  protected override callTool(name: string, args: object): Promise<unknown> {
    return this.#callTool()(name, { ...args });
  }

  /** Its user is told no more than "Task … failed": the cause has to be asked for. */
  async #outcome(tool: string, args: Arguments, signal: AbortSignal | undefined): Promise<Outcome> {
    const outcome = await outcomeByTools(this.#callTool(signal), tool, args);
    const ended =
      outcome.kind === "error" ? /^Task (\S+) (failed|was cancelled)$/.exec(outcome.message) : null;
    if (ended?.[1] === undefined) return outcome;
    return ended[2] === "failed" ? this.result(ended[1]) : { kind: "cancelled" };
  }

  async #newest(tool: string): Promise<string> {
    const { structured } = outcomeOf(await this.#callTool()("list_tasks", {})) as Extract<
      Outcome,
      { kind: "result" }
    >;
    const tasks = structured?.["tasks"] as readonly { readonly task_id: string; readonly tool: string }[];
    const found = tasks.find((task) => task.tool === tool);
    if (found === undefined) throw new Error(`there is no task of ${tool} in the list`);
    return found.task_id;
  }

  #callTool(signal?: AbortSignal): CallTool {
    return async (name, args) => {
      const { client, tools } = await this.#connection.get();
      const tool = tools.get(name);
      if (tool === undefined) throw new Error(`there is no tool ${name}`);
      try {
        return await client.callTool(tool, { ...args } as never, signal === undefined ? {} : { signal });
      } catch (error) {
        const said = sdk1Error(error);
        // Whatever goes wrong in the SDK comes out as an internal error of it.
        const broke = said instanceof RpcError && said.code === -32_603 && !said.message.startsWith("Task ");
        if (!(said instanceof RpcError) || broke) this.#forget();
        throw broke ? new Error(said.message, { cause: error }) : said;
      }
    };
  }

  #forget(): void {
    if (this.#access.over === "stdio") this.#connection.forget();
  }
}

function asking(person: Person | undefined) {
  if (person === undefined) return {};
  return {
    elicitationCallback: async (_: unknown, { message }: { readonly message: string }) => ({
      ...(await person.answer(message)),
    }),
  };
}

function reach(access: Access) {
  if (access.over === "http")
    return { url: access.url, headers: { authorization: `Bearer ${access.token}` } };
  const { program, args } = access;
  return { transport: new StdioClientTransport({ command: program, args: [...args], stderr: "inherit" }) };
}
