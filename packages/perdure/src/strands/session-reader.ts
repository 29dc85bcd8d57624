/**
 * What is news in a session. Everything in memory is known by its event id, and what is written twice under two ids by
 * its key or its text. Events of other agents in the session, by the agent id in their metadata, are theirs; what bears
 * no agent id (Python's messages, and what tasks deliver) is everybody's. Events of this very writer are recognised by
 * the name that it gives itself, because one may be in memory while its writing is still being waited for; those of
 * another process with the same agent are news like any other.
 *
 * An event may come to lie before others that were read, so each look goes back a while; but never beyond where the
 * first one stopped, for what is older is not news but history outside of the window.
 */
import { createHash } from "node:crypto";
import type { Message, MessageData } from "@strands-agents/sdk";
import {
  type AgentMarker,
  agentIdKey,
  parseItem,
  shownMessage,
  stateTypeKey,
} from "../agentcore/session-format.ts";
import { deliveryKey } from "../agentcore/session-rest.ts";
import type { Logger } from "../engine/logger.ts";
import { fromConverse } from "./converse.ts";
import type { SessionEvents, StoredEvent } from "./session-events.ts";

/** In the metadata of events: which process has written it, so that it knows its own. */
export const writerKey = "writer";
/** In the metadata of events: the id of the event in whose place it stands. */
export const replacesKey = "replaces";

/** An event id as a value of metadata, which may not hold a `#`. */
export function replacedName(eventId: string): string {
  return eventId.replace("#", "/");
}

export interface ReaderParts {
  readonly events: SessionEvents;
  readonly agentId: string;
  /** The name of the writer beside this reader. */
  readonly self: string;
  readonly window: number;
  readonly logger: Logger;
  readonly toMessage: (data: MessageData) => Message;
}

export interface Heard {
  readonly event: StoredEvent;
  readonly messages: readonly MessageData[];
}

/** A state that an agent of this id has left. */
export interface LeftState {
  /** Empty: an agent of Python. */
  readonly writer: string;
  readonly marker: AgentMarker;
}

export interface Look {
  /** Oldest first. */
  readonly heard: readonly Heard[];
  /** Whether the session has its marker. */
  readonly session: boolean;
  /** Newest first; of a look that is not the first, only what is new. */
  readonly states: readonly LeftState[];
  readonly newest: number;
  /** Of what was read. */
  readonly oldest: number;
}

/** So far back is looked again. */
const lateMs = 15 * 60_000;

export class SessionReader {
  readonly #parts: ReaderParts;
  readonly #ids = new Set<string>();
  readonly #texts = new Set<string>();
  #began = false;
  #newest = 0;
  /** What is older was not read, and is not missed. */
  #floor = Number.NEGATIVE_INFINITY;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async look(signal: AbortSignal): Promise<Look> {
    const { events, window } = this.#parts;
    const heard: Heard[] = [];
    const states: LeftState[] = [];
    let [session, newest, oldest, count] = [false, 0, Number.NEGATIVE_INFINITY, 0];
    for await (const page of events.pages(signal)) {
      let isNew = false;
      for (const event of page) {
        newest = Math.max(newest, event.at);
        session ||= event.metadata[stateTypeKey] === "SESSION";
        if (this.#ids.has(event.id) || event.at < this.#floor) continue;
        isNew = true;
        const state = this.#stateIn(event);
        if (state !== undefined) states.push(state);
        const messages = this.#messagesOf(event);
        heard.unshift({ event, messages });
        count += messages.length;
      }
      const last = page.at(-1)?.at ?? newest;
      const isPast = last <= Math.max(this.#floor, this.#newest - lateMs);
      const enough = this.#began ? !isNew && isPast : count >= 2 * window;
      if (page.length > 0 && enough) {
        oldest = last;
        break;
      }
    }
    const isWhole = oldest === Number.NEGATIVE_INFINITY;
    if (this.#began || isWhole) return { heard, session, states, newest, oldest };
    session ||= (await this.#first(signal, { [stateTypeKey]: "SESSION" })) !== undefined;
    if (states.length === 0) states.push(...(await this.latestState(signal)));
    return { heard, session, states, newest, oldest };
  }

  /** The state that was left last, by whatever agent of this id; none or one. */
  async latestState(signal: AbortSignal): Promise<LeftState[]> {
    const found = await this.#first(signal, { [stateTypeKey]: "AGENT", [agentIdKey]: this.#parts.agentId });
    const state = found && this.#stateIn(found);
    return state === undefined ? [] : [state];
  }

  /** From then on a look brings what is new. @returns what of a look is news still */
  took({ heard, newest, oldest }: Look): readonly Heard[] {
    if (!this.#began) this.#floor = oldest;
    this.#began = true;
    this.#newest = Math.max(this.#newest, newest);
    const texts = new Set(this.#texts);
    return heard.filter(({ event }) => {
      if (this.#ids.has(event.id)) return false;
      const text = textKey(event);
      if (text === undefined) return true;
      const replaced = event.metadata[replacesKey];
      const isCopy = texts.has(text) || (replaced !== undefined && this.#ids.has(replaced));
      texts.add(text);
      if (isCopy) this.remember(event);
      return !isCopy;
    });
  }

  /** It is no news any more. */
  remember(event: StoredEvent): void {
    this.#ids.add(event.id).add(replacedName(event.id));
    const text = textKey(event);
    if (text !== undefined) this.#texts.add(text);
  }

  async #first(signal: AbortSignal, metadata: Record<string, string>): Promise<StoredEvent | undefined> {
    for await (const [event] of this.#parts.events.pages(signal, metadata)) if (event) return event;
    return undefined;
  }

  #stateIn({ metadata, payload }: StoredEvent): LeftState | undefined {
    if (metadata[stateTypeKey] !== "AGENT" || metadata[agentIdKey] !== this.#parts.agentId) return undefined;
    // Several states in one event: oldest first.
    const item = parseItem(payload.at(-1));
    return item?.kind === "agent" ? { writer: metadata[writerKey] ?? "", marker: item.value } : undefined;
  }

  #messagesOf({ id, payload, metadata }: StoredEvent): readonly MessageData[] {
    const { agentId, logger, self } = this.#parts;
    if (metadata[stateTypeKey] !== undefined || metadata[writerKey] === self) return [];
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
}

/**
 * What was written twice: a delivery has the same key, anything else the same text by the same writer, its time included.
 */
function textKey({ payload, metadata }: StoredEvent): string | undefined {
  if (payload.length === 0) return undefined;
  const key = metadata[deliveryKey];
  if (key !== undefined) return key;
  const said = JSON.stringify([metadata[writerKey], payload]);
  return createHash("sha256").update(said).digest("base64");
}

function isJson(item: unknown): boolean {
  return typeof item === "object" && item !== null && "json" in item;
}
