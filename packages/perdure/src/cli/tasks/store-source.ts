/** The tasks of a store, as its operator sees them: everybody's. Attached, never executing: it has no handlers. */
import { existsSync } from "node:fs";
import { perdure, type App } from "../../app/app.ts";
import type { TaskEvent } from "../../app/handle.ts";
import type { PendingDelivery } from "../../store/deliveries.ts";
import { PerdureError } from "../../task/errors.ts";
import type { Readable } from "node:stream";
import type { Artifact } from "../../task/artifact.ts";
import type { JsonObject, JsonValue } from "../../task/json.ts";
import { endDelivery, type TaskSummary, type Timestamp } from "../../task/record.ts";
import { CommandError, exitCodes } from "../exit.ts";
import { printable } from "../output.ts";
import { noSuchTask, unfinished } from "./refusals.ts";
import type { ListQuery, TaskNews, TaskOutcome, TaskSource, TaskView } from "./source.ts";

/** @throws CommandError `unreachable` */
export function openStoreSource(store: string, artifacts?: string): TaskSource {
  return new StoreSource(openStoreApp(store, artifacts));
}

/** Without handlers. @throws CommandError `unreachable` */
export function openStoreApp(store: string, artifacts?: string): App {
  const place = artifacts === undefined ? {} : { artifacts };
  if (/^postgres(ql)?:/.test(store)) return perdure({ name: "perdure-cli", version: "0", store, ...place });
  const file = store.replace(/^sqlite:/, "");
  if (!existsSync(file)) {
    throw new CommandError(
      exitCodes.unreachable,
      `there is no store ${file}. Name its file, or a server's URL (http://127.0.0.1:8000/mcp).`,
    );
  }
  return perdure({
    name: "perdure-cli",
    version: "0",
    store: `sqlite:${file}`,
    ...place,
  });
}

class StoreSource implements TaskSource {
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
  }

  async list({ status, limit }: ListQuery): Promise<readonly TaskView[]> {
    return explained(async () => {
      const { tasks } = await this.#app.tasks.list({ status, limit });
      return tasks.map(viewOf);
    });
  }

  async show(id: string): Promise<TaskView> {
    return explained(async () => {
      const { waiting, deliveries = [], ...task } = await this.#app.tasks.handle(id).status();
      const record = await this.#app.tasks.get(id);
      const timeline = await this.#app.tasks.timeline(id);
      return {
        ...viewOf(task),
        ...(waiting !== undefined && { waiting }),
        ...(record?.input !== undefined && { input: record.input }),
        ...(deliveries.length > 0 && { deliveries: deliveries.map(deliveryOf) }),
        timeline: timeline.map(newsOf),
      };
    });
  }

  async *watch(id: string): AsyncGenerator<TaskNews> {
    const events = this.#app.tasks.handle(id).watch();
    for (;;) {
      const next = await explained(() => events.next());
      if (next.done === true) return;
      yield newsOf(next.value);
    }
  }

  async result(id: string): Promise<TaskOutcome> {
    return explained(async () => {
      const task = await this.#app.tasks.get(id);
      if (task === undefined) throw noSuchTask(id);
      const head = { task_id: task.id, status: task.status };
      switch (task.status) {
        case "completed": {
          const result = task.result ?? null;
          const text = typeof result === "string" ? printable(result) : JSON.stringify(result);
          return { status: task.status, document: { ...head, result }, text };
        }
        case "failed": {
          const document = { ...head, failure: { ...task.failure } as JsonObject };
          return { status: task.status, document, text: printable(task.failure.message) };
        }
        case "cancelled": {
          const document = { ...head, ...(task.reason !== undefined && { reason: task.reason }) };
          return { status: task.status, document, text: cancelledText(task.reason) };
        }
        case "working":
        case "input_required":
          throw unfinished(id, task.status);
      }
    });
  }

  async cancel(id: string, reason: string | undefined): Promise<boolean> {
    return explained(() => this.#app.tasks.cancel(id, reason === undefined ? {} : { reason }));
  }

  async artifacts(id: string): Promise<readonly Artifact[]> {
    return explained(() => this.#app.tasks.artifacts(id));
  }

  async artifact(id: string, name: string): Promise<Readable> {
    return explained(() => this.#app.tasks.artifact(id, name));
  }

  async close(): Promise<void> {
    await this.#app.close({ drainMs: 0 });
  }
}

function viewOf(task: TaskSummary): TaskView {
  const { progress } = task;
  const delivery = endDelivery(task);
  return {
    task_id: task.id,
    tool: task.tool,
    status: task.status,
    created_at: iso(task.createdAt),
    updated_at: iso(task.updatedAt),
    owner: task.owner,
    phase: task.phase,
    ...(task.version !== undefined && { version: task.version }),
    attempt: task.attempt,
    errors: task.errors,
    crashes: task.crashes,
    ...(progress !== undefined && { progress: { ...progress } }),
    ...(task.phase === "queued" && { due_at: iso(task.dueAt) }),
    ...(task.phase === "ended" && { ended_at: iso(task.endedAt) }),
    ...(task.status === "failed" && { failure: { ...task.failure } }),
    ...(task.status === "cancelled" && task.reason !== undefined && { reason: task.reason }),
    ...(delivery !== undefined && { delivery }),
    ...(task.retryOf !== undefined && { retry_of: task.retryOf }),
  };
}

function newsOf(event: TaskEvent): TaskNews {
  if (!("at" in event)) return { ...event };
  const { at, revision: _, ...rest } = event;
  return { ...(rest as JsonObject & { readonly type: string }), at: iso(at) } satisfies JsonValue;
}

function deliveryOf({ kind, key, at, dueAt, failures, failure }: PendingDelivery): JsonObject {
  const failed = failure === undefined ? {} : { failures, failure: { ...failure } };
  return { kind, key, at: iso(at), due_at: iso(dueAt), ...failed };
}

function iso(time: Timestamp): string {
  return new Date(time).toISOString();
}

function cancelledText(reason: string | undefined): string {
  return reason === undefined ? "The task was cancelled." : `The task was cancelled: ${printable(reason)}`;
}

export async function explained<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    const { code, message } = error;
    if (code === "TASK_NOT_FOUND") throw new CommandError(exitCodes.notFound, message, { cause: error });
    if (code.startsWith("STORE_")) throw new CommandError(exitCodes.unreachable, message, { cause: error });
    throw new CommandError(exitCodes.usage, message, { cause: error });
  }
}
