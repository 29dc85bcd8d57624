/**
 * A Strands plugin that keeps an agent's conversation in AgentCore Memory, in the format of Python's
 * `AgentCoreMemorySessionManager`: what one restores, the other has written.
 *
 * It restores when the agent starts, writes each message as it is added, and before every invocation brings in what
 * others wrote meanwhile, such as the result of a task: also into an agent that has been living all along. The agent
 * never waits long for its memory, and never fails with it.
 */
import type { BedrockAgentCoreClient } from "@aws-sdk/client-bedrock-agentcore";
import type { LocalAgent, Plugin } from "@strands-agents/sdk";
import { pino } from "pino";
import type { Logger } from "../engine/logger.ts";
import { type Clock, systemClock } from "../task/clock.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { Conversation } from "./conversation.ts";
import { SessionEvents, type SessionPlace } from "./session-events.ts";

export interface AgentCoreSessionManagerOptions extends SessionPlace {
  /** Default: one of the AWS SDK, with region, credentials and endpoint of the environment. */
  readonly client?: BedrockAgentCoreClient;
  /** Keeps agents of one session apart. Default: the agent's own `id`. */
  readonly agentId?: string;
  /** How many messages are restored at most; some more where the last turn is longer. Default 100. */
  readonly window?: number;
  /** How long an invocation waits for memory, before it and after it. Default 5 s. */
  readonly wait?: Duration;
  /** A pino logger is one. Default: pino, to stderr. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** What metadata of an event may hold. */
const agentIdPattern = /^[a-zA-Z0-9\s._:/=+@-]{1,256}$/;

export class AgentCoreSessionManager implements Plugin {
  readonly name = "perdure:agentcore-session-manager";
  readonly #options: AgentCoreSessionManagerOptions;
  readonly #events: SessionEvents;
  readonly #waitMs: number;
  readonly #logger: Logger;
  readonly #conversations: Conversation[] = [];

  /** @throws PerdureError `INVALID_OPTION` */
  constructor(options: AgentCoreSessionManagerOptions) {
    const { window = 100, wait = "5s", logger } = options;
    if (!(window >= 1)) throw invalid(`window: 1 or more messages were expected, ${window} came.`);
    this.#options = options;
    this.#waitMs = toMs(wait, "wait");
    this.#logger =
      logger ?? pino({ name: "perdure", level: "warn" }, pino.destination({ dest: 2, sync: true }));
    this.#events = new SessionEvents(options, options.client);
  }

  async initAgent(agent: LocalAgent): Promise<void> {
    const { window = 100, clock = systemClock, random = Math.random, sessionId } = this.#options;
    const { agentId = agent.id } = this.#options;
    if (!agentIdPattern.test(agentId)) {
      throw invalid(`agentId: ${agentIdPattern.source} was expected, ${quote(agentId)} came.`);
    }
    const strands = await import("@strands-agents/sdk");
    const conversation = new Conversation({
      agent,
      agentId,
      sessionId,
      events: this.#events,
      window,
      waitMs: this.#waitMs,
      clock,
      retryClock: this.#options.clock ?? backgroundClock,
      random,
      logger: this.#logger,
      toMessage: (data) => strands.Message.fromMessageData(data),
    });
    this.#conversations.push(conversation);
    agent.addHook(strands.InitializedEvent, async () => conversation.catchUp());
    agent.addHook(strands.BeforeInvocationEvent, async () => conversation.catchUp());
    agent.addHook(strands.MessageAddedEvent, ({ message }) => {
      this.#unharmed(() => conversation.said(message));
    });
    agent.addHook(strands.AfterModelCallEvent, ({ stopData }) => {
      if (stopData?.redaction !== undefined) this.#unharmed(() => conversation.redacted());
    });
    agent.addHook(strands.AfterInvocationEvent, async () => conversation.settle());
  }

  /** Before a process ends. `true`: everything that was said is kept. */
  async flush(timeout: Duration = "30s"): Promise<boolean> {
    const ms = toMs(timeout, "timeout");
    const kept = await Promise.all(this.#conversations.map(async (one) => one.flush(ms)));
    return kept.every(Boolean);
  }

  /** An agent does not fail because something cannot be kept. */
  #unharmed(keep: () => void): void {
    try {
      keep();
    } catch (error) {
      this.#logger.error({ err: error }, "a message cannot be kept in AgentCore Memory");
    }
  }
}

/** What waits to be tried again does not hold the process: `flush` is for that. */
const backgroundClock: Clock = {
  now: () => systemClock.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.max(0, ms));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

function invalid(message: string): PerdureError {
  return new PerdureError("INVALID_OPTION", { message: `AgentCoreSessionManager: ${message}` });
}
