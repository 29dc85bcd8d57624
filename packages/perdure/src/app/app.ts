/** The application: what an author declares tools on, starts, and submits tasks to. */
import type { RequestListener } from "node:http";
import type { McpServer } from "@modelcontextprotocol/server";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { pino } from "pino";
import { Delivery } from "../delivery/delivery.ts";
import type { Logger } from "../engine/logger.ts";
import { Runtime } from "../engine/runtime.ts";
import type { TaskTool } from "../engine/tool.ts";
import type { TaskStore } from "../store/store.ts";
import { type Clock, systemClock } from "../task/clock.ts";
import { toMs } from "../task/duration.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { newTaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import { defaultLimits, type Limits, toLimits, toTaskLimits } from "../task/limits.ts";
import type { HttpEndpoint } from "../wire/http/endpoint.ts";
import type { Listening } from "../wire/http/listener.ts";
import type { PlainContext, PlainTool, Service } from "../wire/service.ts";
import {
  type DeclaredTask,
  type ResultOf,
  type TaskHandler,
  type TaskOptions,
  toCount,
  toTaskTool,
} from "./declaration.ts";
import { type Delivering, toDelivering } from "./delivering.ts";
import { TaskHandle } from "./handle.ts";
import { type HostingProfile, pingOf, requirePlatform, toHosting } from "./hosting.ts";
import {
  type CloseOptions,
  type ListenOptions,
  type MountOptions,
  type PerdureOptions,
  type StartOptions,
  type StdioOptions,
  type SubmitOptions,
  toBodyLimits,
} from "./options.ts";
import { openArtifacts } from "./open-artifacts.ts";
import { openStore } from "./open-store.ts";
import { type Readiness, readinessOf } from "./readiness.ts";
import { closeOnSignals } from "./process-signals.ts";
import { requireServing, type Role, toRole } from "./role.ts";
import { type ThreadOptions, toHandler } from "./thread-handler.ts";
import type { Schema } from "../engine/schema.ts";
import {
  type DeclaredOptions,
  type PlainToolOptions,
  toolNamesOf,
  toPlainTool,
  toService,
} from "./serving.ts";
import { Tasks } from "./tasks.ts";

export type {
  CloseOptions,
  ListenOptions,
  MountOptions,
  PerdureOptions,
  ServerOptions,
  StartOptions,
  StdioOptions,
  SubmitOptions,
} from "./options.ts";

/**
 * A client may start a second server beside its own, only to ask which protocol it speaks (SDK 2.4 does), and end it at
 * once. Such a one must not take up tasks that it leaves again: each would count as a crash.
 */
const onlyProbedMs = 2_000;

/** At the end of the application, for a memory that is just being written to. */
const answerMs = 5_000;

/** The one principal there is where nobody is authenticated. */
export const localOwner = "local";

/** Makes an application. Nothing is opened before it is used. @throws PerdureError `INVALID_OPTION` */
export function perdure(options: PerdureOptions): App {
  return new App(options);
}

export class App {
  readonly name: string;
  readonly version: string;
  /** Every task, for whoever operates the application. */
  readonly tasks: Tasks;
  readonly #options: PerdureOptions;
  readonly #role: Role;
  readonly #hosting: HostingProfile;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tools = new Map<string, TaskTool>();
  readonly #declared = new Map<string, { readonly tool: TaskTool; readonly options: DeclaredOptions }>();
  readonly #plainTools = new Map<string, PlainTool>();
  readonly #registrations: ((server: McpServer) => void)[] = [];
  readonly #endpoints: { close(): Promise<void> }[] = [];
  readonly #delivering: Delivering | undefined;
  #opened: Runtime | undefined;
  #delivery: Delivery | undefined;
  #state: "open" | "started" | "closed" = "open";
  #closed: Promise<void> | undefined;
  /** Until it is served, nobody knows what clients are offered. */
  #answerable = true;

