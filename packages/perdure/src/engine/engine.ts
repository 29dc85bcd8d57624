/**
 * Runs due tasks: claims as many as there are slots, gives each its attempt, and looks again when one of three things
 * happens: the executor wakes it, a slot falls free while more was due, or the next due time comes. There is one
 * timer, however many tasks wait.
 *
 * A look costs a transaction, and with all slots taken every start would set one off that finds nothing to begin. So
 * none is made for a transition of this process while no slot is free and more is known to be due, because nothing is
 * missed by it: the slot that falls free looks, the timer stands at the earliest deadline of the last look, and the
 * deadlines of what this process has created since were added to it. What others wrote is always looked at: nobody
 * here knows their deadlines.
 *
 * The engine decides nothing about a task that the record has not decided: a cancel, a deadline or a take-over is
 * read from the record, and ends the attempt that this process still runs.
 */
import type {
  CreatedTask,
  CreateTask,
  OpenCall,
  OpenedCall,
  TaskChange,
  TaskKey,
  TaskStore,
} from "../store/store.ts";
import type { Clock, Timer } from "../task/clock.ts";
import { PerdureError } from "../task/errors.ts";
import type { TaskId } from "../task/id.ts";
import type { Operation, TaskRecord } from "../task/record.ts";
import { isTerminal } from "../task/status.ts";
import { Attempt, type AttemptParts, type RecordedResult } from "./attempt.ts";
import { History } from "./history.ts";
import type { Logger } from "./logger.ts";
import { overtaken, reasonToEnd } from "./reason-to-end.ts";
import { Slots } from "./slots.ts";
import type { Threads } from "./threads/threads.ts";
import type { TaskTool } from "./tool.ts";
import { takenVersions, threadHandlers, toolOfVersion } from "./versions.ts";

/** Deadlines are failed so many in one transaction: a request never waits for more. */
const batchSize = 100;
/** When the store could not be asked for due tasks. */
const claimAgainMs = 1_000;
const claimFailed = "due tasks could not be claimed, trying again";

export interface EngineParts {
  readonly store: TaskStore;
  readonly tools: ReadonlyMap<string, TaskTool>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** How many attempts run at once, of all tools. */
  readonly concurrency: number;
  /** How many of them for one owner. */
  readonly concurrencyPerOwner: number;
  readonly lingerMs: number;
  readonly answerable?: AttemptParts["answerable"];
  readonly child: AttemptParts["child"];
  readonly artifacts: AttemptParts["artifacts"];
}

