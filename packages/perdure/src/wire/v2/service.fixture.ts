/** A service over a real store, and an exchange that keeps what it is told. */
import { defaultLimits } from "../../task/limits.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { silent } from "../../app/app.fixture.ts";
import { toTaskTool, type TaskHandler, type TaskOptions } from "../../app/declaration.ts";
import { type DeclaredOptions, type ServingOptions, toPlainTool, toService } from "../../app/serving.ts";
import { Runtime } from "../../engine/runtime.ts";
import type { TaskTool } from "../../engine/tool.ts";
import { systemClock } from "../../task/clock.ts";
import { newTaskId } from "../../task/id.ts";
import { openTestStore } from "../../store/store-under-test.fixture.ts";
import type { JsonObject } from "../../task/json.ts";
import type { JsonRpcError } from "../call/tool-result.ts";
import type { Exchange, JsonRpcRequest } from "../exchange.ts";
import type { Caller, PlainTool, Service } from "../service.ts";

export interface TestTask {
  readonly handler: TaskHandler<z.ZodType, unknown>;
  readonly options?: Partial<TaskOptions>;
}

export interface TestOptions extends ServingOptions {
  readonly plainTools?: Readonly<Record<string, PlainTool["handler"]>>;
  readonly registrations?: Service["registrations"];
}

export async function testService(
  declared: Readonly<Record<string, TestTask>>,
  { plainTools = {}, registrations = [], ...options }: TestOptions = {},
): Promise<Service> {
  const tools = new Map<string, TaskTool>();
  const tasks = new Map<string, { tool: TaskTool; options: DeclaredOptions }>();
  for (const [name, { handler, options: own }] of Object.entries(declared)) {
    const full = { description: name, input: z.looseObject({}), ...own };
    const tool = toTaskTool(name, full, handler);
    tools.set(name, tool);
    tasks.set(name, { tool, options: full });
  }
  const plain = Object.entries(plainTools).map(
    ([name, handler]) =>
      [name, toPlainTool(name, { description: name, input: z.looseObject({}) }, handler)] as const,
  );
  const runtime = new Runtime({
    store: openTestStore(),
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
  return toService(
    { name: "test", version: "1.2.3" },
    options,
    { tasks, plainTools: new Map(plain), registrations },
    runtime,
  );
}

export const revision = "2026-07-28";

/** The `_meta` of a request. */
export function envelope({ tasks = false, ...more }: { tasks?: boolean } & JsonObject = {}): JsonObject {
  return {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "tester", version: "0" },
    "io.modelcontextprotocol/clientCapabilities": tasks
      ? { extensions: { "io.modelcontextprotocol/tasks": {} } }
      : {},
    ...more,
  };
}

export type Said =
  | { readonly notify: string; readonly params: JsonObject }
  | { readonly keepAlive: true }
  | { readonly result: JsonObject }
  | { readonly error: JsonRpcError; readonly status: number | undefined };

export class FakeExchange implements Exchange {
  readonly request: JsonRpcRequest;
  readonly caller: Caller;
  readonly said: Said[] = [];
  readonly #gone = new AbortController();
  readonly gone: AbortSignal = this.#gone.signal;

  constructor(method: string, params: JsonObject, owner = "local") {
    this.request = { id: 7, method, params };
    this.caller = { owner, session: undefined, clientName: undefined, headers: {} };
  }

  /** As when the connection closes, or with the reason of `notifications/cancelled`. */
  leave(reason?: string): void {
    this.#gone.abort(reason);
  }

  notify(method: string, params: JsonObject): void {
    this.#say({ notify: method, params });
  }
  prime(): void {
    throw new Error("nothing is resumed on 2026-07-28");
  }
  keepAlive(): void {
    this.#say({ keepAlive: true });
  }
  result(result: JsonObject): void {
    this.#say({ result });
  }
  error(error: JsonRpcError, status?: number): void {
    this.#say({ error, status });
  }

  /** The only answer. */
  get answer(): {
    readonly result?: JsonObject;
    readonly error?: JsonRpcError;
    readonly status?: number | undefined;
  } {
    const answers = this.said.filter((said) => "result" in said || "error" in said);
    if (answers.length !== 1) throw new Error(`${answers.length} answers: ${JSON.stringify(answers)}`);
    return answers[0] as { result: JsonObject };
  }

  notified(method: string): JsonObject[] {
    return this.said.flatMap((said) => ("notify" in said && said.notify === method ? [said.params] : []));
  }

  #say(said: Said): void {
    if (this.said.some((earlier) => "result" in earlier || "error" in earlier)) {
      throw new Error(`after the answer: ${JSON.stringify(said)}`);
    }
    this.said.push(said);
  }
}

/** Waits for something that must come within a second or so. */
export async function eventually(check: () => boolean | Promise<boolean>, what = "it"): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await check()) return;
    await sleep(10);
  }
  throw new Error(`${what} did not come true`);
}
