/** AgentCore on this machine, the SDK's client to it, and messages of the outbox. */
import {
  BedrockAgentCoreClient,
  CreateEventCommand,
  type CreateEventInput,
  type Event,
  paginateListEvents,
} from "@aws-sdk/client-bedrock-agentcore";
import { type AgentCoreLocal, type AgentCoreLocalOptions, startAgentCoreLocal } from "agentcore-local";
import { onTestFinished } from "vitest";
import type { EndEntry, MemoryMessage } from "../delivery/memory.ts";
import {
  agentMarkerMetadata,
  type ConverseRole,
  formatAgentMarker,
  formatMessage,
  formatSessionMarker,
  parseMessages,
  sessionMarkerMetadata,
} from "./session-format.ts";

export const context = { memory: "training-0123456789", actor: "user/ada:1", session: "session-1" };
export const key = { memoryId: context.memory, actorId: context.actor, sessionId: context.session };

export interface Local {
  readonly local: AgentCoreLocal;
  readonly client: BedrockAgentCoreClient;
  /** All events of the session, oldest first. */
  events(): Promise<Event[]>;
  /** What a session manager restores: role and text, or the kind of the first block. */
  restored(): Promise<string[]>;
  create(input: Partial<CreateEventInput>): Promise<void>;
  /** The markers that an agent writes when it begins. */
  begin(): Promise<void>;
  say(role: ConverseRole, content: string | object, at?: Date): Promise<void>;
}

export async function startLocal(options: AgentCoreLocalOptions = {}): Promise<Local> {
  const local = await startAgentCoreLocal(options);
  onTestFinished(() => local.close());
  const client = clientOf(local.url);
  onTestFinished(() => client.destroy());
  const create = async (input: Partial<CreateEventInput>): Promise<void> => {
    await client.send(new CreateEventCommand({ ...key, eventTimestamp: new Date(), payload: [], ...input }));
  };
  const events = async (): Promise<Event[]> => {
    const all: Event[] = [];
    // A copy: the paginator writes its token into what it is given.
    for await (const page of paginateListEvents({ client, pageSize: 100 }, { ...key }))
      all.push(...(page.events ?? []));
    return all.toReversed();
  };
  return {
    local,
    client,
    events,
    create,
    restored: async () => (await events()).flatMap(({ payload }) => parseMessages(payload).map(brief)),
    begin: async () => {
      const times = { createdAt: new Date().toISOString(), updatedAt: new Date().toISOString() };
      const session = formatSessionMarker({ sessionId: key.sessionId, ...times });
      await create({ payload: [session], metadata: sessionMarkerMetadata });
      const agent = formatAgentMarker({
        agentId: "default",
        state: {},
        conversationManagerState: {},
        internalState: {},
        ...times,
      });
      await create({ payload: [agent], metadata: agentMarkerMetadata("default") });
    },
    say: async (role, content, at = new Date()) => {
      const iso = at.toISOString();
      const block = typeof content === "string" ? { text: content } : { ...content };
      const item = formatMessage({
        message: { role, content: [block] },
        messageId: 0,
        createdAt: iso,
        updatedAt: iso,
      });
      await create({ eventTimestamp: at, payload: item === undefined ? [] : [item] });
    },
  };
}

export function clientOf(url: string): BedrockAgentCoreClient {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  return new BedrockAgentCoreClient({ endpoint: url, region: "us-west-2", credentials, maxAttempts: 1 });
}

function brief({ message: { role, content } }: ReturnType<typeof parseMessages>[number]): string {
  const [block = {}] = content;
  const { text } = block;
  return `${role}: ${typeof text === "string" ? text : (Object.keys(block)[0] ?? "")}`;
}

/** `key`: 33 characters at least. */
export function end(number: number, text: string, more: Partial<EndEntry> = {}): EndEntry {
  return {
    kind: "end",
    status: "completed",
    key: `end-${String(number).padStart(32, "0")}`,
    taskId: `task-${number}`,
    tool: "train",
    at: 1_700_000_000_000,
    result: { text, whole: true, bytes: Buffer.byteLength(text), uri: `perdure://results/task-${number}` },
    ...more,
  } as EndEntry;
}

export function message(...entries: MemoryMessage["entries"]): MemoryMessage {
  return {
    context,
    key: entries[0]?.key ?? "",
    entries,
    tries: 1,
    since: 1_700_000_000_000,
    tools: { results: "get_task_results", answer: "answer_task" },
  };
}
