/** A service over a real store, and an exchange that keeps what it is told. */
import { defaultLimits } from "../../task/limits.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { silent } from "../../app/app.fixture.ts";
import { type TaskOptions, toTaskTool } from "../../app/declaration.ts";
import { type DeclaredOptions, type ServingOptions, toService } from "../../app/serving.ts";
import type { TaskContext } from "../../engine/context.ts";
import { Runtime } from "../../engine/runtime.ts";
import type { TaskTool } from "../../engine/tool.ts";
import { systemClock } from "../../task/clock.ts";
import { newTaskId } from "../../task/id.ts";
import { openTestStore, temporaryStoreInMemory } from "../../store/store-under-test.fixture.ts";
import type { JsonObject } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { JsonRpcRequest } from "../exchange.ts";
import type { Caller, Service } from "../service.ts";
import type { ClientRequest, V1Exchange, V1Session } from "./client.ts";
import { createV1Front, type V1Front } from "./front.ts";

export interface TestTask {
  readonly handler: (input: JsonObject, task: TaskContext) => unknown;
  readonly options?: Partial<TaskOptions & DeclaredOptions>;
}

/** @param store of `temporaryStore`, for services that share a record, each as a process of its own. */
export async function testService(
  declared: Readonly<Record<string, TestTask>>,
  { store = temporaryStoreInMemory(), ...options }: ServingOptions & { readonly store?: string } = {},
): Promise<Service> {
  const tools = new Map<string, TaskTool>();
  const tasks = new Map<string, { tool: TaskTool; options: DeclaredOptions }>();
  for (const [name, { handler, options: own }] of Object.entries(declared)) {
    const full = { description: name, input: z.looseObject({}), ...own };
    const tool = toTaskTool(name, full, handler as TaskTool["handler"]);
    tools.set(name, tool);
    tasks.set(name, { tool, options: full });
  }
  const runtime = new Runtime({
    store: openTestStore(systemClock, store),
    tools,
    clock: systemClock,
    logger: silent,
    concurrency: 100,
    concurrencyPerOwner: Number.POSITIVE_INFINITY,
    limits: defaultLimits,
    lingerMs: 2_000,
    random: Math.random,
    ids: newTaskId,
  });
  await runtime.engine.start();
  onTestFinished(() => runtime.close(0, () => Promise.resolve()));
  const declarations = { tasks, plainTools: new Map(), registrations: [] };
  return toService({ name: "test", version: "1.2.3" }, options, declarations, runtime);
}

export const session: V1Session = {
  id: undefined,
  protocolVersion: "2025-11-25",
  clientName: undefined,
  logLevel: undefined,
  capabilities: {},
  askedAs: undefined,
  stream: undefined,
};

export type Said =
  | { readonly notify: string; readonly params: JsonObject }
  | { readonly ask: ClientRequest }
  | { readonly prime: string }
  | { readonly keepAlive: true }
  | { readonly closed: true }
  | { readonly result: JsonObject }
  | { readonly error: JsonRpcError };

export class FakeExchange implements V1Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly said: Said[] = [];
  readonly #gone = new AbortController();
  readonly gone: AbortSignal = this.#gone.signal;

  constructor(
    method: string,
    params: JsonObject,
    { owner = "local", id = 7 }: { readonly owner?: string; readonly id?: string | number } = {},
  ) {
    this.request = { id, method, params };
    this.caller = { owner, session: undefined, clientName: undefined, headers: {} };
  }

  /** As when the connection closes, or with the reason of `notifications/cancelled`. */
  leave(reason?: string): void {
    this.#gone.abort(reason);
  }

  notify(method: string, params: JsonObject): void {
    this.#say({ notify: method, params });
  }
  ask(request: ClientRequest): void {
    this.#say({ ask: request });
  }
  prime(eventId: string): void {
    this.#say({ prime: eventId });
  }
  keepAlive(): void {
    this.#say({ keepAlive: true });
  }
  close(): void {
    this.#say({ closed: true });
  }
  result(result: JsonObject): void {
    this.#say({ result });
  }
  error(error: JsonRpcError): void {
    this.#say({ error });
  }

  /** The only answer. */
  get answer(): { readonly result?: JsonObject; readonly error?: JsonRpcError } {
    const answers = this.said.filter((said) => "result" in said || "error" in said);
    if (answers.length !== 1) throw new Error(`${answers.length} answers: ${JSON.stringify(this.said)}`);
    return answers[0] as { result: JsonObject };
  }

  notified(method: string): JsonObject[] {
    return this.said.flatMap((said) => ("notify" in said && said.notify === method ? [said.params] : []));
  }

  get primed(): string[] {
    return this.said.flatMap((said) => ("prime" in said ? [said.prime] : []));
  }

  #say(said: Said): void {
    if (this.said.some((earlier) => "result" in earlier || "error" in earlier || "closed" in earlier)) {
      throw new Error(`after the answer: ${JSON.stringify(said)}`);
    }
    this.said.push(said);
  }
}

/** One request, answered. */
export async function ask(
  front: V1Front,
  method: string,
  params: JsonObject,
  { owner = "local", ...known }: { readonly owner?: string } & Partial<V1Session> = {},
): Promise<FakeExchange> {
  const exchange = new FakeExchange(method, params, { owner });
  await front.serve(exchange, { ...session, ...known });
  return exchange;
}

/** A V1 task, by its id. */
export async function start(front: V1Front, name: string, owner = "local"): Promise<string> {
  const { answer } = await ask(front, "tools/call", { name, task: {} }, { owner });
  return taskIdIn(answer.result);
}

/** Of the answer that creates a task. */
export function taskIdIn(result: JsonObject | undefined): string {
  const { task } = (result ?? {}) as { readonly task?: { readonly taskId: string } };
  if (task === undefined) throw new Error(`no task: ${JSON.stringify(result)}`);
  return task.taskId;
}

export async function testFront(...setting: Parameters<typeof testService>): Promise<V1Front> {
  return createV1Front(await testService(...setting));
}

/** Waits for something that must come within a second or so. */
export async function eventually(check: () => boolean | Promise<boolean>, what = "it"): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await check()) return;
    await sleep(10);
  }
  throw new Error(`${what} did not come true`);
}

export const never: TestTask = { handler: () => new Promise<never>(() => undefined) };
