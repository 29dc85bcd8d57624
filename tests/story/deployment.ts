/**
 * What `examples/agentcore` is when it is deployed, on this machine: agent and server on a local AgentCore, as its
 * configuration file says; a worker outside of the Runtime; the record in Postgres. Beside it the user, who has the AWS
 * SDK and nothing else, and eyes: on the record, on the memory, on what the model called.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BedrockAgentCoreClient,
  DeleteEventCommand,
  type Event,
  InvokeAgentRuntimeCommand,
  paginateListEvents,
} from "@aws-sdk/client-bedrock-agentcore";
import {
  type AgentCoreLocal,
  MovableClock,
  type RuntimeOptions,
  type RuntimeSession,
  startAgentCoreLocal,
} from "agentcore-local";
import type { TaskId, TaskStore } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { decodeModel } from "../../examples/model-training/model-bytes.ts";
import { Calls } from "./calls.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "examples/agentcore");
const command = join(root, "packages/perdure/dist/cli/main.js");

export const memoryId = "training-0123456789";
export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

/** The conversation of a user: the same ids, whatever process answers. */
export interface Conversation {
  readonly actorId: string;
  /** 33 characters at least, as AgentCore Runtime wants it. */
  readonly sessionId: string;
}

export interface Answer {
  readonly text: string;
  readonly tookMs: number;
}

export interface DeploymentOptions {
  readonly databaseUrl: string;
  /** By way of the gateway, and with its profile. */
  readonly isBehindGateway?: boolean;
  /** Another server's file, of an application with more tools. */
  readonly server?: string;
}

interface Configuration {
  readonly runtimes: readonly RuntimeOptions[];
  readonly gateways: readonly { readonly name: string; readonly target: { name: string; runtime: string } }[];
}

export class Deployment implements AsyncDisposable {
  readonly clock: MovableClock;
  readonly local: AgentCoreLocal;
  /** A look into the record: it reads, and executes nothing. */
  readonly record: TaskStore;
  readonly calls: Calls;
  /** What programs and the worker wrote. */
  readonly output: string[];
  readonly #client: BedrockAgentCoreClient;
  readonly #databaseUrl: string;
  #worker: ChildProcess | undefined;

  private constructor(
    local: AgentCoreLocal,
    databaseUrl: string,
    { clock, calls, output }: Pick<Deployment, "clock" | "calls" | "output">,
  ) {
    this.clock = clock;
    this.local = local;
    this.calls = calls;
    this.output = output;
    this.#databaseUrl = databaseUrl;
    this.record = openPostgresStore({ url: databaseUrl });
    const credentials = { accessKeyId: "any", secretAccessKey: "any" };
    this.#client = new BedrockAgentCoreClient({ endpoint: local.url, region: "us-west-2", credentials });
  }

  static async start({
    databaseUrl,
    isBehindGateway = false,
    server,
  }: DeploymentOptions): Promise<Deployment> {
    const clock = new MovableClock();
    const calls = new Calls();
    const output: string[] = [];
    const text = readFileSync(join(folder, "agentcore-local.json"), "utf8");
    const { runtimes, gateways } = JSON.parse(text) as Configuration;
    const local = await startAgentCoreLocal({
      clock,
      model: calls.model,
      folder,
      runtimes: runtimes.map((runtime) => ({
        ...runtime,
        command: process.execPath,
        ...(runtime.name === "trainer" && server !== undefined && { args: [server] }),
        env: {
          ...runtime.env,
          ...(runtime.name === "trainer" && { DATABASE_URL: databaseUrl }),
          ...(isBehindGateway && behindGateway[runtime.name]),
        },
      })),
      gateways,
      // Less than the second by which `time_of_last_update` moves.
      limits: { pingMs: 250 },
      onSession: ({ type, runtime, reason = "" }) =>
        void output.push(`${runtime}: session ${type} ${reason}`),
      onOutput: ({ runtime, line }) => void output.push(`${runtime}: ${line}`),
    });
    return new Deployment(local, databaseUrl, { clock, calls, output });
  }

