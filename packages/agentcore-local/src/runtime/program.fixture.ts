/**
 * A program under a runtime: `/ping` and `/invocations` (or `/mcp`), on PORT. What it is asked for in the payload, it
 * does: it answers with what it has heard, streams, waits, starts a child, ends. It is always busy, and moves its
 * `time_of_last_update` when it finds a file `progress`.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

interface Wish {
  readonly write?: string;
  readonly stream?: number;
  readonly wait?: boolean;
  readonly child?: boolean;
  readonly exit?: number;
  readonly status?: number;
  readonly ignoreSigterm?: boolean;
}

let updatedAt = 1_000;
let invocations = 0;

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/ping") {
    if (existsSync("progress")) {
      rmSync("progress");
      updatedAt += 1;
    }
    response.end(JSON.stringify({ status: "HealthyBusy", time_of_last_update: updatedAt }));
    return;
  }
  const body = await read(request);
  const isJson = request.headers["content-type"] === "application/json";
  const wish = (isJson ? JSON.parse(body.toString()) : {}) as Wish;
  invocations += 1;
  if (wish.write !== undefined) writeFileSync(wish.write, "");
  if (wish.exit !== undefined) process.exit(wish.exit);
  if (wish.ignoreSigterm === true) process.on("SIGTERM", () => undefined);
  if (wish.wait === true) {
    // Nobody waits for it any more.
    response.on("close", () => writeFileSync("gone", ""));
    return;
  }
  let child: number | undefined;
  if (wish.child === true) child = spawn("sleep", ["600"], { stdio: "ignore" }).pid;
  if (wish.stream !== undefined) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let n = 0; n < wish.stream; n++) response.write(`data: ${n}\n\n`);
    // It goes on until somebody ends it.
    return;
  }
  response.writeHead(wish.status ?? 200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({
      path: request.url,
      headers: request.headers,
      bytes: body.length,
      invocations,
      pid: process.pid,
      child,
      cwd: process.cwd(),
      env: process.env,
      files: readdirSync("."),
    }),
  );
}

createServer((request, response) => void answer(request, response)).listen(
  Number(process.env["PORT"]),
  process.env["HOST"],
);
process.stdout.write("it listens\n");
