/**
 * How a conversation lies in AgentCore Memory: the format of Python's `AgentCoreMemorySessionManager` (Strands), so that
 * whatever reads one reads the other. Pure: payloads in and out, no client.
 *
 * An event's payload is a list of items. A *message* is an envelope, as JSON text in a `conversational` item; from
 * 100,000 characters on it is the pair `[envelope, role]`, as JSON text in a `blob`. Two *markers* are blobs of JSON text
 * too: that a session was begun, and an agent's state; their events say so in `stateType` of the metadata.
 *
 * What does not follow the format makes Python lose the whole history, silently: plain text as `conversational`, an
 * object as `blob`. Nothing here writes either, and `parseItem` passes over both. `json` items are for anything else:
 * every reader ignores them.
 *
 * For readers: order is by `eventTimestamp`, and an event may come to lie before others that were there earlier (several
 * programs write, some late). What was read already is known by its event id, never by a time.
 */

/** As Bedrock's Converse has it. Bytes, wherever they lie in a content block, are `Uint8Array`. */
export interface ConverseMessage {
  readonly role: ConverseRole;
  readonly content: readonly ContentBlock[];
}
export type ConverseRole = "user" | "assistant";
export type ContentBlock = Readonly<Record<string, unknown>>;

export interface SessionMessage {
  readonly message: ConverseMessage;
  /** Of no meaning in AgentCore Memory, where the event has an id; Python writes 0. */
  readonly messageId: number;
  /** Stands in the place of `message`, which a guardrail has withdrawn. */
  readonly redactMessage?: ConverseMessage | undefined;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SessionMarker {
  readonly sessionId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface AgentMarker {
  readonly agentId: string;
  readonly state: Readonly<Record<string, unknown>>;
  readonly conversationManagerState: Readonly<Record<string, unknown>>;
  readonly internalState: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An item of a payload, as the AWS SDK takes it. */
export type PayloadItem =
  | {
      readonly conversational: {
        readonly role: "USER" | "ASSISTANT";
        readonly content: { readonly text: string };
      };
    }
  | { readonly blob: string };

export type SessionItem =
  | { readonly kind: "message"; readonly value: SessionMessage }
  | { readonly kind: "session"; readonly value: SessionMarker }
  | { readonly kind: "agent"; readonly value: AgentMarker };

/** Envelope and role together, from which on it is a blob: what the service allows as conversational text. */
export const conversationalLimit = 100_000;

/** Keys of an event's metadata. */
export const stateTypeKey = "stateType";
export const agentIdKey = "agentId";
export type EventMetadata = Readonly<Record<string, { readonly stringValue: string }>>;
export const sessionMarkerMetadata: EventMetadata = { [stateTypeKey]: { stringValue: "SESSION" } };
export const agentMarkerMetadata = (agentId: string): EventMetadata => ({
  [stateTypeKey]: { stringValue: "AGENT" },
  [agentIdKey]: { stringValue: agentId },
});

/** `undefined`: blank texts are left out, which Converse refuses, and nothing else was there. */
export function formatMessage(given: SessionMessage): PayloadItem | undefined {
  const message = withoutBlanks(given.message);
  if (message.content.length === 0) return undefined;
  const envelope = JSON.stringify({
    message: encodeBytes(message),
    message_id: given.messageId,
    redact_message: given.redactMessage === undefined ? null : encodeBytes(given.redactMessage),
    created_at: given.createdAt,
    updated_at: given.updatedAt,
  });
  const { role } = message;
  if (envelope.length + role.length >= conversationalLimit) return { blob: JSON.stringify([envelope, role]) };
  return {
    conversational: { role: role === "user" ? "USER" : "ASSISTANT", content: { text: envelope } },
  };
}

/** Its event has the metadata `sessionMarkerMetadata`. */
export function formatSessionMarker(marker: SessionMarker): PayloadItem {
  return {
    blob: JSON.stringify({
      session_id: marker.sessionId,
      session_type: "AGENT",
      created_at: marker.createdAt,
      updated_at: marker.updatedAt,
    }),
  };
}

/** Its event has the metadata `agentMarkerMetadata`. */
export function formatAgentMarker(marker: AgentMarker): PayloadItem {
  return {
    blob: JSON.stringify({
      agent_id: marker.agentId,
      state: encodeBytes(marker.state),
      conversation_manager_state: encodeBytes(marker.conversationManagerState),
      _internal_state: encodeBytes(marker.internalState),
      created_at: marker.createdAt,
      updated_at: marker.updatedAt,
    }),
  };
}

/** `undefined`: it is of another format, or has nothing to show. */
export function parseItem(item: unknown): SessionItem | undefined {
  if (!isObject(item)) return undefined;
  const { conversational, blob } = item;
  if (isObject(conversational) && isObject(conversational["content"])) {
    return parseEnvelope(conversational["content"]["text"]);
  }
  const value = parseJson(blob);
  if (Array.isArray(value)) return value.length === 2 ? parseEnvelope(value[0]) : undefined;
  return isObject(value) ? parseMarker(value) : undefined;
}

/** The messages of an event's payload, in their order. */
export function parseMessages(payload: readonly unknown[] | undefined): SessionMessage[] {
  return (payload ?? []).flatMap((item) => {
    const parsed = parseItem(item);
    return parsed?.kind === "message" ? [parsed.value] : [];
  });
}

/** What an agent is given of it. */
export function shownMessage({ message, redactMessage }: SessionMessage): ConverseMessage {
  return redactMessage ?? message;
}

function parseEnvelope(text: unknown): SessionItem | undefined {
  const envelope = parseJson(text);
  if (!isObject(envelope)) return undefined;
  const message = toMessage(envelope["message"]);
  if (message === undefined || message.content.length === 0) return undefined;
  const redactMessage = toMessage(envelope["redact_message"]);
  const messageId = envelope["message_id"];
  return {
    kind: "message",
    value: {
      message,
      messageId: typeof messageId === "number" ? messageId : 0,
      ...(redactMessage !== undefined && { redactMessage }),
      ...times(envelope),
    },
  };
}

function toMessage(given: unknown): ConverseMessage | undefined {
  if (!isObject(given)) return undefined;
  const { role, content } = given;
  if ((role !== "user" && role !== "assistant") || !Array.isArray(content) || !content.every(isObject)) {
    return undefined;
  }
  return withoutBlanks(decodeBytes({ role, content }) as ConverseMessage);
}

function parseMarker(value: Readonly<Record<string, unknown>>): SessionItem | undefined {
  const { session_id: sessionId, agent_id: agentId } = value;
  if (typeof sessionId === "string") return { kind: "session", value: { sessionId, ...times(value) } };
  if (typeof agentId !== "string") return undefined;
  const state = (name: string) => {
    const decoded = decodeBytes(value[name]);
    return isObject(decoded) ? decoded : {};
  };
  return {
    kind: "agent",
    value: {
      agentId,
      state: state("state"),
      conversationManagerState: state("conversation_manager_state"),
      internalState: state("_internal_state"),
      ...times(value),
    },
  };
}

function times(value: Readonly<Record<string, unknown>>): { createdAt: string; updatedAt: string } {
  const { created_at: createdAt, updated_at: updatedAt } = value;
  return {
    createdAt: typeof createdAt === "string" ? createdAt : "",
    updatedAt: typeof updatedAt === "string" ? updatedAt : "",
  };
}

function withoutBlanks(message: ConverseMessage): ConverseMessage {
  const content = message.content.filter(({ text }) => typeof text !== "string" || text.trim() !== "");
  return { ...message, content };
}

function encodeBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return { __bytes_encoded__: true, data: Buffer.from(value).toString("base64") };
  }
  return mapInside(value, encodeBytes);
}

function decodeBytes(value: unknown): unknown {
  if (isObject(value) && value["__bytes_encoded__"] === true && typeof value["data"] === "string") {
    return new Uint8Array(Buffer.from(value["data"], "base64"));
  }
  return mapInside(value, decodeBytes);
}

function mapInside(value: unknown, map: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, map(inner)]));
}

function parseJson(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
