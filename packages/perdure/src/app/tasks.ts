/** `app.tasks`: the tasks of the store, for whoever operates the application, or for one owner. */
import { questionsOf } from "../engine/questions.ts";
import type { StoreReport } from "../store/store-report.ts";
import type { PendingDelivery } from "../store/deliveries.ts";
import type { ListTasks, PausedTool, TaskPage } from "../store/store.ts";
import type { Readable } from "node:stream";
import type { Runtime } from "../engine/runtime.ts";
import { toRange } from "../engine/byte-range.ts";
import type { Artifact } from "../task/artifact.ts";
import { PerdureError } from "../task/errors.ts";
import type { TaskId } from "../task/id.ts";
import type { JsonValue } from "../task/json.ts";
import type { Limits } from "../task/limits.ts";
import type { AnswerAction, Question, TaskRecord, TimelineEvent } from "../task/record.ts";
import { noArtifact, notFound, TaskHandle } from "./handle.ts";

export interface OwnerOption {
  /** Only this owner's tasks exist. Absent: everybody's. */
  readonly owner?: string | undefined;
}

export interface ArtifactReadOptions extends OwnerOption {
  /** The first byte. Default 0. */
  readonly start?: number | undefined;
  /** The last byte. Default, and at most: the last that there is. */
  readonly end?: number | undefined;
}

export interface Answer {
  readonly action: AnswerAction;
  /** With `accept`: what fits the question's schema. */
  readonly content?: JsonValue;
}

export class Tasks {
  readonly #runtime: () => Runtime;
  readonly #limits: Pick<Limits, "signals">;

  constructor(runtime: () => Runtime, limits: Pick<Limits, "signals">) {
    this.#runtime = runtime;
    this.#limits = limits;
  }

  /** The whole record, or `undefined` for one that is unknown, expired, or another owner's. */
  async get(id: string, { owner }: OwnerOption = {}): Promise<TaskRecord | undefined> {
    return this.#runtime().store.get({ taskId: id as TaskId, owner });
  }

