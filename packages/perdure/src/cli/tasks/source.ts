/** Where tasks are looked at: a store, or a server. What both tell has one shape, with the field names of the tools. */
import type { Readable } from "node:stream";
import type { Artifact } from "../../task/artifact.ts";
import type { JsonObject } from "../../task/json.ts";
import type { TaskStatus } from "../../task/status.ts";
import type { Report } from "../bar.ts";

export type TaskView = JsonObject & {
  readonly task_id: string;
  readonly tool: string;
  readonly status: TaskStatus;
  readonly created_at: string;
  readonly progress?: JsonObject & Report;
};

/** What happened to a task; `type` says what. */
export type TaskNews = JsonObject & { readonly type: string };

export interface ListQuery {
  readonly status?: TaskStatus;
  /** At most so many. */
  readonly limit: number;
}

export interface TaskOutcome {
  readonly status: TaskStatus;
  readonly document: JsonObject;
  readonly text: string;
}

/** Every method @throws CommandError `notFound` for a task that this caller cannot see. */
export interface TaskSource {
  list(query: ListQuery): Promise<readonly TaskView[]>;
  show(id: string): Promise<TaskView>;
  /** From the beginning where the source knows it; ends with the task. */
  watch(id: string): AsyncIterable<TaskNews>;
  /** @throws CommandError `unfinished` */
  result(id: string): Promise<TaskOutcome>;
  /** False when it had ended before. */
  cancel(id: string, reason: string | undefined): Promise<boolean>;
  artifacts(id: string): Promise<readonly Artifact[]>;
  artifact(id: string, name: string): Promise<Readable>;
  close(): Promise<void>;
}
