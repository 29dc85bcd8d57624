/** The caller's own tasks on a server, through its generated tools. */
import type { CallToolResult } from "@modelcontextprotocol/client";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Readable } from "node:stream";
import type { Artifact } from "../../task/artifact.ts";
import type { JsonObject } from "../../task/json.ts";
import { isTerminal, taskStatuses } from "../../task/status.ts";
import { artifactsUri, toSegment } from "../../wire/call/artifact-links.ts";
import type { GeneratedTool } from "../../wire/service.ts";
import { Connection, type Credentials } from "../connection.ts";
import { CommandError, exitCodes } from "../exit.ts";
import { documentOf, textOf } from "../tool-answer.ts";
import { noSuchTask, unfinished } from "./refusals.ts";
import type { ListQuery, TaskNews, TaskOutcome, TaskSource, TaskView } from "./source.ts";

const viewSchema = z.object({
  task_id: z.string(),
  tool: z.string(),
  status: z.enum(taskStatuses),
  created_at: z.string(),
  delivery: z.string().optional(),
  progress: z
    .object({ done: z.number(), total: z.number().optional(), message: z.string().optional() })
    .optional(),
});
const artifactsSchema = z.array(
  z.object({ name: z.string(), media_type: z.string(), size: z.number(), sha256: z.string() }),
);
const pageSchema = z.object({ tasks: z.array(viewSchema), cursor: z.string().optional() });

/** A status is asked for with this wait: it returns at once with the end, and else often enough for a live bar. */
const waitSeconds = 1;
/** How long a server that was there may be away, before a watch gives up: it may be restarting. */
const patienceMs = 60_000;

export class ServerSource implements TaskSource {
  readonly #open: () => Promise<Connection>;
  #connection: Promise<Connection> | undefined;

  constructor(url: string, credentials: Credentials, connection?: Connection) {
    this.#open = () => Connection.open(url, credentials);
    if (connection !== undefined) this.#connection = Promise.resolve(connection);
  }

  async list({ status, limit }: ListQuery): Promise<readonly TaskView[]> {
    const tasks: TaskView[] = [];
    let cursor: string | undefined;
    do {
      const query = { ...(status !== undefined && { status }), ...(cursor !== undefined && { cursor }) };
      const page = pageSchema.parse((await this.#call("list_tasks", query)).structuredContent);
      tasks.push(...page.tasks.map(plain));
      cursor = page.cursor;
    } while (cursor !== undefined && tasks.length < limit);
    return tasks.slice(0, limit);
  }

  async show(id: string): Promise<TaskView> {
    return this.#status(id, 0);
  }

  /**
   * Goes on over a restart of the server.
   * @param known The task is known to be there. Else the first question must be answered: who asks may have mistyped.
   */
  async *watch(id: string, known = false): AsyncGenerator<TaskNews> {
    let [status, progress] = ["", ""];
    let lostAt: number | undefined;
    let task = known ? undefined : await this.#status(id, 0);
    for (;;) {
      if (task !== undefined) {
        lostAt = undefined;
        if (task.progress !== undefined && JSON.stringify(task.progress) !== progress) {
          progress = JSON.stringify(task.progress);
          yield { type: "progress", ...task.progress };
        }
        if (task.status !== status) {
          status = task.status;
          yield { type: "status", status };
        }
        if (isTerminal(task.status)) return;
      }
      try {
        task = await this.#status(id, waitSeconds);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (lostAt === undefined) yield { type: "disconnected" };
        lostAt ??= Date.now();
        if (Date.now() - lostAt > patienceMs) throw error;
        task = undefined;
        await this.close();
        await sleep(500);
      }
    }
  }

  async result(id: string): Promise<TaskOutcome> {
    const { status } = await this.#status(id, 0);
    if (!isTerminal(status)) throw unfinished(id, status);
    const answer = await this.#call("get_task_results", { task_id: id });
    const document = { task_id: id, status, result: documentOf(answer) };
    return {
      status: answer.isError === true && status === "completed" ? "failed" : status,
      document,
      text: textOf(answer),
    };
  }

  async cancel(id: string, reason: string | undefined): Promise<boolean> {
    const before = await this.#status(id, 0);
    if (isTerminal(before.status)) return false;
    const answer = await this.#call("cancel_task", { task_id: id, ...(reason !== undefined && { reason }) });
    return viewSchema.parse(answer.structuredContent).status === "cancelled";
  }

  async artifacts(id: string): Promise<readonly Artifact[]> {
    await this.#status(id, 0);
    const text = await (await this.#connected()).readText(artifactsUri(id));
    return artifactsSchema
      .parse(JSON.parse(text))
      .map(({ media_type: mediaType, ...rest }) => ({ ...rest, mediaType }));
  }

  async artifact(id: string, name: string): Promise<Readable> {
    return (await this.#connected()).download(`artifacts/${id}/${toSegment(name)}`);
  }

  async close(): Promise<void> {
    const opened = this.#connection;
    this.#connection = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }

  async #status(id: string, wait: number): Promise<TaskView> {
    const answer = await this.#call("check_task_status", { task_id: id, wait_seconds: wait });
    const found = viewSchema.safeParse(answer.structuredContent);
    if (found.success) return plain(found.data);
    if (answer.isError === true) throw noSuchTask(id);
    throw new CommandError(
      exitCodes.failed,
      `the server told something else than a status: ${textOf(answer)}`,
    );
  }

  #connected(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #call(name: GeneratedTool, input: JsonObject): Promise<CallToolResult> {
    const connection = await this.#connected();
    const tool = await connection.generated(name);
    if (tool !== undefined) return connection.call(tool, input);
    throw new CommandError(
      exitCodes.usage,
      `${connection.url} has no tool ${name}: it is no server of perdure's, or hides it.`,
    );
  }
}

/** Without the properties that are there and undefined. */
function plain({ progress, delivery, ...head }: z.output<typeof viewSchema>): TaskView {
  return {
    ...head,
    ...(delivery !== undefined && { delivery }),
    ...(progress !== undefined && { progress }),
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CommandError && error.exitCode === exitCodes.unreachable;
}