export class Engine {
  readonly #parts: EngineParts;
  readonly #slots: Slots;
  readonly #history: History;
  readonly #running = new Map<
    TaskId,
    {
      readonly attempt: Attempt;
      readonly owner: string;
      readonly result: Promise<RecordedResult | undefined>;
      readonly ended: Promise<void>;
      readonly free: () => void;
    }
  >();
  #state: "idle" | "started" | "stopping" = "idle";
  #unsubscribe: (() => void) | undefined;
  #threads: Threads | undefined;
  #shared: AttemptParts | undefined;
  #pass: Promise<number> | undefined;
  #passWanted = false;
  /** The last claim left due tasks behind: a freed slot is worth another. */
  #moreDue = false;
  /** At the last claim owners had as many running as they may: a freed slot may be worth another. */
  #ownersFull = false;
  /** At the last claim a tool had no slot, so that nobody looks for what becomes due of it. */
  #blind = false;
  /** Writes in flight that may begin attempts, and the tasks of which an end was heard meanwhile. */
  #beginning = 0;
  readonly #endedMeanwhile = new Set<TaskId>();
  #due: { readonly at: number; readonly timer: Timer } | undefined;
  #movedAt: number;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#movedAt = parts.clock.now();
    this.#slots = new Slots(parts.concurrency, parts.tools, parts.concurrencyPerOwner);
    this.#history = new History({
      ...parts,
      onFailure: (error, message) => this.#logFailure(error, message),
    });
  }

  /** Whether attempts run in this process. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** When something last happened to a task that this process runs: it began, reported, waited, ended. */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** Begins to execute, as soon as the executor lets this process. */
  async start(): Promise<void> {
    if (this.#state !== "idle") return;
    this.#state = "started";
    const { store, tools } = this.#parts;
    this.#unsubscribe = store.subscribe((change) => this.#onChange(change));
    try {
      await this.#startThreads();
      await store.executor.start({
        tools: [...tools.keys()],
        versions: takenVersions(tools.values()),
        wake: (by) => this.#wake(by),
      });
    } catch (error) {
      this.#unsubscribe();
      this.#state = "idle";
      await this.#threads?.close();
      throw error;
    }
    await this.tick().catch((error: unknown) => this.#logFailure(error, claimFailed));
    this.#history.start();
  }

  /** Begins what is due and has a slot, and returns how many that were. What a timer does, at once. */
  async tick(): Promise<number> {
    this.#passWanted = true;
    this.#pass ??= this.#runPasses();
    return this.#pass;
  }

  /** Creates a task. Its first attempt begins in the same commit where a slot is free. */
  create(task: CreateTask): Promise<CreatedTask> {
    return this.#inSlot(task, {
      write: (begin) =>
        this.#parts.store.create({ ...task, begin, slotsPerOwner: this.#slots.perOwner(task.tool) }),
      begunBy: ({ created, task: record }) => (created && record.phase === "running" ? record : undefined),
    });
  }

  /** Opens a call. Its child begins as a task that is created. */
  async #openCall({ child, ...call }: OpenCall): Promise<Operation> {
    const { operation } = await this.#inSlot<OpenedCall>(child, {
      write: (begin) =>
        this.#parts.store.openCall({
          ...call,
          child: { ...child, begin, slotsPerOwner: this.#slots.perOwner(child.tool) },
        }),
      begunBy: ({ begun }) => begun,
    });
    return operation;
  }

  async #inSlot<T>(
    task: Pick<CreateTask, "tool" | "startAt" | "deadlineMs">,
    creation: {
      readonly write: (begin: boolean) => Promise<T>;
      readonly begunBy: (written: T) => TaskRecord | undefined;
    },
  ): Promise<T> {
    const free = task.startAt === undefined ? this.#reserve(task.tool) : undefined;
    this.#beginning++;
    try {
      const written = await creation.write(free !== undefined);
      const begun = creation.begunBy(written);
      if (begun !== undefined && free !== undefined) this.#launch(begun, free);
      else {
        if (task.deadlineMs !== undefined) this.#lookAgainIn(task.deadlineMs);
        if (free !== undefined) this.#free(free);
      }
      return written;
    } catch (error) {
      if (free !== undefined) this.#free(free);
      throw error;
    } finally {
      this.#begun();
    }
  }

  /**
   * What begins and ends in one commit, by a cancel of the same turn, is heard of before it is launched; so that is
   * remembered until then.
   */
  #begun(): void {
    if (--this.#beginning === 0) this.#endedMeanwhile.clear();
  }

  /**
   * Takes a slot for a task that is about to be created, so that its first attempt can begin in the same commit.
   * `undefined` where it has to queue: nothing overtakes what is already due.
   */
  #reserve(tool: string): (() => void) | undefined {
    if (this.#state !== "started" || !this.#parts.store.executor.executes) return undefined;
    if (this.#moreDue || this.#pass !== undefined) return undefined;
    return this.#slots.take(tool);
  }

  /** Frees a slot, which is worth a look where more was due. */
  #free(free: () => void): void {
    free();
    if (this.#moreDue || this.#blind || this.#ownersFull) this.#wake();
  }

  /** Runs a task that was begun in a slot that was taken; `free` frees it. */
  #launch(record: TaskRecord, free: () => void): void {
    const tool = this.#parts.tools.get(record.tool);
    if (tool === undefined) throw new Error(`no handler for ${record.tool}: only tools with one are claimed`);
    const attempt = new Attempt(record, toolOfVersion(tool, record.version), this.#attemptParts());
    if (this.#state !== "started") attempt.end(shutdown());
    const result = attempt.run();
    const ended = result.then(async () => {
      this.#running.delete(record.id);
      this.#movedAt = this.#parts.clock.now();
      // A thread that was told to end may still compute.
      if (attempt.gone !== undefined) await attempt.gone;
      this.#free(free);
    });
    this.#running.set(record.id, { attempt, owner: record.owner, result, ended, free });
    this.#movedAt = this.#parts.clock.now();
    if (this.#endedMeanwhile.has(record.id)) this.#reconcile(attempt);
    if (record.deadlineAt !== undefined) this.#lookAgainIn(record.deadlineAt - this.#parts.clock.now());
  }

  /** Made once, when the threads are there. */
  #attemptParts(): AttemptParts {
    this.#shared ??= {
      ...this.#parts,
      slotWanted: () => this.#moreDue,
      openCall: (call) => this.#openCall(call),
      threads: this.#threads,
    };
    return this.#shared;
  }

  /** Of a task that this process is running: what it will have recorded, or `undefined` where the record must be asked. */
  resultOf({ taskId, owner }: TaskKey): Promise<RecordedResult | undefined> | undefined {
    const running = this.#running.get(taskId);
    return running === undefined || (owner !== undefined && owner !== running.owner)
      ? undefined
      : running.result;
  }

  /** Which slots of this process a task that is due has to wait for, in words, as far as this process knows. */
  slotsTaken({ tool, owner }: Pick<TaskRecord, "tool" | "owner">): string | undefined {
    if (!this.#parts.store.executor.executes || !this.#parts.tools.has(tool)) return undefined;
    const running = [...this.#running.values()].filter((other) => other.owner === owner);
    const ofTool = running.filter(({ attempt }) => attempt.tool === tool).length;
    return this.#slots.taken(tool, { ofTool, inAll: running.length });
  }

  /** No new work; handlers are asked to end and have `drainMs` for it; what is left is given back for the next start. */
  async stop(drainMs: number): Promise<void> {
    if (this.#state !== "started") return;
    this.#state = "stopping";
    this.#due?.timer.cancel();
    this.#history.stop();
    await this.#pass?.catch((error: unknown) => this.#logFailure(error, claimFailed));
    for (const { attempt } of this.#running.values()) attempt.ask(shutdown());
    const drained = this.#parts.clock.after(drainMs, () => {
      for (const { attempt } of this.#running.values()) attempt.end(shutdown());
      this.#threads?.shutDown();
    });
    // A slot is also held by a task that is just being created, and has to be given back like the others.
    await this.#slots.empty();
    drained.cancel();
    await this.#threads?.close();
    this.#unsubscribe?.();
    await this.#parts.store.executor.stop();
  }

  /** What runs in threads is looked at before any task is, and code for it is only loaded here. */
  async #startThreads(): Promise<void> {
    const { tools, clock, logger } = this.#parts;
    if (![...tools.values()].some((tool) => threadHandlers(tool).length > 0)) return;
    const { Threads } = await import("./threads/threads.ts");
    this.#threads = new Threads(tools.values(), clock, logger);
    await this.#threads.load();
  }

  #wake(by?: "own"): void {
    if (this.#state !== "started") return;
    if (by === "own" && this.#moreDue && this.#pass === undefined && this.#slots.full) return;
    if (!this.#parts.store.executor.executes) this.#endAll(overtaken());
    this.tick().catch((error: unknown) => this.#logFailure(error, claimFailed));
  }

  async #runPasses(): Promise<number> {
    let begun = 0;
    await Promise.resolve(); // those who wake it in one turn share one pass
    try {
      while (this.#passWanted && this.#state === "started" && this.#parts.store.executor.executes) {
        this.#passWanted = false;
        begun += await this.#runPass();
      }
      return begun;
    } finally {
      // In one go with the last look at what is wanted: who comes later begins anew, and is not lost.
      this.#pass = undefined;
    }
  }

  async #runPass(): Promise<number> {
    const { store } = this.#parts;
    this.#due?.timer.cancel();
    this.#due = undefined;
    this.#beginning++;
    try {
      const overdue = store.failOverdue({ limit: batchSize });
      // Heard below: when this one is refused, what was begun beside it must run all the same.
      overdue.catch(() => undefined);
      const { freed } = this.#slots;
      const { begun, more, ownersFullAt } = await store.executor.claim(this.#slots.free());
      this.#moreDue = more;
      this.#ownersFull = ownersFullAt !== undefined;
      // A slot that fell free while the claim was made did not know that more was due.
      this.#passWanted ||= (more || this.#ownersFull) && this.#slots.freed !== freed;
      if (more) for (const { attempt } of this.#running.values()) attempt.slotWanted();
      for (const record of begun) {
        const free = this.#slots.take(record.tool);
        this.#launch(record, free ?? (() => undefined));
      }
      this.#passWanted ||= (await overdue) === batchSize;
      const { limit, tools } = this.#slots.free();
      const withSlots = tools.filter(({ slots }) => limit > 0 && slots > 0);
      this.#blind = withSlots.length < tools.length;
      const dueMs = await store.executor.nextDueMs({
        tools: withSlots.map(({ tool }) => tool),
        versions: takenVersions(this.#parts.tools.values()),
        // What waits for its owner's slots is due, and no time is to be waited for.
        after: begun.length === 0 ? ownersFullAt : undefined,
      });
      if (dueMs !== undefined) this.#lookAgainIn(dueMs);
      return begun.length;
    } catch (error) {
      this.#lookAgainIn(claimAgainMs);
      throw error;
    } finally {
      this.#begun();
    }
  }

  /** One timer, for the earliest of all that will be due. */
  #lookAgainIn(ms: number): void {
    const { clock } = this.#parts;
    const at = clock.now() + Math.max(0, ms);
    if (this.#state !== "started" || (this.#due !== undefined && this.#due.at <= at)) return;
    this.#due?.timer.cancel();
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#due = undefined;
      this.#wake();
    });
    this.#due = { at, timer };
  }

  #onChange(change: TaskChange | undefined): void {
    if (change === undefined) {
      for (const { attempt } of this.#running.values()) {
        this.#reconcile(attempt);
        attempt.notice();
      }
      return;
    }
    const running = this.#running.get(change.taskId);
    if (running === undefined) {
      if (this.#beginning > 0 && isTerminal(change.status)) this.#endedMeanwhile.add(change.taskId);
      return;
    }
    this.#movedAt = this.#parts.clock.now();
    // The slot is free before anyone who waits for the result can submit the next.
    const { attempt, free } = running;
    if (!isTerminal(change.status)) attempt.notice();
    else if (!attempt.settled) this.#reconcile(attempt);
    else if (attempt.gone === undefined) free();
  }

  /** Ends the attempt when the record says that it has no business any more. */
  #reconcile(attempt: Attempt): void {
    if (attempt.settled) return;
    this.#parts.store.summary(attempt.key).then(
      (task) => {
        const reason = reasonToEnd(task, attempt.key);
        if (reason !== undefined) attempt.end(reason);
      },
      (error: unknown) => this.#logFailure(error, "a running task could not be compared with its record"),
    );
  }

  #endAll(reason: PerdureError): void {
    for (const { attempt } of this.#running.values()) attempt.end(reason);
  }

  #logFailure(error: unknown, message: string): void {
    this.#parts.logger.error({ err: error, store: this.#parts.store.location }, message);
  }
}

function shutdown(): PerdureError {
  return new PerdureError("SHUTDOWN", {
    message: "the process shuts down; the next start goes on with the task.",
  });
}