  constructor(options: PerdureOptions) {
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(options.name)) {
      throw new PerdureError("INVALID_OPTION", {
        message: `name must be 1 to 64 letters, digits, "_", "-" or "."; ${quote(options.name)} came.`,
      });
    }
    toCount(options.concurrency ?? 1, "concurrency");
    toCount(options.concurrencyPerOwner ?? 1, "concurrencyPerOwner");
    this.#role = toRole(options.role);
    this.#hosting = toHosting(options.hosting);
    this.#limits = toLimits(options.limits, defaultLimits, "limits");
    this.name = options.name;
    this.version = options.version;
    this.#options = options;
    this.#delivering = toDelivering(options);
    this.#clock = options.clock ?? systemClock;
    this.#logger =
      options.logger ??
      pino({ name: options.name, level: "warn" }, pino.destination({ dest: 2, sync: true }));
    this.tasks = new Tasks(() => this.#open(), this.#limits);
    if (options.signals ?? this.#hosting.signals) closeOnSignals(this);
  }

  /**
   * Declares a durable tool. The handler runs again from its first line after a crash or retry: steps for stages,
   * `save` for loops.
   * @throws PerdureError `TOOL_EXISTS`, `INVALID_OPTION`
   */
  task<
    Input extends Schema,
    Result extends StandardSchemaV1.InferInput<Output>,
    Output extends Schema = Schema,
  >(
    name: string,
    options: TaskOptions<Input, Output>,
    handler: TaskHandler<Input, Result>,
  ): DeclaredTask<StandardSchemaV1.InferInput<Input>, ResultOf<Result, Output>>;
  /**
   * As above, of a handler that computes: it runs in a thread of its own, so that nothing else waits for it.
   * @throws PerdureError `TOOL_EXISTS`, `INVALID_OPTION` also for a module that is not there
   */
  task<
    Input extends Schema,
    Result extends StandardSchemaV1.InferInput<Output>,
    Output extends Schema = Schema,
  >(
    name: string,
    options: TaskOptions<Input, Output> & ThreadOptions<TaskHandler<Input, Result>>,
  ): DeclaredTask<StandardSchemaV1.InferInput<Input>, ResultOf<Result, Output>>;
  task(
    name: string,
    options: TaskOptions & Partial<ThreadOptions<unknown>>,
    handler?: TaskHandler<Schema, unknown>,
  ): DeclaredTask {
    if (this.#state !== "open") {
      throw new PerdureError("INVALID_OPTION", {
        message: `task ${quote(name)} was declared after the start.`,
      });
    }
    this.#refuseDeclared(name);
    const limits = toTaskLimits(this.#limits);
    const tool = toTaskTool(name, options, toHandler(name, options, handler), limits);
    this.#tools.set(name, tool);
    this.#declared.set(name, { tool, options });
    return { name };
  }

  /**
   * Declares an ordinary short tool: not durable, answered within its request.
   * @throws PerdureError `TOOL_EXISTS`, `INVALID_OPTION`
   */
  tool<Input extends Schema>(
    name: string,
    options: PlainToolOptions<Input>,
    handler: (input: StandardSchemaV1.InferOutput<Input>, context: PlainContext) => unknown,
  ): void {
    this.#refuseDeclared(name);
    this.#plainTools.set(name, toPlainTool(name, options, handler));
  }

  /** Registers resources, prompts and whatever else the SDK's server offers, on each server that is made. */
  register(registration: (server: McpServer) => void): void {
    this.#registrations.push(registration);
  }

  /**
   * Starts, and serves MCP of both generations over HTTP. Default `http://127.0.0.1:8000/mcp`.
   * @throws PerdureError `INVALID_OPTION` for a public address without `auth`, one that cannot be listened on, or the
   * role `work`.
   */
  async listen(options: ListenOptions = {}): Promise<Listening> {
    const { role = this.#role } = options;
    requireServing(role);
    const { host = this.#hosting.host, port = this.#hosting.port } = options;
    const { path = "/mcp", maxConnections = 10_000 } = options;
    const http = await import("./http.ts");
    requirePlatform(this.#options.auth, this.#hosting, http.isLoopback(host) ? "loopback" : "anywhere");
    const endpoint = http.createEndpoint(this.service(options.server), this.#options.auth, host, options);
    this.#endpoints.push(endpoint);
    const runtime = this.#open();
    await this.start({ role });
    const listening = await http.listen(endpoint, {
      host,
      port,
      path,
      maxConnections: toCount(maxConnections, "maxConnections"),
      ping: this.#hosting.ping ? () => pingOf(runtime.engine) : undefined,
      readiness: () => this.readiness(),
    });
    this.#endpoints.unshift(listening);
    if (this.#state === "closed") {
      // Meanwhile, and so without closing this one.
      await listening.close();
      this.#open();
    }
    return listening;
  }

  /**
   * Serves MCP of both generations on standard input and output, and starts when the client begins to use it, or 2 s
   * later. The end of the input closes the application; what has not ended then goes on at its next start.
   */
  async stdio({ server, role = this.#role, ...streams }: StdioOptions = {}): Promise<void> {
    requireServing(role);
    const service = this.service(server);
    const { serveOnStdio } = await import("../wire/stdio/serve.ts");
    this.#state = "started";
    const failed = (error: unknown): void => this.#logger.error({ err: error }, "could not start or close");
    const start = (): void => void (this.#state === "started" && this.start({ role }).catch(failed));
    const unused = this.#clock.after(onlyProbedMs, start);
    const caller = {
      owner: localOwner,
      trusted: true,
      session: undefined,
      clientName: undefined,
      headers: {},
    };
    const onUse = (): void => {
      unused.cancel();
      start();
    };
    const onEnd = (): void => {
      unused.cancel();
      this.close().catch(failed);
    };
    this.#endpoints.push(serveOnStdio(service, caller, streams, { onUse, onEnd }));
  }

  /** A web-standard handler, for Hono and others: `app.all("/mcp", (c) => mcp(c.req.raw))`. Starts nothing. */
  fetchHandler(options: MountOptions = {}): (request: Request) => Promise<Response> {
    const endpoint = this.#mounted(options);
    return async (request) => {
      const { webHandler } = await import("./http.ts");
      return webHandler(await endpoint())(request);
    };
  }

  /**
   * A handler for node:http and Express; for Fastify, after `reply.hijack()`:
   * `mcp(Object.assign(request.raw, { body: request.body }), reply.raw)`. Starts nothing.
   */
  nodeHandler(options: MountOptions = {}): RequestListener {
    const endpoint = this.#mounted(options);
    return (request, response) => {
      const serve = async (): Promise<void> => {
        const { nodeHandler } = await import("./http.ts");
        nodeHandler(await endpoint())(request, response);
      };
      serve().catch((error: unknown) => {
        this.#logger.error({ err: error }, "a mounted handler could not be made");
        response.writeHead(500).end();
      });
    };
  }

  /**
   * Begins to execute: unfinished tasks of earlier runs first. With the role `serve` it opens the record and takes up
   * nothing.
   * @throws PerdureError `STORE_…`, `APP_CLOSED`, `INVALID_OPTION`
   */
  async start({ role = this.#role }: StartOptions = {}): Promise<void> {
    const runtime = this.#open();
    this.#state = "started";
    if (toRole(role) === "serve") return runtime.attend();
    await runtime.engine.start();
    this.#deliver(runtime.store);
  }

  /**
   * Whether this process can serve now: the record answers, and what was started here still runs here. `listen` answers
   * `GET /ready` with it. Never rejects.
   */
  async readiness(): Promise<Readiness> {
    return readinessOf(() => this.#open().store);
  }

  /**
   * Creates a task. When the promise resolves it is durable, and will run as soon as an application with its handler
   * is started.
   * @throws PerdureError `UNKNOWN_TOOL`, `INVALID_INPUT`, `INVALID_VALUE`, `IDEMPOTENCY_CONFLICT`, `LIMIT_EXCEEDED`,
   * `STORE_…`
   */
  async submit<Input, Result>(
    tool: DeclaredTask<Input, Result>,
    input: Input,
    options?: SubmitOptions,
  ): Promise<TaskHandle<Result>>;
  async submit(tool: string, input: unknown, options?: SubmitOptions): Promise<TaskHandle>;
  async submit(
    tool: string | DeclaredTask,
    input: unknown,
    options: SubmitOptions = {},
  ): Promise<TaskHandle> {
    const { owner = localOwner, startAt, ...rest } = options;
    const runtime = this.#open();
    const { task } = await runtime.submit({
      ...rest,
      tool: typeof tool === "string" ? tool : tool.name,
      owner,
      input: input as JsonValue | undefined,
      startAt: startAt instanceof Date ? startAt.getTime() : startAt,
    });
    return new TaskHandle(task.id, owner, runtime);
  }

  /**
   * From now on no attempt of the tool begins, in any process of the store, until `resume`; what runs goes on. What
   * waits for that says so in its status. False when it was paused before.
   */
  async pause(tool: string | DeclaredTask): Promise<boolean> {
    return this.#open().store.pause({ tool: typeof tool === "string" ? tool : tool.name });
  }

  /** Ends a pause. False when there was none. */
  async resume(tool: string | DeclaredTask): Promise<boolean> {
    return this.#open().store.resume({ tool: typeof tool === "string" ? tool : tool.name });
  }

  /** Begins what is due and has a slot, and returns how many tasks that were: a test's way to step the engine. */
  async tick(): Promise<number> {
    return this.#open().engine.tick();
  }

  /** Writes a consistent copy of the record to a new file, while in use. */
  async backup(file: string): Promise<void> {
    const { store } = this.#open();
    if (store.backup === undefined) {
      throw new PerdureError("INVALID_OPTION", {
        message: `${store.location} is backed up with its server's own tools.`,
      });
    }
    await store.backup(file);
  }

  /**
   * Graceful: no new work, every running handler's signal, `drainMs` for them to end; what is left is given back, and
   * the next start goes on with it. A second call waits for the same end.
   */
  async close({ drainMs = this.#hosting.drainMs }: CloseOptions = {}): Promise<void> {
    const ms = toMs(drainMs, "drainMs");
    this.#state = "closed";
    this.#closed ??= this.#end(ms);
    await this.#closed;
  }

  /** Calls that wait stay open while handlers may still finish, and are cut, not cancelled, afterwards. */
  async #end(drainMs: number): Promise<void> {
    await this.#opened?.close(drainMs, async () => {
      await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()));
      await this.#delivery?.stop(Math.min(drainMs, answerMs));
    });
  }

  #deliver(store: TaskStore): void {
    if (this.#delivering === undefined || this.#state === "closed") return;
    const { random = Math.random } = this.#options;
    const names = toolNamesOf(this.#options, this.#declared);
    const [results, answer] = [names.get("get_task_results"), names.get("answer_task")];
    this.#delivery ??= new Delivery({
      ...this.#delivering,
      store,
      clock: this.#clock,
      logger: this.#logger,
      random,
      tools: { ...(results !== undefined && { results }), ...(answer !== undefined && { answer }) },
    });
    this.#delivery.start();
  }

  /** @internal What is served, for `attach`. */
  service(newServer?: () => McpServer): Service {
    const service = toService(
      { name: this.name, version: this.version },
      this.#options,
      { tasks: this.#declared, plainTools: this.#plainTools, registrations: this.#registrations },
      this.#open(),
      this.#hosting,
    );
    // Who hides it has other means.
    const hidden = this.#options.tools?.hide?.includes("answer_task") ?? false;
    this.#answerable = hidden || service.settings.toolNames.has("answer_task");
    return { ...service, newServer };
  }

  /** The endpoint of a mounted handler, made at its first request. */
  #mounted(options: MountOptions): () => Promise<HttpEndpoint> {
    requirePlatform(this.#options.auth, this.#hosting, "anywhere");
    toBodyLimits(options); // what is wrong with them is said here, not to the first client
    const service = this.service(options.server);
    let endpoint: Promise<HttpEndpoint> | undefined;
    const make = async (): Promise<HttpEndpoint> => {
      const { createEndpoint } = await import("./http.ts");
      const made = createEndpoint(service, this.#options.auth, undefined, options);
      this.#endpoints.push(made);
      return made;
    };
    return () => (endpoint ??= make());
  }

  #refuseDeclared(name: string): void {
    if (!this.#tools.has(name) && !this.#plainTools.has(name)) return;
    throw new PerdureError("TOOL_EXISTS", { message: `a tool named ${quote(name)} is declared already.` });
  }

  #open(): Runtime {
    if (this.#state === "closed") {
      throw new PerdureError("APP_CLOSED", { message: `the application ${quote(this.name)} was closed.` });
    }
    this.#opened ??= this.#openRuntime();
    return this.#opened;
  }

  #openRuntime(): Runtime {
    const { concurrencyPerOwner = Number.POSITIVE_INFINITY } = this.#options;
    const { store, concurrency = 100, linger = "2s", random = Math.random, ids = newTaskId } = this.#options;
    const [clock, logger] = [this.#clock, this.#logger];
    const opened = typeof store === "object" ? store : openStore(store, this.name, clock, logger);
    return new Runtime({
      store: opened,
      artifacts: openArtifacts(this.#options.artifacts, opened),
      tools: this.#tools,
      clock,
      logger,
      concurrency,
      concurrencyPerOwner,
      limits: this.#limits,
      lingerMs: toMs(linger, "linger"),
      answerable: () => this.#answerable,
      random,
      ids,
      delivery: this.#delivering?.defaults,
    });
  }
}
