/**
 * One agent's conversation, in its own list of messages and in AgentCore Memory: what the agent says goes to the one, what
 * others have written comes from there. How is said elsewhere: `session-reader.ts` what is news, `session-writer.ts` how
 * it is kept, `history.ts` what makes a history, `agent-state.ts` what becomes of the agent's state.
 *
 * Two processes may lead the same conversation at the same time: each has the other's messages as it has those of tasks,
 * before its next turn.
 */
import { randomUUID } from "node:crypto";
import type { LocalAgent, Message, MessageData } from "@strands-agents/sdk";
import {
  agentIdKey,
  type ConverseMessage,
  formatSessionMarker,
  sessionMarkerMetadata,
  type SessionMessage,
} from "../agentcore/session-format.ts";
import type { Logger } from "../engine/logger.ts";
import type { Clock } from "../task/clock.ts";
import { AgentState } from "./agent-state.ts";
import { toConverse } from "./converse.ts";
import { arrange, awaitsResults, lastOf, toHistory } from "./history.ts";
import { MessageList } from "./message-list.ts";
import type { SessionEvents } from "./session-events.ts";
import { type Heard, type Look, SessionReader, writerKey } from "./session-reader.ts";
import { SessionWriter } from "./session-writer.ts";

export interface ConversationParts {
  readonly agent: LocalAgent;
  readonly agentId: string;
  readonly sessionId: string;
  readonly events: SessionEvents;
  readonly window: number;
  /** How long an invocation waits for memory, before it and after it. */
  readonly waitMs: number;
  readonly clock: Clock;
  /** For what happens in the background. */
  readonly retryClock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Of Strands, which is loaded by who has it. */
  readonly toMessage: (data: MessageData) => Message;
}

const requestMs = 10_000;

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #reader: SessionReader;
  readonly #writer: SessionWriter;
  readonly #state: AgentState;
  readonly #list: MessageList;
  #restored = false;
  /** Of the message said last: its tracking id, and how many of its blocks are written. */
  #last = { trackingId: "", blocks: 0 };
  #firstSaidAt: number | undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    const { agent, agentId, events, window, clock, retryClock, random, logger, toMessage } = parts;
    const self = randomUUID();
    const metadata = { [agentIdKey]: { stringValue: agentId }, [writerKey]: { stringValue: self } };
    this.#reader = new SessionReader({ events, agentId, self, window, logger, toMessage });
    this.#writer = new SessionWriter({ events, metadata, clock, retryClock, random, logger, requestMs });
    this.#state = new AgentState({ agent, agentId, writer: this.#writer, self, clock });
    this.#list = new MessageList(agent, toMessage);
  }

  /** Brings in what is new in memory. Never throws: an agent answers without its memory, too. */
  async catchUp(): Promise<void> {
    const { logger, sessionId } = this.#parts;
    try {
      this.#take(await this.#inTime(async (signal) => this.#reader.look(signal)));
    } catch (error) {
      logger.warn(
        { err: error, session: sessionId },
        "AgentCore Memory cannot be read; the agent goes on with what it knows, and looks again next time",
      );
    }
  }

  /** A message that was added to the agent's own list. */
  said(message: Message): void {
    const known = message.trackingId === this.#last.trackingId ? this.#last.blocks : 0;
    const fresh = { role: message.role, content: message.content.slice(known) };
    this.#list.joinLast(message);
    this.#last = { trackingId: message.trackingId, blocks: this.#list.last?.content.length ?? 0 };
    if (fresh.content.length === 0) return;
    this.#firstSaidAt ??= this.#parts.clock.now();
    this.#writer.say({
      name: message.trackingId,
      message: this.#envelope(toConverse(fresh)),
      callsTool: fresh.content.some(({ type }) => type === "toolUseBlock"),
    });
  }

  /** A guardrail has put something else in the place of the user's last message. */
  redacted(): void {
    const { last } = this.#list;
    if (last?.role !== "user") return;
    const shown = toConverse(last);
    this.#last = { trackingId: last.trackingId, blocks: last.content.length };
    this.#writer.withdraw(last.trackingId, { ...this.#envelope(shown), redactMessage: shown });
  }

  /** Keeps the agent's state, and waits a while for what is being written. */
  async settle(): Promise<void> {
    const { clock, waitMs, logger } = this.#parts;
    const begun = clock.now();
    // What was never read may have a state that is not to be overwritten.
    if (this.#restored && this.#state.isChanged) {
      const look = this.#inTime(async (signal) => this.#reader.latestState(signal));
      this.#state.adopt(await look.catch(() => []));
      this.#state.keep();
    }
    if (await this.#writer.flush(Math.max(0, waitMs - (clock.now() - begun)))) return;
    const waiting = this.#writer.waiting;
    logger.warn(
      { waiting },
      "AgentCore Memory has not taken everything yet; it is tried on in the background",
    );
  }

  /** `true`: all is kept. */
  async flush(ms: number): Promise<boolean> {
    return this.#writer.flush(ms);
  }

  /** As long as an invocation waits; what comes later is nobody's. */
  async #inTime<T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, waitMs } = this.#parts;
    const limit = new AbortController();
    const aborted = Promise.withResolvers<never>();
    const timer = clock.after(waitMs, () => {
      const late = new Error(`AgentCore Memory did not answer within ${waitMs} ms`);
      limit.abort(late);
      aborted.reject(late);
    });
    const looking = look(limit.signal);
    looking.catch(() => undefined);
    try {
      return await Promise.race([looking, aborted.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** In one go, so that nothing is half taken. */
  #take(look: Look): void {
    this.#writer.seen(look.newest);
    const news = this.#reader.took(look);
    if (!this.#restored) return this.#restore(news, look);
    this.#state.adopt(look.states);
    this.#append(news);
  }

  #restore(news: readonly Heard[], { session, states }: Look): void {
    const { window, sessionId, clock } = this.#parts;
    const own = [...this.#list.all];
    // The agent has talked before its memory could be read: what was there comes before that.
    const until = this.#firstSaidAt ?? Number.POSITIVE_INFINITY;
    const earlier = news.filter(({ event }) => event.at < until);
    const history = lastOf(toHistory(earlier.flatMap(({ messages }) => messages)), window);
    this.#list.prepend(history);
    for (const { event } of earlier) this.#reader.remember(event);
    this.#restored = true;
    this.#append(news.filter((one) => !earlier.includes(one)));
    if (!session) {
      const now = new Date(clock.now()).toISOString();
      const begun = { sessionId, createdAt: now, updatedAt: now };
      this.#writer.mark(formatSessionMarker(begun), sessionMarkerMetadata);
    }
    this.#state.restore(states);
    // Given to the agent when it was made, and not in memory: the beginning of a new conversation.
    if (this.#firstSaidAt === undefined && history.length === 0)
      for (const message of own) this.said(message);
  }

  /** Behind what the agent knows, whenever it was written. */
  #append(news: readonly Heard[]): void {
    if (this.#list.isInCall) return;
    const all = news.flatMap(({ messages }) => messages);
    const complete = news.filter(
      ({ messages }) => !messages.some((message) => awaitsResults(all, all.indexOf(message))),
    );
    for (const { event } of complete) this.#reader.remember(event);
    this.#list.append(arrange(complete.flatMap(({ messages }) => messages)));
  }

  /** No two of this writer have the same time: so they differ, whatever they say. */
  #envelope(message: ConverseMessage): SessionMessage {
    const at = new Date(this.#writer.stamp()).toISOString();
    return { message, messageId: 0, createdAt: at, updatedAt: at };
  }
}
