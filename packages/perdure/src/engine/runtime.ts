/**
 * What stands between a caller and the tasks: the declared tools, the record, and the engine, with the one way in.
 * The application and the wire both submit here, so that a task is the same whoever asked for it.
 */
import type { CreatedTask, CreateTask, TaskStore } from "../store/store.ts";
import type { ArtifactStore } from "../store/artifacts/artifact-store.ts";
import { TaskWatches } from "../store/task-watch.ts";
import type { Clock } from "../task/clock.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { IdSource, TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import type { Limits } from "../task/limits.ts";
import type { DeliveryPolicy, SessionContext, TaskSummary, Timestamp } from "../task/record.ts";
import { Artifacts } from "./artifacts.ts";
import { Engine } from "./engine.ts";
import type { Logger } from "./logger.ts";
import type { DeliverMode, TaskTool } from "./tool.ts";
import { spoken } from "./versions.ts";

export interface RuntimeParts {
  readonly store: TaskStore;
  readonly tools: ReadonlyMap<string, TaskTool>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: () => number;
  readonly logger: Logger;
  readonly concurrency: number;
  readonly concurrencyPerOwner: number;
  readonly limits: Limits;
  readonly lingerMs: number;
  /** As `AttemptParts.answerable`. */
  readonly answerable?: (() => boolean) | undefined;
  /** Absent: there is nowhere to deliver to. */
  readonly delivery?: DeliveryDefaults | undefined;
  /** Where artifacts are kept; absent: nowhere. */
  readonly artifacts?: ArtifactStore | undefined;
}

export interface DeliveryDefaults extends Pick<DeliveryPolicy, "graceMs" | "keepMs"> {
  readonly deliver: DeliverMode;
}

export interface Submission {
  readonly tool: string;
  readonly input: JsonValue | undefined;
  readonly owner: string;
  readonly idempotencyKey?: string | undefined;
  readonly priority?: number | undefined;
  readonly startAt?: Timestamp | undefined;
  readonly session?: SessionContext | undefined;
  readonly retryOf?: TaskId | undefined;
  /** See `CreateTask.answers`. */
  readonly answers?: Readonly<Record<string, JsonValue>> | undefined;
  /** How long the caller wants the task kept after its end; it can only lengthen the tool's `ttl`. */
  readonly keepMs?: number | undefined;
  /** See `CreateTask.rejoinKey`. */
  readonly rejoinKey?: string | undefined;
}

/** A caller cannot have the record kept for ever. */
const maxKeepMs = 90 * 86_400_000;

export class Runtime {
  readonly tools: ReadonlyMap<string, TaskTool>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watches: TaskWatches;
  readonly engine: Engine;
  readonly artifacts: Artifacts;
  readonly #ids: IdSource;
  readonly #delivery: DeliveryDefaults | undefined;
  readonly #limits: Limits;
  readonly #store: TaskStore;
  readonly #artifactStore: ArtifactStore | undefined;
  #endAttending: (() => void) | undefined;
  #closing = false;
  #closed = false;

  constructor(parts: RuntimeParts) {
    this.#store = parts.store;
    this.tools = parts.tools;
    this.clock = parts.clock;
    this.logger = parts.logger;
    this.watches = new TaskWatches(parts.store);
    this.#artifactStore = parts.artifacts;
    this.artifacts = new Artifacts(() => this.store, parts.artifacts);
    this.engine = new Engine({
      ...parts,
      artifacts: parts.artifacts,
      child: (...call) => this.#child(...call),
    });
    this.#ids = parts.ids;
    this.#delivery = parts.delivery;
    this.#limits = parts.limits;
  }

  /** @throws PerdureError `APP_CLOSED` */
  get store(): TaskStore {
    this.#refuseClosed();
    return this.#store;
  }

  /**
   * Answers for tasks that others run: hears of them from now on, and opens the record, so that one which cannot be
   * opened is told at once.
   */
  async attend(): Promise<void> {
    this.#endAttending ??= this.store.subscribe(() => undefined);
    await this.store.pausedTools();
  }

  /** The process shuts down: a connection that closes now says nothing about what its client wants. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Gives back what does not end within `drainMs`; whoever still waits for a task is told `APP_CLOSED`.
   * @param disconnect cuts what is connected, once nothing runs any more.
   */
  async close(drainMs: number, disconnect = async (): Promise<void> => undefined): Promise<void> {
    this.#closing = true;
    try {
      await this.engine.stop(drainMs);
      await disconnect();
    } finally {
      // Before the store closes, which takes time over a network: whoever wakes meanwhile asks it no more.
      this.#closed = true;
      this.watches.wakeAll();
    }
    this.#endAttending?.();
    await this.#artifactStore?.close();
    await this.#store.close();
  }

  /** @throws PerdureError `UNKNOWN_TOOL` */
  tool(name: string): TaskTool {
    const tool = this.tools.get(name);
    if (tool !== undefined) return tool;
    const known = [...this.tools.keys()].map(quote).join(", ");
    throw new PerdureError("UNKNOWN_TOOL", {
      message: `no task named ${quote(name)} is declared; there ${known === "" ? "is none" : `are ${known}`}.`,
    });
  }