  /** A handle on a task that was submitted earlier, perhaps by another process. */
  handle(id: string, { owner }: OwnerOption = {}): TaskHandle {
    return new TaskHandle(id as TaskId, owner, this.#runtime());
  }

  /** Newest first, a page at a time. @throws PerdureError `INVALID_OPTION` */
  async list(query: ListTasks = {}): Promise<TaskPage> {
    return this.#runtime().store.list(query);
  }

  /** All that happened to the task, in order. @throws PerdureError `TASK_NOT_FOUND` */
  async timeline(id: string, { owner }: OwnerOption = {}): Promise<readonly TimelineEvent[]> {
    const task = await this.#existing(id, owner);
    const { store } = this.#runtime();
    const events: TimelineEvent[] = [];
    for (;;) {
      // One reading has a bounded number of events: only an empty one says that nothing is left.
      const next = await store.timeline({ taskId: task.id, after: events.at(-1)?.revision ?? 0 });
      if (next.length === 0) return events;
      events.push(...next);
    }
  }

  /** As `handle.cancel`. @throws PerdureError `TASK_NOT_FOUND` */
  async cancel(
    id: string,
    { owner, reason }: OwnerOption & { readonly reason?: string } = {},
  ): Promise<boolean> {
    return this.handle(id, { owner }).cancel(reason);
  }

  /**
   * Runs a finished task again from the beginning, as a new task with the same input, whose `retryOf` names it.
   * @throws PerdureError `TASK_NOT_FOUND`, `TASK_NOT_ENDED`, `UNKNOWN_TOOL`
   */
  async retry(id: string, { owner }: OwnerOption = {}): Promise<TaskHandle> {
    const task = await this.#existing(id, owner);
    if (task.phase !== "ended") {
      throw new PerdureError("TASK_NOT_ENDED", {
        message: `task ${id} is ${task.status}: only an ended task can be tried again. Cancel it first.`,
      });
    }
    const { tool, input, priority, session } = task;
    const again = await this.#runtime().create({
      tool,
      input,
      priority,
      session,
      owner: task.owner,
      retryOf: task.id,
    });
    return this.handle(again.task.id, { owner });
  }

  /**
   * Gives a task a value that it waits for by `task.waitUntil(name)`, now or later. False when it has ended.
   * @throws PerdureError `TASK_NOT_FOUND`, `INVALID_VALUE`; `LIMIT_EXCEEDED`: nobody has waited for `limits.signals` of them
   */
  async signal(id: string, name: string, value?: JsonValue, { owner }: OwnerOption = {}): Promise<boolean> {
    const sent = await this.#runtime().store.signal({
      taskId: id as TaskId,
      owner,
      name,
      value,
      maxKept: this.#limits.signals,
    });
    if (sent === undefined) throw notFound(id);
    return sent;
  }

  /**
   * Answers an open question of a task by its key (see `questions`). False when no such question is open.
   * @throws PerdureError `TASK_NOT_FOUND`
   */
  async answer(id: string, key: string, answer: Answer, { owner }: OwnerOption = {}): Promise<boolean> {
    const { store } = this.#runtime();
    if ((await store.summary({ taskId: id as TaskId, owner })) === undefined) throw notFound(id);
    const asked = (await questionsOf(store, id as TaskId)).find((question) => question.key === key);
    return asked !== undefined && (await store.answer({ ...asked.asker, ...answer })) === true;
  }

  /** The open questions of a task, and of the tasks that it waits for. @throws PerdureError `TASK_NOT_FOUND` */
  async questions(id: string, { owner }: OwnerOption = {}): Promise<readonly Question[]> {
    const task = await this.#existing(id, owner);
    return (await questionsOf(this.#runtime().store, task.id)).map(({ asker: _, ...question }) => question);
  }

  /** What of a task still waits to be delivered; what became of the rest is in its timeline. @throws PerdureError `TASK_NOT_FOUND` */
  async deliveries(id: string, { owner }: OwnerOption = {}): Promise<readonly PendingDelivery[]> {
    const task = await this.#existing(id, owner);
    return this.#runtime().store.deliveries.pending({ taskId: task.id });
  }

  /** What a task has left beside its result, in the order in which it did. @throws PerdureError `TASK_NOT_FOUND` */
  async artifacts(id: string, { owner }: OwnerOption = {}): Promise<readonly Artifact[]> {
    const artifacts = await this.#runtime().artifacts.list({ taskId: id as TaskId, owner });
    if (artifacts === undefined) throw notFound(id);
    return artifacts.map(({ name, mediaType, size, sha256 }) => ({ name, mediaType, size, sha256 }));
  }

  /**
   * The content of an artifact, or from byte `start` to byte `end`, both included. Read the stream to its end, or
   * destroy it.
   * @throws PerdureError `TASK_NOT_FOUND`: no such task, or no such artifact of it; `INVALID_OPTION` for a range that
   * does not begin within it; `ARTIFACT_STORE`
   */
  async artifact(id: string, name: string, options: ArtifactReadOptions = {}): Promise<Readable> {
    const { owner, start, end } = options;
    const { artifacts } = this.#runtime();
    const key = { taskId: id as TaskId, owner };
    const artifact = await artifacts.find(key, name);
    if (artifact === undefined) throw noArtifact(id, name);
    return artifacts.open(key.taskId, artifact, toRange(artifact, { start, end }));
  }

  /** Removes an ended task and all that is kept of it. @throws PerdureError `TASK_NOT_FOUND`, `TASK_NOT_ENDED` */
  async delete(id: string, { owner }: OwnerOption = {}): Promise<void> {
    if (!(await this.#runtime().store.delete({ taskId: id as TaskId, owner }))) throw notFound(id);
  }

  /**
   * What takes the room in the store, and what waits in it for nothing: `perdure doctor`. Reads everything, in pieces.
   * @throws PerdureError `INVALID_OPTION` where the store cannot say
   */
  async doctor(): Promise<StoreReport> {
    const { store } = this.#runtime();
    if (store.inspect !== undefined) return store.inspect();
    throw new PerdureError("INVALID_OPTION", {
      message: `${store.location} is looked into with its server's own tools.`,
    });
  }

  /** The tools that are paused, see `app.pause`. */
  async paused(): Promise<readonly PausedTool[]> {
    return this.#runtime().store.pausedTools();
  }

  async #existing(id: string, owner: string | undefined): Promise<TaskRecord> {
    const task = await this.get(id, { owner });
    if (task === undefined) throw notFound(id);
    return task;
  }
}
