/**
 * `bare.server.ts <folder>`: node:http and SQLite, and nothing that a protocol wants. `/mcp` with arguments writes the
 * rows of a submitted task, those of one turn of the event loop in one commit; with a task id it reads its row.
 */
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { newTaskId } from "../../packages/perdure/src/task/id.ts";
import { footprint } from "../probe.ts";
import { listening, readJson } from "./listening.ts";

/** Those that a status is made of. */
const statusColumns = `id, tool, owner, status, attempt, running, errors, crashes, priority, due_at, progress, session,
  idempotency_key, retry_of, failure, reason, created_at, updated_at, deadline_at, ttl_ms, ended_at, expires_at,
  revision`;

const [folder = ""] = process.argv.slice(2);
const { db, submitted } = await footprint(folder, join(folder, "bare.db"));
const select = db.prepare(`SELECT ${statusColumns} FROM tasks WHERE id = ?`);

interface Message {
  readonly id: number;
  readonly params: { readonly taskId?: string };
}

let waiting: (readonly [Message, ServerResponse])[] = [];

function commit(): void {
  const group = waiting;
  waiting = [];
  const now = Date.now();
  db.exec("BEGIN IMMEDIATE");
  const ids = group.map(() => newTaskId(now));
  for (const id of ids) submitted(id, now);
  db.exec("COMMIT");
  for (const [i, [message, response]] of group.entries()) {
    answer(response, message, { taskId: ids[i], status: "working", createdAt: now, resultType: "task" });
  }
}

function answer(response: ServerResponse, { id }: Message, result: object): void {
  const body = JSON.stringify({ jsonrpc: "2.0", id, result });
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  });
  response.end(body);
}

listening((request, response) =>
  readJson(request, (body) => {
    const message = body as Message;
    const { taskId } = message.params;
    if (taskId !== undefined) answer(response, message, select.get(taskId) ?? {});
    else if (waiting.push([message, response]) === 1) setImmediate(commit);
  }),
);
