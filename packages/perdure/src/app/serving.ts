/** What an author says of how tools are served, with the defaults filled in. */
import type { McpServer } from "@modelcontextprotocol/server";
import type { Question } from "../engine/context.ts";
import type { Runtime } from "../engine/runtime.ts";
import type { TaskTool } from "../engine/tool.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { JsonObject } from "../task/json.ts";
import type { Authenticate } from "../wire/http/authenticate.ts";
import { toObjectSchema, toQuestionSchema } from "../engine/json-schema.ts";
import {
  type GeneratedTool,
  generatedTools,
  type PlainContext,
  type PlainTool,
  type ServedTask,
  type Service,
  type WireSettings,
} from "../wire/service.ts";
import { type SessionOptions, toSessionSettings } from "../wire/session/caller-session.ts";
import { toCount } from "./declaration.ts";
import type { HostingProfile } from "./hosting.ts";
import { parseWith, type Schema } from "../engine/schema.ts";

export interface ServingOptions {
  /** Told to clients, for the model: how the tools belong together. */
  readonly instructions?: string;
  /**
   * The principal of a request, or `undefined` for a request without one (401). Without `auth` only loopback is
   * listened on, and everybody is the one principal `local`.
   */
  readonly auth?: Authenticate;
  /**
   * How long a plain call is held open before it is handed over. Default 50 s: most clients give up at 60. On AgentCore
   * (`hosting`) a client that asks for progress is held for 14 min, behind a Gateway for 4.5; more is never held there.
   */
  readonly hold?: Duration;
  /** After so long a silence a held call says that it is alive. Default 5 s. */
  readonly heartbeat?: Duration;
  /** Clients whose patience is known, by the name they give in `clientInfo`. */
  readonly clients?: readonly ClientOptions[];
  /** When a client is told to ask again, where the protocol has a field for it. Default 5 s. */
  readonly poll?: Duration;
  /** A larger result becomes a summary and a resource link. Bytes of its JSON without images and sound, default 100,000. */
  readonly maxResultBytes?: number;
  /** The generated tools: a prefix keeps two servers apart in one agent. */
  readonly tools?: GeneratedToolOptions;
  /** Request headers that handlers of plain tools may see. Default: none. */
  readonly headers?: readonly string[];
  /** How a caller names the session, memory and actor of its conversation, and which of them it may. */
  readonly session?: SessionOptions;
}

export interface ClientOptions {
  readonly name: string | RegExp;
  readonly hold?: Duration;
  readonly heartbeat?: Duration;
}

export interface GeneratedToolOptions {
  readonly prefix?: string;
  readonly names?: Partial<Record<GeneratedTool, string>>;
  readonly hide?: readonly GeneratedTool[];
}

/** What `app.task` takes beyond the task itself. */
export interface ServedTaskOptions {
  readonly title?: string;
  /** MCP's tool annotations: `readOnlyHint`, `destructiveHint`, … */
  readonly annotations?: JsonObject;
  /** As the application's, for this tool. */
  readonly hold?: Duration;
  readonly heartbeat?: Duration;
  /**
   * Whether the handler asks people (`ask`, `askAll`, `askUrl`). Then `answer_task` stands beside the tools, for clients
   * that know only tools. It is said here, and not found out, because the list of tools never changes while it is
   * served. Default false.
   */
  readonly asks?: boolean;
  /**
   * `"background"`: a plain call is handed over at once. `"task"`: a plain call is refused, because only a client that
   * knows tasks of the protocol is to use the tool. Default `"held"`.
   */
  readonly start?: "held" | "background" | "task";
  /** What a closed stream means on 2026-07-28. Default `"cancel"`, as the protocol has it. */
  readonly onDisconnect?: "cancel" | "continue";
  /**
   * Questions that are asked before there is a task, where a client can be asked so (2026-07-28): a person who declines
   * has started nothing. The handler asks the same, by `task.askAll(before)`: it has their answers at once where they
   * were given before, and asks them itself everywhere else. It implies `asks`.
   */
  readonly before?: Readonly<Record<string, Question>>;
  /** Whether an equal call joins the running task of a caller that was lost. Default true. */
  readonly rejoin?: boolean;
}

export interface PlainToolOptions<Input extends Schema = Schema, Output extends Schema = Schema> {
  readonly description: string;
  readonly input: Input;
  readonly output?: Output;
  readonly title?: string;
  readonly annotations?: JsonObject;
}

export interface Declarations {
  readonly tasks: ReadonlyMap<string, { readonly tool: TaskTool; readonly options: DeclaredOptions }>;
  readonly plainTools: ReadonlyMap<string, PlainTool>;
  readonly registrations: readonly ((server: McpServer) => void)[];
}

export type DeclaredOptions = ServedTaskOptions & { readonly input: Schema; readonly output?: Schema };

