/** What a case works with: the store, its clock, and tasks in the states that cases begin with. */
import assert from "node:assert/strict";
import type { AttemptKey, ClaimedTasks, ClaimTasks, CreateTask, TaskStore } from "../../store/store.ts";
import type { Failure } from "../../task/failure.ts";
import { newTaskId, type TaskId } from "../../task/id.ts";
import type { Operation, SavedState, TaskRecord, TimelineEvent } from "../../task/record.ts";
import type { ManualClock } from "../manual-clock.ts";
import type { StoreUnderTest } from "./contract.ts";

/** Enough for every case that is not about crashes. */
const maxCrashes = 20;

/** All that a store tells of one task. */
export interface Everything {
  readonly record: TaskRecord | undefined;
  readonly operations: readonly Operation[];
  readonly savedState: SavedState | undefined;
  readonly timeline: readonly TimelineEvent[];
}

export class ContractHarness {
  readonly clock: ManualClock;
  readonly #opened: StoreUnderTest;
  #store: TaskStore;
  #tools: readonly string[] | undefined;

  constructor(clock: ManualClock, opened: StoreUnderTest) {
    this.clock = clock;
    this.#opened = opened;
    this.#store = opened.store;
  }

  /** The store opened last. */
  get store(): TaskStore {
    return this.#store;
  }

  // ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a caller asks for; `train` for `ada`, where the case does not care. */
  request(given: Partial<CreateTask> = {}): CreateTask {
    return { id: newTaskId(this.clock.now()), tool: "train", owner: "ada", input: { epochs: 3 }, ...given };
  }

  async create(given: Partial<CreateTask> = {}): Promise<TaskRecord> {
    const { created, task } = await this.store.create(this.request(given));
    assert.ok(created, "a new task was created");
    return task;
  }

  /** A task whose first attempt runs. */
  async running(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    const { id } = await this.create(given);
    return this.beginAgain(id);
  }

  /** Begins the next attempt of a task that is due. */
  async beginAgain(taskId: TaskId): Promise<AttemptKey> {
    const record = await this.begin(taskId);
    assert.ok(record, "the task was due and has begun");
    return { taskId, attempt: record.attempt };
  }

  /** `TaskStore.begin` by an engine that executes. */
  async begin(
    taskId: TaskId,
    limits: { maxCrashes: number } = { maxCrashes },
  ): Promise<TaskRecord | undefined> {
    if (this.#tools === undefined) await this.execute();
    return this.store.begin({ taskId, ...limits });
  }

  async completed(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    const key = await this.running(given);
    await this.store.complete({ ...key, result: { loss: 0.25 } });
    return key;
  }

  async failed(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    const key = await this.running(given);
    await this.store.fail({ ...key, failure: failure() });
    return key;
  }

  async cancelled(given: Partial<CreateTask> = {}): Promise<AttemptKey> {
    const key = await this.running(given);
    await this.store.cancel({ taskId: key.taskId });
    return key;
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The record of a task that must be there. */
  async read(taskId: TaskId): Promise<TaskRecord> {
    const record = await this.store.get({ taskId });
    assert.ok(record, "the task is known");
    return record;
  }

  async everything(taskId: TaskId): Promise<Everything> {
    return {
      record: await this.store.get({ taskId }),
      operations: await this.store.operations({ taskId }),
      savedState: await this.store.savedState({ taskId }),
      timeline: await this.store.timeline({ taskId }),
    };
  }

  /** The types of its events, in order: its life in short. */
  async life(taskId: TaskId): Promise<readonly TimelineEvent["type"][]> {
    return (await this.store.timeline({ taskId })).map((event) => event.type);
  }

  // ── executing ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts to execute; with an empty store to itself, that is at once. */
  async execute(tools: readonly string[] = ["train"], wake: () => void = () => {}): Promise<void> {
    this.#tools = tools;
    await this.store.executor.start({ tools, wake });
    assert.equal(this.store.executor.executes, true, "the only process on this data executes");
  }

  /** Claims for the tools given to `execute`, with slots and crashes enough where the case does not say. */
  async claim(
    given: Partial<ClaimTasks> & { slots?: number; maxCrashes?: number } = {},
  ): Promise<ClaimedTasks> {
    if (this.#tools === undefined) await this.execute();
    const { slots = 100, limit = 100 } = given;
    const tools = (this.#tools ?? []).map((tool) => ({
      tool,
      slots,
      maxCrashes: given.maxCrashes ?? maxCrashes,
    }));
    return this.store.executor.claim({
      tools: given.tools ?? tools,
      limit,
      slotsPerOwner: given.slotsPerOwner,
    });
  }

  nextDueMs(): Promise<number | undefined> {
    return this.store.executor.nextDueMs({ tools: this.#tools ?? [] });
  }

  // ── other processes ───────────────────────────────────────────────────────────────────────────────────────────

  /** The process dies, and the next one executes on what it left. */
  async crash(): Promise<void> {
    const tools = this.#tools;
    await this.reopen();
    await this.execute(tools);
  }

  /** The process dies, and the next one has opened what it left. */
  async reopen(): Promise<void> {
    assert.ok(this.#opened.reopen, "the adapter offers reopen");
    this.#store = await this.#opened.reopen();
    this.#tools = undefined;
  }

  /** Another process on the same data. */
  async attach(): Promise<TaskStore> {
    assert.ok(this.#opened.attach, "the adapter offers attach");
    return this.#opened.attach();
  }

  async backup(): Promise<TaskStore> {
    assert.ok(this.#opened.backup, "the adapter offers backup");
    return this.#opened.backup();
  }
}

export function failure(given: Partial<Failure> = {}): Failure {
  return { code: "HANDLER_ERROR", name: "RangeError", message: "out of memory", retryable: true, ...given };
}
