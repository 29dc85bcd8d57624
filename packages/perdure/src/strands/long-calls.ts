/**
 * Strands' MCP client, for calls that take longer than a minute.
 *
 * As it is, it cuts every call after 60 s, whatever the server sends, and asks for no progress (1.19). Here each call has
 * a progress token and a time limit that starts anew with every sign of life, and progress comes out as Strands' own
 * stream events of tools. Each call can name the session of its caller, into which the server delivers what comes later.
 *
 * It is the same client that the agent is given, with two methods replaced: `listTools` and, beneath, the MCP SDK's
 * `callTool`. When Strands does this itself, `longCalls` is taken away and nothing else changes.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { McpClient, ToolContext, ToolStreamGenerator } from "@strands-agents/sdk";
import { type Duration, toMs } from "../task/duration.ts";
import type { SessionContext } from "../task/record.ts";
import { sessionMetaKey } from "../wire/session/named-ids.ts";
import { type CallResult, toldOnce } from "./hand-over.ts";
import { callAsTask } from "./task-call.ts";

export interface LongCallsOptions {
  /** How long a call may be silent. Default 2 min. */
  readonly idle?: Duration;
  /** How long a call may take. Default 15 min. */
  readonly total?: Duration;
  /**
   * Whose conversation it is: sent with every call, in `_meta["perdure/session"]`. The server is to deliver into that
   * session: a call that was handed over is then over for the model, and its result comes by itself.
   */
  readonly session?: SessionContext | (() => SessionContext | undefined);
  /**
   * Whether a tool is called as a task of 2025-11-25 where the server offers that: the agent then waits for the result,
   * up to `total`, over many short requests. Default: where no session is named, so that waiting is the only way to it.
   */
  readonly asTask?: boolean;
  /**
   * The tools with which a model asks after its tasks, answers and cancels them: all that the server has, none, or those
   * that are named. Default all.
   */
  readonly taskTools?: boolean | readonly string[];
}

/** What a tool's stream event holds in `data`. */
export interface ToolProgress {
  readonly type: "progress";
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

type Tools = Awaited<ReturnType<McpClient["listTools"]>>;
type Report = (progress: ToolProgress) => void;

/** Behind whatever prefix the server or the client has put before them. */
const generated = /(^|[_.-])(check_task_status|get_task_results|cancel_task|list_tasks|answer_task)$/;

/**
 * The client itself, changed. Not for one with `tasksConfig`, which goes another way.
 * @throws PerdureError `INVALID_OPTION`
 */
export function longCalls(client: McpClient, options: LongCallsOptions = {}): McpClient {
  const { session, taskTools = true, asTask = session === undefined } = options;
  const idleMs = toMs(options.idle ?? "2m", "idle");
  const totalMs = toMs(options.total ?? "15m", "total");
  const reports = new AsyncLocalStorage<Report>();
  const sdk = client.client;

  const callTool = sdk.callTool.bind(sdk);
  const callLong = async (...[params, schema, given]: Parameters<typeof callTool>): Promise<CallResult> => {
    const context = typeof session === "function" ? session() : session;
    const named = context === undefined ? {} : { _meta: { ...params._meta, [sessionMetaKey]: context } };
    const report = reports.getStore();
    const request = {
      ...given,
      timeout: idleMs,
      maxTotalTimeout: totalMs,
      resetTimeoutOnProgress: true,
      // Without a handler the SDK sends no token, and the server no sign of life.
      onprogress: (progress: Omit<ToolProgress, "type">) => report?.({ type: "progress", ...progress }),
    };
    const call = { ...params, ...named };
    if (asTask && offersTasks(sdk, params.name)) return callAsTask(sdk, call, request, totalMs);
    const result = (await callTool(call, schema, request)) as CallResult;
    return context === undefined ? result : toldOnce(result);
  };
  sdk.callTool = callLong as typeof sdk.callTool;

  const listTools = client.listTools.bind(client);
  client.listTools = async (given) => {
    const tools = await listTools(given);
    for (const tool of tools) tool.stream = withProgress(tool, reports);
    return tools.filter(({ name }) => !generated.test(name) || isWanted(name, taskTools));
  };
  return client;
}

function isWanted(name: string, wanted: boolean | readonly string[]): boolean {
  return typeof wanted === "boolean" ? wanted : wanted.some((one) => name.endsWith(one));
}

/** The SDK knows it of the tools that it has listed. */
function offersTasks(sdk: McpClient["client"], name: string): boolean {
  const inside = sdk as unknown as { isToolTask?: (name: string) => boolean };
  return inside.isToolTask?.(name) ?? false;
}

const ended = () => "ended" as const;

/** The tool's own stream, with progress between its events. */
function withProgress(tool: Tools[number], reports: AsyncLocalStorage<Report>): Tools[number]["stream"] {
  const stream = tool.stream.bind(tool);
  return async function* streamWithProgress(context: ToolContext): ToolStreamGenerator {
    const { ToolStreamEvent } = await import("@strands-agents/sdk");
    const waiting: ToolProgress[] = [];
    let wake = Promise.withResolvers<void>();
    const report: Report = (progress) => {
      waiting.push(progress);
      wake.resolve();
    };
    const events = reports.run(report, () => stream(context));
    while (true) {
      const next = reports.run(report, async () => events.next());
      const over = next.then(ended, ended);
      while ((await Promise.race([wake.promise, over])) !== "ended") {
        wake = Promise.withResolvers();
        for (const data of waiting.splice(0)) yield new ToolStreamEvent({ data });
      }
      for (const data of waiting.splice(0)) yield new ToolStreamEvent({ data });
      const event = await next;
      if (event.done === true) return event.value;
      yield event.value;
    }
  };
}
