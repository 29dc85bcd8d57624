/**
 * Strands' MCP client, for calls that take longer than a minute.
 *
 * As it is, it cuts every call after 60 s, whatever the server sends, and asks for no progress (1.19). Here each call has
 * a progress token and a time limit that starts anew with every sign of life, and progress comes out as Strands' own
 * stream events of tools. Each call can name the session of its caller, into which the server delivers what comes later.
 *
 * What is delivered is not waited for; what is not, the model could only ask after, again and again. So where no session
 * is named, or the server says that it will not deliver into it, the result is waited for as that of a task of
 * 2025-11-25, where the server offers those: through many short requests, so that no connection has to last.
 *
 * It is the same client that the agent is given, with its `listTools` replaced and, beneath, the two ways of the MCP SDK
 * to call a tool. When Strands does this itself, `longCalls` is taken away and nothing else changes.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { McpClient } from "@strands-agents/sdk";
import { type Duration, toMs } from "../task/duration.ts";
import type { SessionContext } from "../task/record.ts";
import { sessionMetaKey } from "../wire/session/named-ids.ts";
import { type CallResult, handedOver, toldOnce } from "./hand-over.ts";
import { type Report, type ToolProgress, withProgress } from "./progress-events.ts";
import { type SessionHeaderNames, SessionHeaders } from "./session-headers.ts";
import { callAsTask, resultOf } from "./task-call.ts";

export interface LongCallsOptions {
  /** How long a call may be silent. Default 2 min. */
  readonly idle?: Duration;
  /** How long a call may take. Default 15 min. */
  readonly total?: Duration;
  /**
   * Whose conversation it is: sent with every call, in `_meta["perdure/session"]`. Where the server says that it delivers
   * into it, a call that was handed over is over for the model: it is told that the result comes by itself.
   */
  readonly session?: SessionContext | (() => SessionContext | undefined);
  /** Headers that name the session too, for servers that know no `_meta`: `{ session: "X-Session" }`. Default: none. */
  readonly headers?: SessionHeaderNames;
  /**
   * Whether a tool is called as a task of 2025-11-25 where the server offers that: the agent then waits for the result,
   * up to `total`, over many short requests. Default: where the result does not come by itself, and always with
   * `tasksConfig` of Strands' client. A tool that can only be called as a task always is.
   */
  readonly asTask?: boolean;
  /**
   * The tools with which a model asks after its tasks, answers and cancels them: all that the server has, none, or those
   * that are named. Default all.
   */
  readonly taskTools?: boolean | readonly string[];
}

/** Behind whatever prefix the server or the client has put before them. */
const generated = /(^|[_.-])(check_task_status|get_task_results|cancel_task|list_tasks|answer_task)$/;

/**
 * The client itself, changed.
 * @throws PerdureError `INVALID_OPTION`
 */
export function longCalls(client: McpClient, options: LongCallsOptions = {}): McpClient {
  const { session, taskTools = true, asTask } = options;
  const idleMs = toMs(options.idle ?? "2m", "idle");
  const totalMs = toMs(options.total ?? "15m", "total");
  const headers = new SessionHeaders(options.headers ?? {});
  const reports = new AsyncLocalStorage<Report>();
  const sdk = client.client;
  const canAsk = isWanted("check_task_status", taskTools);

  const callTool = sdk.callTool.bind(sdk);
  const callBy =
    (asTaskByDefault: boolean) =>
    async (...[params, schema, given]: Parameters<typeof callTool>): Promise<CallResult> => {
      const begun = performance.now();
      const context = typeof session === "function" ? session() : session;
      const named = context === undefined ? {} : { [sessionMetaKey]: context };
      const report = reports.getStore();
      const request = {
        ...given,
        timeout: idleMs,
        maxTotalTimeout: totalMs,
        resetTimeoutOnProgress: true,
        // Without a handler the SDK sends no token, and the server no sign of life.
        onprogress: (progress: Omit<ToolProgress, "type">) => report?.({ type: "progress", ...progress }),
      };
      const call = withMeta(params, named);
      const offered = taskSupport(sdk, params.name);
      const isTask = asTask ?? (asTaskByDefault || context === undefined);
      return headers.with(sdk, context, async () => {
        if (offered === "required" || (offered === "optional" && isTask)) {
          return callAsTask(call, { sdk, options: request, totalMs });
        }
        const result = (await callTool(call, schema, request)) as CallResult;
        // What is said of a task that is asked after or answered is no hand-over, though it looks like one.
        const task = generated.test(params.name) ? undefined : handedOver(result);
        if (task === undefined) return result;
        // Whoever waits does not see a question; the model is told of it.
        if (offered === undefined || asTask === false || task.delivered || task.asks) {
          return toldOnce(result, task, canAsk);
        }
        const leftMs = Math.max(0, totalMs - (performance.now() - begun));
        return resultOf(task, { sdk, options: request, totalMs: leftMs });
      });
    };
  sdk.callTool = callBy(false) as typeof sdk.callTool;
  // What Strands calls where its client has `tasksConfig`.
  const callTask = callBy(true);
  sdk.experimental.tasks.callToolStream = async function* (...call: Parameters<typeof callTool>) {
    yield { type: "result", result: await callTask(...call) };
  } as typeof sdk.experimental.tasks.callToolStream;

  const listTools = client.listTools.bind(client);
  client.listTools = async (given) => {
    const tools = await listTools(given);
    for (const tool of tools) tool.stream = withProgress(tool, reports);
    return tools.filter(({ name }) => !generated.test(name) || isWanted(name, taskTools));
  };
  return client;
}

/** What names a trace (W3C), for which the protocol has a place in `_meta` of a request. */
const traceKeys = ["traceparent", "tracestate", "baggage"];

/**
 * Under telemetry Strands puts a trace into the arguments of the tool, as `_meta` (1.19): a strict schema refuses it, and
 * no two calls are equal. It belongs beside them. Nothing else goes there, since the model writes the arguments.
 */
function withMeta<Params extends Parameters<McpClient["client"]["callTool"]>[0]>(
  params: Params,
  named: Readonly<Record<string, unknown>>,
): Params {
  const { _meta: traced, ...args } = params.arguments ?? {};
  const trace = Object.entries(traced ?? {}).filter(([key]) => traceKeys.includes(key));
  const _meta = { ...Object.fromEntries(trace), ...params._meta, ...named };
  return {
    ...params,
    ...(traced !== undefined && { arguments: args }),
    ...(Object.keys(_meta).length > 0 && { _meta }),
  };
}

function isWanted(name: string, wanted: boolean | readonly string[]): boolean {
  return typeof wanted === "boolean" ? wanted : wanted.some((one) => name.endsWith(one));
}

/** The SDK knows it of the tools that it has listed. */
function taskSupport(sdk: McpClient["client"], name: string): "optional" | "required" | undefined {
  const inside = sdk as unknown as Partial<
    Record<"isToolTask" | "isToolTaskRequired", (name: string) => boolean>
  >;
  if (inside.isToolTaskRequired?.(name) === true) return "required";
  return inside.isToolTask?.(name) === true ? "optional" : undefined;
}
