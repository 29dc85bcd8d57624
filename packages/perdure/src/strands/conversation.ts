/**
 * One agent's conversation, in its own list of messages and in AgentCore Memory.
 *
 * Everything in memory is known by its event id, and what is said twice under two ids by its text: an envelope holds the
 * time of its making. Events of other agents in the session, by the agent id in their metadata, are theirs; what bears
 * no agent id (Python's messages, and what tasks deliver) is everybody's. Events of this very process are recognised by
 * a name that it gives itself, because one may be in memory while its writing is still being waited for.
 */
import { createHash, randomUUID } from "node:crypto";
import type { LocalAgent, Message, MessageData } from "@strands-agents/sdk";
import {
  type AgentMarker,
  agentIdKey,
  agentMarkerMetadata,
  type ConverseMessage,
  formatAgentMarker,
  formatSessionMarker,
  parseItem,
  sessionMarkerMetadata,
  type SessionMessage,
  shownMessage,
  stateTypeKey,
} from "../agentcore/session-format.ts";
import { deliveryKey } from "../agentcore/session-rest.ts";
import type { Logger } from "../engine/logger.ts";
import type { Clock } from "../task/clock.ts";
import { fromConverse, toConverse } from "./converse.ts";
import { arrange, awaitsResults, lastOf, toHistory } from "./history.ts";
import type { SessionEvents, StoredEvent } from "./session-events.ts";
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

const writerKey = "writer";
/** An event may come to lie before others that were read: so far back is looked again. */
const lateMs = 15 * 60_000;
const requestMs = 10_000;

interface Heard {
  readonly event: StoredEvent;
  readonly messages: readonly MessageData[];
}

