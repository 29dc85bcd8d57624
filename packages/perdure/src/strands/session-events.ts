/**
 * A session in AgentCore Memory: its events, read and written by the AWS SDK, which is loaded with the first of them.
 */
import type { BedrockAgentCoreClient, Event } from "@aws-sdk/client-bedrock-agentcore";
import type { EventMetadata, PayloadItem } from "../agentcore/session-format.ts";

export interface SessionPlace {
  /** `[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9]{10}`, or its ARN. */
  readonly memoryId: string;
  readonly actorId: string;
  /** At most 100 letters, digits, `-` and `_`. */
  readonly sessionId: string;
}

export interface NewEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly payload: readonly PayloadItem[];
  readonly metadata: EventMetadata;
  /** The same whenever this event is tried: it is then written once. */
  readonly token: string;
}

export interface StoredEvent {
  readonly id: string;
  readonly at: number;
  readonly payload: readonly unknown[];
  readonly metadata: Readonly<Record<string, string>>;
}

const pageSize = 100;

export class SessionEvents {
  readonly #place: SessionPlace;
  #client: BedrockAgentCoreClient | undefined;

  /** @param client default: the AWS SDK's, with region, credentials and endpoint of the environment */
  constructor(place: SessionPlace, client?: BedrockAgentCoreClient) {
    const { memoryId, actorId, sessionId } = place;
    this.#place = { memoryId, actorId, sessionId };
    this.#client = client;
  }

  /**
   * Newest first, in pages. A page may be empty and not the last.
   * @param metadata what the events must have
   */
  async *pages(signal: AbortSignal, metadata: Readonly<Record<string, string>> = {}) {
    const { client, ListEventsCommand } = await this.#sdk();
    const eventMetadata = Object.entries(metadata).map(([metadataKey, stringValue]) => ({
      left: { metadataKey },
      operator: "EQUALS_TO" as const,
      right: { metadataValue: { stringValue } },
    }));
    const filter = eventMetadata.length === 0 ? {} : { filter: { eventMetadata } };
    let nextToken: string | undefined;
    do {
      const input = { ...this.#place, ...filter, maxResults: pageSize, includePayloads: true, nextToken };
      const page = await client.send(new ListEventsCommand(input), { abortSignal: signal });
      yield (page.events ?? []).map(toStored);
      ({ nextToken } = page);
    } while (nextToken !== undefined);
  }

  /** Its id. */
  async create({ at, payload, metadata, token }: NewEvent, signal: AbortSignal): Promise<string> {
    const { client, CreateEventCommand } = await this.#sdk();
    const command = new CreateEventCommand({
      ...this.#place,
      eventTimestamp: new Date(at),
      payload: [...payload],
      metadata,
      clientToken: token,
    });
    const { event } = await client.send(command, { abortSignal: signal });
    return event?.eventId ?? "";
  }

  async delete(eventId: string, signal: AbortSignal): Promise<void> {
    const { client, DeleteEventCommand } = await this.#sdk();
    await client.send(new DeleteEventCommand({ ...this.#place, eventId }), { abortSignal: signal });
  }

  async #sdk() {
    const sdk = await import("@aws-sdk/client-bedrock-agentcore");
    this.#client ??= new sdk.BedrockAgentCoreClient({});
    return { ...sdk, client: this.#client };
  }
}

function toStored({ eventId = "", eventTimestamp, payload = [], metadata = {} }: Event): StoredEvent {
  const values = Object.entries(metadata).map(([key, { stringValue }]) => [key, stringValue ?? ""]);
  return {
    id: eventId,
    at: eventTimestamp?.getTime() ?? 0,
    payload,
    metadata: Object.fromEntries(values) as Record<string, string>,
  };
}
