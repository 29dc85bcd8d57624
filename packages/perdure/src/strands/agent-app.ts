/**
 * An agent on AgentCore Runtime: `POST /invocations` with `{ prompt, memory_id, actor_id }`, the session id in the
 * runtime's header, the answer as a stream of events, `GET /ping`.
 *
 * One agent lives for each session of an actor, and goes on living between its invocations; what its process forgets,
 * memory has. Invocations of one agent wait for each other.
 *
 * While an invocation runs, `/ping` says `HealthyBusy`, and its `time_of_last_update` follows what really happens: each
 * word of the model, each progress of a tool. A runtime takes a session that is busy and has not moved for long as lost,
 * and one that is stamped at every ping it never lets go.
 */
import type { Agent, AgentStreamEvent } from "@strands-agents/sdk";
import type { BedrockAgentCoreApp, BedrockAgentCoreAppConfig } from "bedrock-agentcore/runtime";
import { z } from "zod";
import { requirePlatform, toHosting } from "../app/hosting.ts";
import type { SessionContext } from "../task/record.ts";
import type { Authenticate } from "../wire/http/authenticate.ts";
import { Activity } from "./activity.ts";
import { AgentCoreSessionManager, type AgentCoreSessionManagerOptions } from "./session-manager.ts";

export interface AgentCall {
  /** A plugin of the agent. */
  readonly sessionManager: AgentCoreSessionManager;
  /** For `longCalls`: whose conversation it is. */
  readonly session: Required<SessionContext>;
  /**
   * A header of the invocation that runs, by its lower-case name: `authorization`, and the runtime's own that are
   * allow-listed. So a tool's server can be called in the name of whoever asks now.
   */
  readonly header: (name: string) => string | undefined;
}

export interface AgentAppOptions {
  /** Where the payload names none. */
  readonly memoryId?: string;
  /** Who asks, for example `platformAuth()`: the principal is the actor, and a payload that names another is refused. */
  readonly auth?: Authenticate;
  /** Of every session's manager. */
  readonly manager?: Omit<AgentCoreSessionManagerOptions, "memoryId" | "actorId" | "sessionId">;
  /** Of `BedrockAgentCoreApp`. */
  readonly config?: BedrockAgentCoreAppConfig;
  /** How many agents live at the same time; the one that was idle longest goes. Default 100. */
  readonly agents?: number;
}

/** The events of the answer. */
export type AgentAppEvent =
  | { readonly event: "text"; readonly data: { readonly text: string } }
  | { readonly event: "progress"; readonly data: { readonly progress: unknown } }
  | { readonly event: "result"; readonly data: { readonly text: string; readonly stop_reason: string } };

const payloadSchema = z.object({
  prompt: z.string().min(1),
  memory_id: z.string().optional(),
  actor_id: z.string().min(1).optional(),
});

type Headers = Readonly<Record<string, string>>;

interface Living {
  readonly agent: Promise<Agent>;
  /** The invocation that runs, and those that wait. */
  last: Promise<void>;
  /** Of the invocation that runs. */
  headers: Headers;
}

/**
 * `run({ port })` of what it resolves with begins to serve. Needs `bedrock-agentcore`.
 * @throws PerdureError `INVALID_OPTION` for `platformAuth()` where no hosting profile says that there is a platform
 */
export async function agentApp(
  makeAgent: (call: AgentCall) => Agent | Promise<Agent>,
  options: AgentAppOptions = {},
): Promise<BedrockAgentCoreApp> {
  const { BedrockAgentCoreApp: App } = await import("bedrock-agentcore/runtime");
  const { memoryId, auth, manager, config, agents = 100 } = options;
  requirePlatform(auth, toHosting(undefined), "anywhere");
  const living = new Map<string, Living>();

  const newOne = (session: Required<SessionContext>, headers: Headers): Living => {
    const place = { memoryId: session.memory, actorId: session.actor, sessionId: session.session };
    const current = { headers };
    const make = async (): Promise<Agent> => {
      const sessionManager = new AgentCoreSessionManager({ ...manager, ...place });
      return makeAgent({ session, sessionManager, header: (name) => current.headers[name] });
    };
    return Object.assign(current, { agent: make(), last: Promise.resolve() });
  };

  const agentOf = (session: Required<SessionContext>, headers: Headers): Living => {
    const key = JSON.stringify(session);
    const one = living.get(key) ?? newOne(session, headers);
    one.agent.catch(() => living.delete(key));
    living.delete(key);
    living.set(key, one);
    const [oldest] = living.keys();
    if (living.size > agents && oldest !== undefined) living.delete(oldest);
    return one;
  };

  const app = new App({
    ...(config !== undefined && { config }),
    invocationHandler: {
      requestSchema: payloadSchema as never,
      process: async function* (request: unknown, { sessionId, headers: given }: Invocation) {
        const { prompt, memory_id: memory = memoryId, actor_id: named } = payloadSchema.parse(request);
        const headers = Object.fromEntries(
          Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]),
        );
        const actor = await actorOf(named, auth, headers);
        if (memory === undefined)
          throw new Error("memory_id is missing in the payload, and there is no default.");
        const one = agentOf({ session: sessionId, memory, actor }, headers);
        const turn = Promise.withResolvers<void>();
        const before = one.last;
        one.last = turn.promise;
        const end = activity.begin();
        try {
          await before;
          one.headers = headers;
          yield* answered(await one.agent, prompt, () => activity.moved());
        } finally {
          end();
          turn.resolve();
        }
      },
    },
  });
  const activity = new Activity(app);
  return app;
}

interface Invocation {
  readonly sessionId: string;
  readonly headers: Headers;
}

async function actorOf(
  named: string | undefined,
  auth: Authenticate | undefined,
  headers: Headers,
): Promise<string> {
  if (auth === undefined) {
    if (named === undefined) throw new Error("actor_id is missing in the payload.");
    return named;
  }
  const request = { method: "POST", path: "/invocations", header: (name: string) => headers[name] };
  const principal = await auth(request);
  if (principal === undefined) throw new Error("The invocation is not authenticated.");
  if (named !== undefined && named !== principal)
    throw new Error("actor_id must be the principal of the invocation, or left out.");
  return principal;
}

async function* answered(agent: Agent, prompt: string, moved: () => void): AsyncGenerator<AgentAppEvent> {
  for await (const event of agent.stream(prompt)) {
    moved();
    const shown = toShown(event);
    if (shown !== undefined) yield shown;
  }
}

function toShown(event: AgentStreamEvent): AgentAppEvent | undefined {
  switch (event.type) {
    case "modelStreamUpdateEvent": {
      const { event: inner } = event;
      if (inner.type !== "modelContentBlockDeltaEvent" || inner.delta.type !== "textDelta") return undefined;
      return { event: "text", data: { text: inner.delta.text } };
    }
    case "toolStreamUpdateEvent":
      return { event: "progress", data: { progress: event.event.data } };
    case "agentResultEvent": {
      const { lastMessage, stopReason } = event.result;
      const texts = lastMessage.content.flatMap((block) => (block.type === "textBlock" ? [block.text] : []));
      return { event: "result", data: { text: texts.join("\n"), stop_reason: stopReason } };
    }
    default:
      return undefined;
  }
}