interface Look {
  readonly heard: readonly Heard[];
  readonly session: boolean;
  readonly marker: AgentMarker | undefined;
  readonly newest: number;
  readonly whole: boolean;
}

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #writer: SessionWriter;
  readonly #self = randomUUID();
  readonly #ids = new Set<string>();
  readonly #texts = new Set<string>();
  #restored = false;
  #newest = 0;
  #marker: AgentMarker | undefined;
  #markedState: string | undefined;
  /** Of the message said last: its tracking id, and how many of its blocks are written. */
  #last = { trackingId: "", blocks: 0 };
  #firstSaidAt: number | undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    const { events, clock, retryClock, random, logger } = parts;
    const metadata = {
      [agentIdKey]: { stringValue: parts.agentId },
      [writerKey]: { stringValue: this.#self },
    };
    this.#writer = new SessionWriter({ events, metadata, clock, retryClock, random, logger, requestMs });
  }

  /** Brings in what is new in memory. Never throws: an agent answers without its memory, too. */
  async catchUp(): Promise<void> {
    const { clock, waitMs, logger } = this.#parts;
    const limit = new AbortController();
    const timer = clock.after(waitMs, () =>
      limit.abort(new Error(`AgentCore Memory did not answer within ${waitMs} ms`)),
    );
    const aborted = new Promise<never>((_, reject) =>
      limit.signal.addEventListener("abort", () => reject(limit.signal.reason as Error)),
    );
    const looking = this.#look(limit.signal);
    looking.catch(() => undefined);
    try {
      this.#take(await Promise.race([looking, aborted]));
    } catch (error) {
      logger.warn(
        { err: error, session: this.#parts.sessionId },
        "AgentCore Memory cannot be read; the agent goes on with what it knows, and looks again next time",
      );
    } finally {
      timer.cancel();
    }
  }

  /** A message that was added to the agent's own list. */
  said(message: Message): void {
    const { messages } = this.#parts.agent;
    const known = message.trackingId === this.#last.trackingId ? this.#last.blocks : 0;
    const fresh = { role: message.role, content: message.content.slice(known) };
    this.#joinLast(message, messages);
    this.#last = { trackingId: message.trackingId, blocks: messages.at(-1)?.content.length ?? 0 };
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
    const last = this.#parts.agent.messages.at(-1);
    if (last?.role !== "user") return;
    const shown = toConverse(last);
    this.#last = { trackingId: last.trackingId, blocks: last.content.length };
    this.#writer.withdraw(last.trackingId, { ...this.#envelope(shown), redactMessage: shown });
  }

  /** Keeps the agent's state, and waits a while for what is being written. */
  async settle(): Promise<void> {
    const { agent, waitMs, logger } = this.#parts;
    // What was never read may have a state that is not to be overwritten.
    if (this.#restored && JSON.stringify(agent.appState.getAll()) !== this.#markedState) this.#mark();
    if (await this.#writer.flush(waitMs)) return;
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

  async #look(signal: AbortSignal): Promise<Look> {
    const { events, window, agentId } = this.#parts;
    const heard: Heard[] = [];
    let [session, whole, newest, count] = [false, true, 0, 0];
    let marker: AgentMarker | undefined;
    for await (const page of events.pages(signal)) {
      let isNew = false;
      for (const event of page) {
        newest = Math.max(newest, event.at);
        session ||= event.metadata[stateTypeKey] === "SESSION";
        marker ??= this.#markerOf(event);
        if (this.#ids.has(event.id)) continue;
        isNew = true;
        const messages = this.#messagesOf(event);
        heard.unshift({ event, messages });
        count += messages.length;
      }
      const oldest = page.at(-1)?.at ?? newest;
      const enough = this.#restored ? !isNew && oldest < this.#newest - lateMs : count >= 2 * window;
      if (page.length > 0 && enough) {
        whole = false;
        break;
      }
    }
    if (this.#restored || whole) return { heard, session, marker, newest, whole };
    session ||= (await this.#first(signal, { [stateTypeKey]: "SESSION" })) !== undefined;
    const ofAgent = { [stateTypeKey]: "AGENT", [agentIdKey]: agentId };
    const found = marker === undefined ? await this.#first(signal, ofAgent) : undefined;
    return { heard, session, marker: marker ?? (found && this.#markerOf(found)), newest, whole };
  }

  async #first(signal: AbortSignal, metadata: Record<string, string>): Promise<StoredEvent | undefined> {
    for await (const [event] of this.#parts.events.pages(signal, metadata)) if (event) return event;
    return undefined;
  }

  #markerOf({ metadata, payload }: StoredEvent): AgentMarker | undefined {
    if (metadata[stateTypeKey] !== "AGENT" || metadata[agentIdKey] !== this.#parts.agentId) return undefined;
    // Several states in one event: oldest first.
    const item = parseItem(payload.at(-1));
    return item?.kind === "agent" ? item.value : undefined;
  }

  #messagesOf({ id, payload, metadata }: StoredEvent): readonly MessageData[] {
    const { agentId, logger } = this.#parts;
    if (metadata[stateTypeKey] !== undefined || metadata[writerKey] === this.#self) return [];
    if ((metadata[agentIdKey] ?? agentId) !== agentId) return [];
    const skipped = (why: string) =>
      logger.warn({ event: id }, `an event in the session is passed over: ${why}`);
    return payload.flatMap((item) => {
      const parsed = parseItem(item);
      if (parsed?.kind !== "message") {
        if (parsed === undefined && !isJson(item)) skipped("it is not of the format of the session manager");
        return [];
      }
      const leftOut = (blocks: number) => skipped(`${blocks} of its blocks are not understood`);
      const message = fromConverse(shownMessage(parsed.value), leftOut);
      return message !== undefined && this.#canBe(message) ? [message] : [];
    });
  }

  /** A kind of block that Strands has come to check more closely must not stop the rest. */
  #canBe(message: MessageData): boolean {
    try {
      this.#parts.toMessage(message);
      return true;
    } catch (error) {
      this.#parts.logger.warn(
        { err: error },
        "a message in the session is passed over: Strands does not take it",
      );
      return false;
    }
  }

  /** In one go, so that nothing is half taken. */
  #take({ heard, session, marker, newest }: Look): void {
    this.#writer.seen(newest);
    this.#newest = Math.max(this.#newest, newest);
    const fresh = this.#unheard(heard);
    if (this.#restored) this.#append(fresh);
    else this.#restore(fresh, { session, marker });
  }

  #restore(fresh: readonly Heard[], { session, marker }: Pick<Look, "session" | "marker">): void {
    const { agent, window, toMessage, sessionId, clock } = this.#parts;
    const own = [...agent.messages];
    // The agent has talked before its memory could be read: what was there comes before that.
    const until = this.#firstSaidAt ?? Number.POSITIVE_INFINITY;
    const earlier = fresh.filter(({ event }) => event.at < until);
    const history = lastOf(toHistory(earlier.flatMap(({ messages }) => messages)), window);
    agent.messages.splice(0, 0, ...history.map(toMessage));
    if (own.length > 0 && history.length > 0) this.#rejoin(history.length);
    for (const { event } of earlier) this.#remember(event);
    this.#restored = true;
    this.#append(fresh.filter((one) => !earlier.includes(one)));
    const now = new Date(clock.now()).toISOString();
    if (!session) {
      const begun = { sessionId, createdAt: now, updatedAt: now };
      this.#writer.mark(formatSessionMarker(begun), sessionMarkerMetadata);
    }
    if (marker !== undefined) {
      this.#marker = marker;
      for (const [key, value] of Object.entries(marker.state)) agent.appState.set(key, value);
      this.#markedState = JSON.stringify(agent.appState.getAll());
    } else this.#mark(); // an agent of Python finds a history only where an agent was
    // Given to the agent when it was made, and not in memory: the beginning of a new conversation.
    if (this.#firstSaidAt === undefined && history.length === 0)
      for (const message of own) this.said(message);
  }

  #mark(): void {
    const { agent, agentId, clock } = this.#parts;
    const now = new Date(clock.now()).toISOString();
    const state = agent.appState.getAll();
    this.#marker = { ...(this.#marker ?? blankMarker(agentId, now)), state, updatedAt: now };
    this.#markedState = JSON.stringify(state);
    this.#writer.mark(formatAgentMarker(this.#marker), agentMarkerMetadata(agentId));
  }

  /** Behind what the agent knows, whenever it was written. */
  #append(fresh: readonly Heard[]): void {
    const { messages } = this.#parts.agent;
    // In the middle of a call nothing can be said.
    if (messages.at(-1)?.content.some(({ type }) => type === "toolUseBlock")) return;
    const all = fresh.flatMap(({ messages: said }) => said);
    const complete = fresh.filter(
      ({ messages: said }) => !said.some((message) => awaitsResults(all, all.indexOf(message))),
    );
    for (const { event } of complete) this.#remember(event);
    const told = arrange(complete.flatMap(({ messages: said }) => said));
    const from = messages.length;
    messages.push(...told.map(this.#parts.toMessage));
    if (from > 0 && told.length > 0) this.#rejoin(from);
  }

  /** Makes one message of the two around `index`, where they are of the same role. */
  #rejoin(index: number): void {
    const { agent, toMessage } = this.#parts;
    const [before, after] = [agent.messages[index - 1], agent.messages[index]];
    if (before === undefined || after?.role !== before.role) return;
    const joined = toMessage({ role: after.role, content: [], trackingId: after.trackingId });
    joined.content.push(...before.content, ...after.content);
    agent.messages.splice(index - 1, 2, joined);
  }

  /** A user's message behind another of the user, which the agent has not answered: one message. */
  #joinLast(message: Message, messages: readonly Message[]): void {
    if (messages.at(-1) === message && message.role === "user") this.#rejoin(messages.length - 1);
  }

  #unheard(heard: readonly Heard[]): readonly Heard[] {
    const texts = new Set(this.#texts);
    return heard.filter(({ event }) => {
      if (this.#ids.has(event.id)) return false;
      const text = textKey(event);
      if (text === undefined) return true;
      const isCopy = texts.has(text);
      texts.add(text);
      if (isCopy) this.#ids.add(event.id);
      return !isCopy;
    });
  }

  #remember(event: StoredEvent): void {
    this.#ids.add(event.id);
    const text = textKey(event);
    if (text !== undefined) this.#texts.add(text);
  }

  #envelope(message: ConverseMessage): SessionMessage {
    const at = new Date(this.#parts.clock.now()).toISOString();
    return { message, messageId: 0, createdAt: at, updatedAt: at };
  }
}

/** What was written twice: a delivery has the same key, anything else the same text, its time included. */
function textKey({ payload, metadata }: StoredEvent): string | undefined {
  if (payload.length === 0) return undefined;
  const key = metadata[deliveryKey];
  if (key !== undefined) return key;
  return createHash("sha256").update(JSON.stringify(payload)).digest("base64");
}

function isJson(item: unknown): boolean {
  return typeof item === "object" && item !== null && "json" in item;
}

/** What Python's manager takes, where no agent of Python has left a state of its own. */
function blankMarker(agentId: string, now: string): AgentMarker {
  return {
    agentId,
    state: {},
    conversationManagerState: {
      __name__: "SlidingWindowConversationManager",
      removed_message_count: 0,
      model_call_count: 0,
    },
    internalState: { interrupt_state: { interrupts: {}, context: {}, activated: false } },
    createdAt: now,
    updatedAt: now,
  };
}