/** @throws PerdureError `INVALID_OPTION` */
export function toService(
  info: { readonly name: string; readonly version: string },
  options: ServingOptions,
  declarations: Declarations,
  runtime: Runtime,
  hosting: Partial<Pick<HostingProfile, "progressHoldMs" | "maxHoldMs">> = {},
): Service {
  const tasks = [...declarations.tasks].map(
    ([name, { tool, options: own }]) => [name, toServedTask(tool, own)] as const,
  );
  const settings = toWireSettings(options, toolNamesOf(options, declarations.tasks), hosting);
  const names = [...declarations.tasks.keys(), ...declarations.plainTools.keys()];
  for (const name of settings.toolNames.values()) {
    if (names.includes(name)) {
      throw new PerdureError("TOOL_EXISTS", {
        message: `${quote(name)} is the name of a generated tool. Set tools: { prefix } or rename yours.`,
      });
    }
  }
  return {
    ...info,
    instructions: options.instructions,
    runtime,
    tasks: new Map(tasks),
    plainTools: declarations.plainTools,
    registrations: declarations.registrations,
    settings,
  };
}

export function toPlainTool(
  name: string,
  options: PlainToolOptions,
  handler: (input: never, context: PlainContext) => unknown,
): PlainTool {
  const { input, output } = options;
  checkToolName(name, "the name of a tool");
  return {
    name,
    title: options.title,
    description: options.description,
    annotations: options.annotations,
    inputSchema: toObjectSchema(input, name),
    outputSchema: output === undefined ? undefined : toObjectSchema(output, name, "output"),
    parseInput: (value) => parseWith(input, value, "INVALID_INPUT", `the input of ${name}`),
    parseOutput: async (value) =>
      output === undefined ? value : parseWith(output, value, "INVALID_OUTPUT", `the result of ${name}`),
    handler: handler as PlainTool["handler"],
  };
}

function toServedTask(tool: TaskTool, options: DeclaredOptions): ServedTask {
  const setting = (key: string): string => `task ${quote(tool.name)}: ${key}`;
  const { hold, heartbeat, output, before } = options;
  for (const [name, { schema, url }] of Object.entries(before ?? {})) {
    if (url === undefined) toQuestionSchema(schema, name);
  }
  return {
    tool,
    title: options.title,
    annotations: options.annotations,
    inputSchema: toObjectSchema(options.input, tool.name),
    outputSchema: output === undefined ? undefined : toObjectSchema(output, tool.name, "output"),
    start: options.start ?? "held",
    holdMs: hold === undefined ? undefined : toMs(hold, setting("hold")),
    heartbeatMs: heartbeat === undefined ? undefined : toInterval(heartbeat, setting("heartbeat")),
    onDisconnect: options.onDisconnect ?? "cancel",
    before,
    rejoin: options.rejoin ?? true,
  };
}

/** The names of the generated tools that are shown. @throws PerdureError `INVALID_OPTION` */
export function toolNamesOf(
  options: ServingOptions,
  tasks: Declarations["tasks"],
): WireSettings["toolNames"] {
  const asks = [...tasks.values()].some(({ options: own }) => own.asks ?? own.before !== undefined);
  return toToolNames(options.tools ?? {}, asks);
}

function toWireSettings(
  options: ServingOptions,
  toolNames: WireSettings["toolNames"],
  { progressHoldMs, maxHoldMs }: Partial<Pick<HostingProfile, "progressHoldMs" | "maxHoldMs">>,
): WireSettings {
  return {
    holdMs: toMs(options.hold ?? "50s", "hold"),
    ...(options.hold === undefined && progressHoldMs !== undefined && { progressHoldMs }),
    ...(maxHoldMs !== undefined && { maxHoldMs }),
    heartbeatMs: toInterval(options.heartbeat ?? "5s", "heartbeat"),
    clients: (options.clients ?? []).map(({ name, hold, heartbeat }) => ({
      name,
      ...(hold !== undefined && { holdMs: toMs(hold, "clients: hold") }),
      ...(heartbeat !== undefined && { heartbeatMs: toInterval(heartbeat, "clients: heartbeat") }),
    })),
    pollMs: toInterval(options.poll ?? "5s", "poll"),
    maxResultBytes: toCount(options.maxResultBytes ?? 100_000, "maxResultBytes"),
    toolNames,
    allowedHeaders: new Set((options.headers ?? []).map((name) => name.toLowerCase())),
    session: toSessionSettings(options.session),
  };
}

/** Something is done again and again after it: not at once. */
function toInterval(duration: Duration, setting: string): number {
  return toCount(toMs(duration, setting), `${setting}, in milliseconds,`);
}

/** As the specification has it (tools, "Tool Names"). @throws PerdureError `INVALID_OPTION` */
function checkToolName(name: string, what: string): void {
  if (/^[A-Za-z0-9_.-]{1,128}$/.test(name)) return;
  throw new PerdureError("INVALID_OPTION", {
    message: `${what} must be 1 to 128 letters, digits, "_", "-" or "."; ${quote(name)} came.`,
  });
}

function toToolNames(
  { prefix = "", names = {}, hide = [] }: GeneratedToolOptions,
  asks: boolean,
): Map<GeneratedTool, string> {
  const shown = new Map<GeneratedTool, string>();
  for (const tool of generatedTools) {
    if (hide.includes(tool) || (tool === "answer_task" && !asks)) continue;
    shown.set(tool, names[tool] ?? prefix + tool);
  }
  for (const name of shown.values()) checkToolName(name, "tools: the name of a generated tool");
  if (new Set(shown.values()).size < shown.size) {
    throw new PerdureError("INVALID_OPTION", { message: "tools: two generated tools have the same name." });
  }
  return shown;
}