  /**
   * Checks the input and creates the task, begun in the same commit where a slot is free.
   * @throws PerdureError `UNKNOWN_TOOL`, `INVALID_INPUT`, `INVALID_OPTION`, `INVALID_VALUE`, `IDEMPOTENCY_CONFLICT`,
   * `LIMIT_EXCEEDED`, `STORE_…`
   */
  async submit(submission: Submission): Promise<CreatedTask> {
    const tool = this.tool(submission.tool);
    const parsed = await tool.parseInput(submission.input);
    return this.create({
      ...submission,
      idempotencyKey: submission.idempotencyKey ?? tool.idempotencyKey?.(parsed),
    });
  }

  /** As `submit`, of an input that was checked before. */
  async create(submission: Submission): Promise<CreatedTask> {
    checkOptions(submission);
    this.#refuseClosed();
    const { keepMs = 0, ...task } = submission;
    const tool = this.tool(submission.tool);
    const { ttlMs, deadlineMs, deliver } = tool;
    return this.engine.create({
      ...task,
      ...this.#made(tool),
      id: this.#ids(this.clock.now()),
      ttlMs: ttlMs === undefined ? undefined : Math.max(ttlMs, Math.min(keepMs, maxKeepMs)),
      deadlineMs,
      delivery: task.session === undefined ? undefined : this.#deliveryTo(task.session, deliver),
    });
  }

  #refuseClosed(): void {
    if (this.#closed) throw new PerdureError("APP_CLOSED", { message: "the application was closed." });
  }

  async #child(name: string, input: JsonValue | undefined, idempotencyKey: string | undefined) {
    const tool = this.tool(name);
    const parsed = await tool.parseInput(input);
    return {
      id: this.#ids(this.clock.now()),
      tool: name,
      input,
      idempotencyKey: idempotencyKey ?? tool.idempotencyKey?.(parsed),
      ttlMs: tool.ttlMs,
      deadlineMs: tool.deadlineMs,
      ...this.#made(tool),
    };
  }

  /** What a new task of a tool is refused by, and the version that it is made for. */
  #made({ limits, version }: Pick<TaskTool, "limits" | "version">): Pick<CreateTask, "limits" | "version"> {
    const { inputBytes, queuedTasks } = limits;
    const { openTasksPerOwner, openTasks } = this.#limits;
    return {
      limits: { inputBytes, queuedTasks, openTasksPerOwner, openTasks },
      ...(version !== "" && { version }),
    };
  }

  /**
   * The caller was just given the end of its task: what is in time is not delivered as well. It costs nothing where
   * nothing of the task is delivered.
   */
  endGiven(task: TaskSummary): void {
    const { id: taskId, delivery } = task;
    if (delivery?.mode !== "unclaimed" || delivery.claimedAt !== undefined || task.phase !== "ended") return;
    if (this.clock.now() >= task.endedAt + delivery.graceMs) return;
    this.#store.deliveries.claimEnd({ taskId }).catch((error: unknown) => {
      // It will be delivered: rather twice than never.
      this.logger.warn({ err: error, task: taskId }, "that a result was fetched could not be recorded");
    });
  }

  #deliveryTo({ session }: SessionContext, deliver: DeliverMode | undefined): DeliveryPolicy | undefined {
    const defaults = this.#delivery;
    const mode = deliver ?? defaults?.deliver ?? "never";
    if (defaults === undefined || session === undefined || mode === "never") return undefined;
    const { keepMs, graceMs } = defaults;
    return { mode, graceMs: mode === "always" ? 0 : graceMs, keepMs };
  }

  /** Why a task that is due is not being run; `undefined` where nothing stands in its way. */
  async waitingFor(task: TaskSummary): Promise<string | undefined> {
    if (task.phase !== "queued" || task.dueAt > this.clock.now()) return undefined;
    const { store } = this;
    const paused = (await store.pausedTools()).find(({ tool }) => tool === task.tool);
    if (paused !== undefined) {
      const since = new Date(paused.since).toISOString();
      return `${quote(task.tool)} is paused since ${since}; it runs when the tool is resumed.`;
    }
    const active = await store.executor.activeTools();
    if (active === undefined) return "no process executes tasks of this store now; it runs when one starts.";
    if (!active.includes(task.tool)) return `no running process has a handler for ${quote(task.tool)}.`;
    const { [task.tool]: versions } = await store.executor.activeVersions();
    if (versions?.includes(task.version ?? "") === false) {
      return `no running process has a handler for ${spoken(task.version ?? "")} of ${quote(task.tool)}.`;
    }
    return this.engine.slotsTaken(task);
  }
}

/** What is no number would be kept as nothing, and the task would wait for ever. */
function checkOptions({ priority = 0, startAt = 0 }: Submission): void {
  if (Number.isSafeInteger(priority) && Number.isFinite(startAt)) return;
  throw new PerdureError("INVALID_OPTION", {
    message:
      `priority must be a whole number and startAt a time; ` +
      `priority ${quote(priority)} and startAt ${quote(startAt)} came.`,
  });
}
