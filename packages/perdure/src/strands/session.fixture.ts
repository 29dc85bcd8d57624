/** Agents of Strands in a session of a local AgentCore Memory, and others that write into it. */
import { randomUUID } from "node:crypto";
import {
  BedrockAgentCoreClient,
  CreateEventCommand,
  ListEventsCommand,
} from "@aws-sdk/client-bedrock-agentcore";
import { Agent, type AgentConfig } from "@strands-agents/sdk";
import { type AgentCoreLocal, startAgentCoreLocal } from "agentcore-local";
import { onTestFinished } from "vitest";
import { formatMessage, type PayloadItem, parseItem } from "../agentcore/session-format.ts";
import { type Line, outline, ScriptedModel } from "./scripted-model.fixture.ts";
import { AgentCoreSessionManager, type AgentCoreSessionManagerOptions } from "./session-manager.ts";

export interface Logged {
  readonly level: string;
  readonly message: string;
}

export async function startSession() {
  const local = await startAgentCoreLocal();
  const client = clientOf(local);
  onTestFinished(async () => {
    client.destroy();
    await local.close();
  });
  return new TestSession(local, client);
}

export class TestSession {
  readonly local: AgentCoreLocal;
  readonly client: BedrockAgentCoreClient;
  readonly place = { memoryId: "training-0123456789", actorId: "ann", sessionId: `s-${randomUUID()}` };
  readonly logged: Logged[] = [];

  constructor(local: AgentCoreLocal, client: BedrockAgentCoreClient) {
    this.local = local;
    this.client = client;
  }

  manager(options: Partial<AgentCoreSessionManagerOptions> = {}): AgentCoreSessionManager {
    const write = (level: string) => (_: object, message: string) =>
      void this.logged.push({ level, message });
    const logger = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
    return new AgentCoreSessionManager({
      ...this.place,
      client: this.client,
      wait: "1s",
      logger,
      ...options,
    });
  }

  /** A process of its own, as far as memory can see. */
  agent(
    lines: readonly (Line | (() => Line))[] = [],
    options: Partial<AgentCoreSessionManagerOptions> = {},
    config: AgentConfig = {},
  ) {
    const manager = this.manager(options);
    const model = new ScriptedModel(...lines);
    const agent = new Agent({ model, plugins: [manager], printer: false, ...config });
    return {
      agent,
      model,
      manager,
      history: () => agent.messages.map((message) => outline(message.toJSON())),
    };
  }

  /** As another program writes it. */
  async write(payload: readonly (PayloadItem | object)[], at = Date.now(), metadata = {}): Promise<void> {
    const eventTimestamp = new Date(at);
    const event = new CreateEventCommand({
      ...this.place,
      eventTimestamp,
      payload: payload as never,
      metadata,
    });
    // It may meet a fault that was meant for an agent.
    await this.client.send(event).catch(async () => this.client.send(event));
  }

  /** What becomes of a task, as it is delivered. */
  async deliver(text: string, at = Date.now()): Promise<void> {
    await this.write([said("user", { text })], at);
  }

  /** Oldest first. */
  async events() {
    const { events = [] } = await this.client.send(new ListEventsCommand({ ...this.place, maxResults: 100 }));
    return events.toReversed();
  }

  /** What is kept of the conversation, oldest first. */
  async kept(): Promise<string[]> {
    const items = (await this.events()).flatMap(({ payload = [] }) => payload.map(parseItem));
    return items.flatMap((item) => (item?.kind === "message" ? [outline(item.value.message as never)] : []));
  }
}

export function said(role: "user" | "assistant", ...content: readonly object[]): PayloadItem {
  const at = new Date().toISOString();
  const message = { role, content: content as never };
  const item = formatMessage({ message, messageId: 0, createdAt: at, updatedAt: at });
  if (item === undefined) throw new Error("nothing is said");
  return item;
}

export function clientOf({ url }: { readonly url: string }): BedrockAgentCoreClient {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  return new BedrockAgentCoreClient({ endpoint: url, region: "us-west-2", credentials, maxAttempts: 1 });
}
