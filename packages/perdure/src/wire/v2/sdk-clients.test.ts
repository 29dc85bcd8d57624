/** People who are asked through real clients of 2026-07-28: `client` 2.4, alone and with `ext-tasks`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  createTaskSessionFromClient,
  type JsonRpcResponse,
  type RawClientDispatch,
  type TaskEnabledSession,
} from "@modelcontextprotocol/ext-tasks/client";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JsonObject } from "../../task/json.ts";
import { eventually } from "./service.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const program = fileURLToPath(new URL("server.fixture.ts", import.meta.url));
const clientInfo = { name: "person", version: "0" };
const capabilities = { elicitation: { form: {} } };

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

async function serve(record = temporaryStore(), port = 0): Promise<Server> {
  const child = spawn(process.execPath, [program, record, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const url = /^ready (\S+)$/m.exec(said)?.[1];
    if (url !== undefined) return { url, child };
  }
  throw new Error(`the server ended: ${said}`);
}

interface Answer {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: Record<string, string | number | boolean>;
}

/** Says what the person answers; a promise that never settles: they have left. */
type Person = (message: string) => Answer | Promise<Answer>;

const accept = (content: NonNullable<Answer["content"]>): Answer => ({ action: "accept", content });

interface Asked {
  readonly messages: string[];
}

async function connect(url: string, person: Person): Promise<Asked & { readonly client: Client }> {
  const messages: string[] = [];
  const client = new Client(clientInfo, {
    versionNegotiation: { mode: { pin: "2026-07-28" } },
    capabilities,
  });
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    messages.push(params.message);
    return { ...(await person(params.message)) };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  onTestFinished(() => client.close());
  return { client, messages };
}

async function connectWithTasks(
  url: string,
  person: Person,
): Promise<Asked & { session: TaskEnabledSession }> {
  const { client } = await connect(url, person);
  const messages: string[] = [];
  const session = createTaskSessionFromClient(client, {
    endpointId: "asking",
    rawDispatch: dispatchTo(url),
    v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities: capabilities },
    onInputRequest: async (request) => {
      const { message } = request.params as unknown as { readonly message: string };
      messages.push(message);
      return (await person(message)) as never;
    },
  });
  await client.listTools();
  return { session, messages };
}

function dispatchTo(url: string): RawClientDispatch {
  let requests = 0;
  return async (request, { signal, context } = {}) => {
    const { method, params } = request as {
      readonly method: string;
      readonly params: { readonly name?: string };
    };
    const headers = new Headers({
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
    });
    if (params.name !== undefined) headers.set("mcp-name", params.name);
    for (const [name, value] of Object.entries(context?.headers ?? {})) headers.set(name, value);
    const body = JSON.stringify({ jsonrpc: "2.0", id: `ext-${++requests}`, ...(request as object) });
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      ...(signal !== undefined && { signal }),
    });
    const { result, error } = (await response.json()) as JsonObject;
    return (error === undefined ? { kind: "result", result } : { kind: "error", error }) as JsonRpcResponse;
  };
}

/** What a tool said, by either kind of client. */
type Use = (url: string, person: Person, tool: string) => Promise<Asked & { readonly result: unknown }>;

const kinds: Readonly<Record<string, Use>> = {
  "client 2.4": async (url, person, tool) => {
    const { client, messages } = await connect(url, person);
    return { messages, result: await client.callTool({ name: tool, arguments: {} }) };
  },
  "client 2.4 with ext-tasks": async (url, person, tool) => {
    const { session, messages } = await connectWithTasks(url, person);
    const { outcome } = await (await session.callTool(tool, {})).settle();
    return { messages, result: outcome.status === "completed" ? outcome.result : outcome };
  },
};

describe.each(Object.entries(kinds))("%s", (_, use) => {
  it("asks one question", async () => {
    const { url } = await serve();
    const { result, messages } = await use(url, () => accept({ sure: true }), "confirm");
    expect(result).toMatchObject({ structuredContent: { sure: true } });
    expect(messages).toEqual(["Go on?"]);
  });

  it("asks two, and again after wrong answers: of the JSON Schema, and of the author's", async () => {
    const { url } = await serve();
    const days = ["four", 3, 4];
    const person = (message: string): Answer =>
      message.startsWith("Where") ? accept({ city: "Oslo" }) : accept({ days: days.shift() ?? 0 });
    const { result, messages } = await use(url, person, "trip");
    expect(result).toMatchObject({ content: [{ text: "4 days in Oslo" }] });
    expect(messages.filter((message) => message.startsWith("Where"))).toHaveLength(1);
    const [first, second, third, ...more] = messages.filter((message) => message.startsWith("How"));
    expect(first).toBe("How long?");
    expect(second).toMatch(/did not fit: .*number/);
    expect(third).toMatch(/did not fit: .*odd/);
    expect(more).toEqual([]);
  });

  it("declines", async () => {
    const { url } = await serve();
    const { result } = await use(url, () => ({ action: "decline" }), "confirm");
    expect(result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/declined/) as unknown }],
    });
  });

  it("hears of a question that expired while the person thought", async () => {
    const { url } = await serve();
    const person = async (): Promise<Answer> => {
      await sleep(600);
      return accept({ sure: true });
    };
    expect((await use(url, person, "brief")).result).toMatchObject({ content: [{ text: "EXPIRED" }] });
  });

  it("answers a server that was killed and started again meanwhile", async () => {
    const record = temporaryStore();
    const { url, child } = await serve(record);
    const person = async (): Promise<Answer> => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await serve(record, Number(new URL(url).port));
      return accept({ sure: true });
    };
    const { result, messages } = await use(url, person, "confirm");
    expect(result).toMatchObject({ structuredContent: { sure: true, attempt: 2 } });
    expect(messages).toEqual(["Go on?"]);
  });

  it("is asked by an ordinary tool", async () => {
    const { url } = await serve();
    expect((await use(url, () => accept({ name: "b" }), "rename")).result).toMatchObject({
      content: [{ text: "renamed to b" }],
    });
  });
});

it("what a person left open, another client answers", async () => {
  const { url } = await serve();
  const gone = await connectWithTasks(url, () => new Promise<never>(() => undefined));
  const execution = await gone.session.callTool("confirm", {});
  if (execution.kind !== "task") throw new Error("no task");
  const settling = execution.settle();
  settling.catch(() => undefined);
  await eventually(() => gone.messages.length === 1, "the question");
  const reference = execution.serializeReference();
  const other = await connectWithTasks(url, () => accept({ sure: false }));
  const resumed = await other.session.resumeTask(reference);
  const { outcome } = await resumed.settle();
  expect(outcome).toMatchObject({ result: { structuredContent: { sure: false } } });
});
