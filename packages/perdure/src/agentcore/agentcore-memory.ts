/**
 * AgentCore Memory as the place that results are delivered to: one message of the outbox is one event, in the format
 * from which Strands' session managers restore a conversation (`session-format.ts`).
 *
 * What makes a repetition harmless: the event carries the message's key as its client token, which the service
 * remembers, and in its metadata, where it is looked for before.
 */
import { createRequire } from "node:module";
import type {
  BedrockAgentCoreClient,
  CreateEventInput,
  ListEventsInput,
} from "@aws-sdk/client-bedrock-agentcore";
import { type AgentMemory, MemoryError, type MemoryMessage } from "../delivery/memory.ts";
import { type Clock, systemClock } from "../task/clock.ts";
import { type Duration, toMs } from "../task/duration.ts";
import { PerdureError } from "../task/errors.ts";
import type { SessionContext } from "../task/record.ts";
import { isKeptBefore, isNotFound, toMemoryError } from "./memory-error.ts";
import { type ConverseRole, type EventMetadata, formatMessage, type PayloadItem } from "./session-format.ts";
import { deliveryKey, nextTimestamp, type Patience, type SeenEvent, waitForRest } from "./session-rest.ts";
import { acknowledgement, toolOutput } from "./tool-output.ts";

export interface AgentCoreMemoryOptions {
  /** Default: as the AWS SDK finds it. */
  readonly region?: string;
  /** Default: AWS, or what `AWS_ENDPOINT_URL_BEDROCK_AGENTCORE` says. */
  readonly endpoint?: string;
  /** The client of your own, instead. */
  readonly client?: Pick<BedrockAgentCoreClient, "send">;
  /** Of sessions whose caller named no memory. */
  readonly memoryId?: string;
  /** Of the quoted texts of one message, in characters: a second wall behind `delivery.maxLength`. Default 256,000. */
  readonly maxLength?: number;
  /**
   * Whether the assistant is given a short answer to it in the same event, so that roles alternate, which some
   * providers demand. Default true.
   */
  readonly acknowledge?: boolean;
  /** Whether the memory's strategies may learn from it. It is no saying of the user's: default false. */
  readonly extract?: boolean;
  readonly patience?: PatienceOptions;
  readonly clock?: Clock;
}

/** How long a message waits for a place in the conversation where it tears nothing. */
export interface PatienceOptions {
  /** For the result of a tool that the assistant has called. Default 15 min. */
  readonly toolUse?: Duration;
  /** For the assistant's reply. Default 20 s. */
  readonly reply?: Duration;
  /** For an agent to begin the session. Default 5 s. */
  readonly agent?: Duration;
}

const sdkName = "@aws-sdk/client-bedrock-agentcore";
/** Beside messages there are markers, one for each change of an agent's state. */
const pageSize = 100;
/** In which an event of the message itself is looked for. What lies deeper the client token still tells. */
const maxPages = 50;

/** @throws PerdureError `INVALID_OPTION`, also where the AWS SDK is not installed */
export function agentCoreMemory(options: AgentCoreMemoryOptions = {}): AgentMemory {
  const { toolUse = "15m", reply = "20s", agent = "5s" } = options.patience ?? {};
  requireSdk();
  const sink = new AgentCoreMemory(options, {
    toolUseMs: toMs(toolUse, "patience: toolUse"),
    replyMs: toMs(reply, "patience: reply"),
    agentMs: toMs(agent, "patience: agent"),
  });
  return { name: "agentcore", append: (message, { signal }) => sink.append(message, signal) };
}

function requireSdk(): void {
  try {
    createRequire(import.meta.url).resolve(sdkName);
  } catch {
    throw new PerdureError("INVALID_OPTION", {
      message: `agentCoreMemory needs the AWS SDK, which is not installed here. Run: npm install ${sdkName}`,
    });
  }
}

/** One that is there for good; what the SDK calls `undefined` is left out. */
interface SessionKey {
  readonly memoryId: string;
  readonly actorId: string;
  readonly sessionId: string;
}

class AgentCoreMemory {
  readonly #options: AgentCoreMemoryOptions;
  readonly #patience: Patience;
  readonly #clock: Clock;
  #loaded: Promise<Sdk> | undefined;

  constructor(options: AgentCoreMemoryOptions, patience: Patience) {
    this.#options = options;
    this.#patience = patience;
    this.#clock = options.clock ?? systemClock;
  }

