/** What a gateway changes in a message of MCP, on its way to the target and back. */

export interface Message {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
}

export type ToTarget =
  | { readonly message: Message; /** Of the tool, as the target has it. */ readonly name?: string }
  | { /** What the gateway answers itself. */ readonly refusal: Record<string, unknown> };

const separator = "___";
const clientCapabilities = "io.modelcontextprotocol/clientCapabilities";

/** What AWS lists as forwarded. Notifications, and answers to the server's own requests, always are. */
const methods = new Set([
  "initialize",
  "server/discover",
  "ping",
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/read",
  "resources/templates/list",
]);

export function toTarget(message: Message, target: string): ToTarget {
  const { id, method } = message;
  if (method === undefined || id === undefined) return { message };
  if (!methods.has(method)) return { refusal: rpcError(id, -32601, `A gateway does not forward ${method}.`) };
  const { task: _task, ...params } = message.params ?? {};
  const plain = { ...message, ...(message.params !== undefined && { params: withoutExtensions(params) }) };
  if (method !== "tools/call") return { message: plain };
  const called = params["name"];
  const prefix = target + separator;
  if (typeof called !== "string" || !called.startsWith(prefix))
    return { refusal: rpcError(id, -32602, `Unknown tool: ${String(called).slice(0, 200)}`) };
  const name = called.slice(prefix.length);
  return { message: { ...plain, params: { ...plain.params, name } }, name };
}

/** The gateway is the target's client, and has none. */
function withoutExtensions(params: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { _meta, capabilities } = params as Readonly<
    Record<string, Readonly<Record<string, unknown>> | undefined>
  >;
  const declared = _meta?.[clientCapabilities];
  return {
    ...params,
    ...(capabilities !== undefined && { capabilities: plainCapabilities(capabilities) }),
    ...(declared !== undefined && { _meta: { ..._meta, [clientCapabilities]: plainCapabilities(declared) } }),
  };
}

function plainCapabilities(capabilities: unknown): unknown {
  if (typeof capabilities !== "object" || capabilities === null) return capabilities;
  const {
    tasks: _tasks,
    extensions: _extensions,
    ...plain
  } = capabilities as Readonly<Record<string, unknown>>;
  return plain;
}

/** @param asked the request that this answers */
export function toClient(message: Message, asked: Message, target: string): Message {
  const { result } = message;
  if (result === undefined || message.id !== asked.id) return message;
  if (asked.method !== "tools/list")
    return { ...message, result: { ...result, capabilities: plainCapabilities(result["capabilities"]) } };
  const tools = Array.isArray(result["tools"])
    ? (result["tools"] as readonly { readonly name?: unknown }[])
    : [];
  const renamed = tools.map((tool) => ({ ...tool, name: `${target}${separator}${String(tool.name)}` }));
  return { ...message, result: { ...result, tools: renamed } };
}

export function rpcError(id: Message["id"], code: number, message: string): Record<string, unknown> {
  return { jsonrpc: "2.0", id: id ?? null, error: { code, message } };
}