  /** `perdure worker`: as a container outside of the Runtime runs it. */
  async startWorker(): Promise<void> {
    const worker = spawn(process.execPath, [command, "worker", join(folder, "server.ts"), "--json"], {
      env: {
        PATH: process.env["PATH"],
        DATABASE_URL: this.#databaseUrl,
        MEMORY_ID: memoryId,
        AWS_REGION: "us-west-2",
        AWS_ACCESS_KEY_ID: "any",
        AWS_SECRET_ACCESS_KEY: "any",
        AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: this.local.url,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#worker = worker;
    process.once("exit", this.#killWorker);
    const said: string[] = [];
    createInterface(worker.stderr).on("line", (line) => {
      said.push(line);
      this.output.push(`worker: ${line}`);
    });
    await Promise.race([
      once(createInterface(worker.stdout), "line"),
      once(worker, "exit").then(() => {
        throw new Error(`The worker did not start.\n${said.join("\n")}`);
      }),
    ]);
  }

  get workerPid(): number | undefined {
    return this.#worker?.pid;
  }

  /** What the user does: one call of the AWS SDK. */
  async ask({ actorId, sessionId }: Conversation, prompt: string): Promise<Answer> {
    const begun = performance.now();
    const { response } = await this.#client.send(
      new InvokeAgentRuntimeCommand({
        agentRuntimeArn: this.local.runtime("agent").arn,
        runtimeSessionId: sessionId,
        contentType: "application/json",
        accept: "text/event-stream",
        payload: Buffer.from(JSON.stringify({ prompt, actor_id: actorId })),
      }),
    );
    const stream = (await response?.transformToString()) ?? "";
    const [, data] = /^event: result\ndata: (.*)$/m.exec(stream) ?? [];
    if (data === undefined) throw new Error(`The agent gave no result: ${stream}\n${this.output.join("\n")}`);
    return { text: (JSON.parse(data) as { text: string }).text, tookMs: performance.now() - begun };
  }

  /** Oldest first. */
  async events(conversation: Conversation): Promise<Event[]> {
    const found: Event[] = [];
    for await (const { events } of paginateListEvents(
      { client: this.#client },
      { memoryId, ...conversation },
    ))
      found.push(...(events ?? []));
    return found.toReversed();
  }

  /** What perdure wrote into the memory. */
  async delivered(conversation: Conversation): Promise<Event[]> {
    return (await this.events(conversation)).filter(({ metadata }) => metadata?.["taskId"] !== undefined);
  }

  async forget(conversation: Conversation, events: readonly Event[]): Promise<void> {
    for (const { eventId } of events) {
      await this.#client.send(new DeleteEventCommand({ memoryId, ...conversation, eventId }));
    }
  }

  sessions(runtime: string): readonly RuntimeSession[] {
    return this.local.sessions().filter((session) => session.runtime === runtime);
  }

  /** The process and the disk of the one session of that runtime, or of the one under that id. */
  async program(runtime: string, conversation?: Conversation) {
    const found = this.sessions(runtime).filter(
      ({ sessionId }) => conversation === undefined || sessionId === conversation.sessionId,
    );
    const [session] = found;
    if (session === undefined || found.length > 1)
      throw new Error(`One session of ${runtime} was expected, there are ${found.length}.`);
    return { session, ...(await session.program) };
  }

  /**
   * Until the platform has seen that something happens in the server, by which alone it keeps that session: the
   * `time_of_last_update` of its /ping has moved, been looked at, and moved again.
   */
  async serverMoves(): Promise<void> {
    const { port } = await this.program("trainer");
    const updatedAt = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/ping`);
      return ((await response.json()) as { readonly time_of_last_update: number }).time_of_last_update;
    };
    const seen = new Set<number>();
    await eventually("the server's /ping to move twice", async () =>
      seen.add(await updatedAt()).size > 2 ? true : undefined,
    );
  }

  /** The task that was started last. */
  async latestTask(): Promise<TaskId> {
    const [latest] = (await this.record.list({ limit: 1 })).tasks;
    if (latest === undefined) throw new Error("There is no task.");
    return latest.id;
  }

  /** How far the state is that the record keeps. */
  async savedEpoch(taskId: TaskId): Promise<number> {
    const state = await this.record.savedState({ taskId });
    return state instanceof Uint8Array ? decodeModel(state).epoch : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    await Promise.all([this.local.close(), this.#endWorker(), this.record.close()]);
  }

  readonly #killWorker = (): void => void this.#worker?.kill("SIGKILL");

  async #endWorker(): Promise<void> {
    process.off("exit", this.#killWorker);
    const worker = this.#worker;
    if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) return;
    const exited = once(worker, "exit");
    worker.kill("SIGKILL");
    await exited;
  }
}

const behindGateway: Readonly<Record<string, Record<string, string>>> = {
  agent: { TRAINER_URL: "{url}/gateways/front/mcp" },
  trainer: { PERDURE_HOSTING: "agentcore-gateway" },
};

/** Looks again and again until there is something to see. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 60_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > until) throw new Error(`Not within ${withinMs / 1_000} s: ${what}.`);
    await sleep(50);
  }
}