  async append(message: MemoryMessage, signal: AbortSignal): Promise<void> {
    const key = this.#keyOf(message.context);
    try {
      const sdk = await (this.#loaded ??= loadSdk(this.#options));
      const first = await sdk.list({ ...key, maxResults: pageSize }, signal);
      if (await this.#isKept(message, { sdk, key, first, signal })) return;
      const { events } = first;
      const look = { events, now: this.#clock.now(), since: message.since, patience: this.#patience };
      waitForRest(look);
      await sdk.create({ ...key, ...this.#event(message, nextTimestamp(look)) }, signal);
    } catch (error) {
      if (!isKeptBefore(error)) throw toMemoryError(error);
    }
  }

  /**
   * Whether an earlier try was kept. Its event is no older than the message, less what `nextTimestamp` goes back.
   */
  async #isKept(message: MemoryMessage, { sdk, key, first, signal }: Looking): Promise<boolean> {
    const oldest = message.since - this.#patience.toolUseMs;
    for (let page = first, pages = 1; ; pages++) {
      if (page.events.some(({ metadata }) => metadata?.[deliveryKey]?.stringValue === message.key))
        return true;
      const last = page.events.at(-1)?.eventTimestamp?.getTime() ?? Number.POSITIVE_INFINITY;
      if (page.nextToken === undefined || last < oldest || pages >= maxPages) return false;
      const { nextToken } = page;
      page = await sdk.list({ ...key, maxResults: pageSize, includePayloads: false, nextToken }, signal);
    }
  }

  #keyOf({ memory = this.#options.memoryId, actor, session }: SessionContext): SessionKey {
    if (memory !== undefined && actor !== undefined && session !== undefined) {
      return { memoryId: memory, actorId: actor, sessionId: session };
    }
    const missing = memory === undefined ? "memory" : actor === undefined ? "actor" : "session";
    throw new MemoryError("refused", `the session context names no ${missing}`);
  }

  #event(message: MemoryMessage, timestamp: number): Omit<CreateEventInput, keyof SessionKey> {
    const { maxLength = 256_000, acknowledge = true, extract = false } = this.#options;
    const now = new Date(this.#clock.now()).toISOString();
    const said = (role: ConverseRole, text: string): PayloadItem[] => {
      const item = formatMessage({
        message: { role, content: [{ text }] },
        messageId: 0,
        createdAt: now,
        updatedAt: now,
      });
      return item === undefined ? [] : [item];
    };
    return {
      eventTimestamp: new Date(timestamp),
      payload: [
        ...said("user", toolOutput(message, maxLength)),
        ...(acknowledge ? said("assistant", acknowledgement(message)) : []),
      ],
      clientToken: message.key,
      metadata: metadataOf(message),
      ...(!extract && { extractionMode: "SKIP" }),
    };
  }
}

const maxValueLength = 256;

/** What a reader knows it by. Of several tasks the ids stand in one value, as many as it holds. */
function metadataOf({ key, entries }: MemoryMessage): EventMetadata {
  const together = (values: readonly string[]): string => {
    let text = "";
    for (const value of new Set(values.map(toMetadata))) {
      const longer = text === "" ? value : `${text} ${value}`;
      if (longer.length > maxValueLength) break;
      text = longer;
    }
    return text;
  };
  const values = {
    [deliveryKey]: key,
    taskId: together(entries.map(({ taskId }) => taskId)),
    tool: together(entries.map(({ tool }) => tool)),
    kind: together(entries.map(({ kind }) => kind)),
    status: together(entries.map((entry) => (entry.kind === "end" ? entry.status : "open"))),
  };
  return Object.fromEntries(Object.entries(values).map(([name, stringValue]) => [name, { stringValue }]));
}

/** The characters that the service takes. */
function toMetadata(value: string): string {
  return value.replaceAll(/[^a-zA-Z0-9._:/=+@-]/g, "_").slice(0, maxValueLength);
}

interface Page {
  /** Newest first. */
  readonly events: readonly SeenEvent[];
  readonly nextToken?: string | undefined;
}

interface Looking {
  readonly sdk: Sdk;
  readonly key: SessionKey;
  readonly first: Page;
  readonly signal: AbortSignal;
}

interface Sdk {
  list(input: ListEventsInput, signal: AbortSignal): Promise<Page>;
  create(input: CreateEventInput, signal: AbortSignal): Promise<void>;
}

/** When it is first needed: the SDK takes a while to load. */
async function loadSdk({ client: own, region, endpoint }: AgentCoreMemoryOptions): Promise<Sdk> {
  const {
    BedrockAgentCoreClient: Client,
    CreateEventCommand,
    ListEventsCommand,
  } = await import("@aws-sdk/client-bedrock-agentcore");
  // Trying again is the outbox's: it knows the rate.
  const client =
    own ??
    new Client({
      maxAttempts: 1,
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
    });
  return {
    list: async (input, abortSignal) => {
      try {
        const { events = [], nextToken } = await client.send(new ListEventsCommand(input), { abortSignal });
        return { events, nextToken };
      } catch (error) {
        // Where there is no session yet; whether there is a memory, the writing tells.
        if (isNotFound(error)) return { events: [] };
        throw error;
      }
    },
    create: async (input, abortSignal) => {
      await client.send(new CreateEventCommand(input), { abortSignal });
    },
  };
}
