/** Clients of every kind, each with a server process of its own, all ended with the test. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client as Sdk2Client } from "@modelcontextprotocol/client";
import { StdioClientTransport as Sdk2Transport } from "@modelcontextprotocol/client/stdio";
import type { JsonRpcResponse, RawClientDispatch } from "@modelcontextprotocol/ext-tasks/client";
import { Client as Sdk1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Sdk1Transport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { onTestFinished } from "vitest";
import type { JsonObject } from "../../task/json.ts";

export const trainer = fileURLToPath(new URL("server.fixture.ts", import.meta.url));

/** What starts a server: its program and that one's arguments. */
export type Program = readonly [file: string, ...args: string[]];

export interface Message extends JsonObject {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: JsonObject;
  readonly result?: JsonObject;
  readonly error?: JsonObject;
}

/** A client that writes and reads lines. */
export class RawClient {
  readonly child: ChildProcessWithoutNullStreams;
  /** All that came on standard output. */
  readonly lines: string[] = [];
  readonly messages: Message[] = [];
  errors = "";
  #ids = 0;

  constructor(program: Program) {
    this.child = spawn(process.execPath, [...program]);
    this.child.stderr.on("data", (text: Buffer) => (this.errors += text.toString()));
    createInterface(this.child.stdout).on("line", (line) => {
      this.lines.push(line);
      this.messages.push(JSON.parse(line) as Message);
    });
    this.child.stdin.on("error", () => undefined);
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  line(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  notify(method: string, params: JsonObject): void {
    this.line(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  /** Sends a request and returns its id. */
  send(method: string, params: JsonObject, id: string | number = ++this.#ids): string | number {
    this.line(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return id;
  }

  async answer(id: string | number, withinMs = 10_000): Promise<Message> {
    const answered = (): Message | undefined =>
      this.messages.find((message) => message.id === id && message.method === undefined);
    await eventually(answered, withinMs);
    return answered() ?? {};
  }

  async ask(method: string, params: JsonObject, withinMs?: number): Promise<Message> {
    return this.answer(this.send(method, params), withinMs);
  }

  async initialize(protocolVersion = "2025-11-25"): Promise<Message> {
    const clientInfo = { name: "raw", version: "0" };
    const answer = await this.ask("initialize", { protocolVersion, capabilities: {}, clientInfo });
    this.notify("notifications/initialized", {});
    return answer;
  }

  notifications(method: string): JsonObject[] {
    return this.messages.filter((message) => message.method === method).map(({ params = {} }) => params);
  }

  /** Its exit code, or the signal that ended it. */
  async ended(withinMs = 10_000): Promise<number | NodeJS.Signals | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit", { signal: AbortSignal.timeout(withinMs) });
    }
    return child.exitCode ?? child.signalCode;
  }
}

/** The `_meta` of a request of 2026-07-28. */
export function envelope(capabilities: JsonObject = {}): JsonObject {
  return {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "0" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
}

export const withTasks: JsonObject = { extensions: { "io.modelcontextprotocol/tasks": {} } };

/** The id in the answer to a call that became a task, of either generation. */
export function taskIdOf({ result }: Message): string {
  const { taskId } = (result?.["task"] ?? result) as { readonly taskId: string };
  return taskId;
}

/** Of all tasks, newest first, by the generated tool. */
export async function statuses(client: RawClient): Promise<string[]> {
  const { result = {} } = await client.ask("tools/call", { name: "list_tasks", arguments: {} });
  const { tasks } = result["structuredContent"] as { tasks: { status: string }[] };
  return tasks.map(({ status }) => status);
}

/** A connected client of `@modelcontextprotocol/sdk`, and its server's process id. */
export async function sdk1Client(
  program: Program,
): Promise<{ client: Sdk1Client; transport: Sdk1Transport; pid: number }> {
  const transport = new Sdk1Transport({ command: process.execPath, args: [...program], stderr: "ignore" });
  const client = new Sdk1Client({ name: "sdk1", version: "0" });
  // Its types do not know `exactOptionalPropertyTypes`.
  await client.connect(transport);
  const pid = transport.pid ?? 0;
  onTestFinished(() => end(client, pid));
  return { client, transport, pid };
}

/** A connected client of `@modelcontextprotocol/client`, with what ext-tasks wants beside it. */
export async function sdk2Client(
  program: Program,
  mode: "legacy" | "auto",
): Promise<{ client: Sdk2Client; rawDispatch: RawClientDispatch; pid: number }> {
  const transport = new Sdk2Transport({ command: process.execPath, args: [...program], stderr: "ignore" });
  const client = new Sdk2Client(
    { name: "sdk2", version: "0" },
    { versionNegotiation: { mode }, capabilities: {} },
  );
  await client.connect(transport);
  const pid = transport.pid ?? 0;
  onTestFinished(() => end(client, pid));
  return { client, rawDispatch: dispatchBeside(transport), pid };
}

async function end(client: { close(): Promise<void> }, pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
  await client.close();
}

/** Requests of its own on a connection that a client uses. */
function dispatchBeside(transport: Sdk2Transport): RawClientDispatch {
  const waiting = new Map<string, (response: JsonRpcResponse) => void>();
  const passOn = transport.onmessage;
  const onmessage: typeof passOn = (message) => {
    const { id, result, error } = message as Message;
    const settle = waiting.get(String(id));
    if (settle === undefined) passOn?.(message);
    else
      settle(
        (error === undefined ? { kind: "result", result } : { kind: "error", error }) as JsonRpcResponse,
      );
  };
  Object.assign(transport, { onmessage });
  let ids = 0;
  return (request) =>
    new Promise((resolve, reject) => {
      const id = `beside-${++ids}`;
      waiting.set(id, (response) => {
        waiting.delete(id);
        resolve(response);
      });
      const message = { ...(request as JsonObject), jsonrpc: "2.0", id };
      transport.send(message as Parameters<typeof transport.send>[0]).catch(reject);
    });
}

/** Looks every few milliseconds; fails the test when it does not hold in time. */
export async function eventually(holds: () => unknown, withinMs = 10_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`it did not happen within ${withinMs} ms: ${holds.toString()}`);
    await delay(5);
  }
}
