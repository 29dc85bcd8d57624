import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { accept, person, resultOf, startTask } from "./asking.fixture.ts";
import { connect, httpTransport } from "./http.fixture.ts";
import { eventually } from "./service.fixture.ts";
import { temporaryStore } from "../../store/store-under-test.fixture.ts";

const program = fileURLToPath(new URL("server.fixture.ts", import.meta.url));

async function start(
  record: string,
  port = 0,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [program, record, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const url = /^ready (\S+)$/m.exec(said)?.[1];
    if (url !== undefined) return { url, child };
  }
  throw new Error(`the server ended: ${said}`);
}

/** Kills the server in the middle, and starts another one at its address. */
async function killAndRestart(): Promise<{ url: string; restart: () => Promise<void> }> {
  const record = temporaryStore();
  const { url, child } = await start(record);
  return {
    url,
    restart: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await sleep(50);
      await start(record, Number(new URL(url).port));
    },
  };
}

describe("a server that is killed and started again while a client waits", () => {
  it("answers the held call, from where the work was", async () => {
    const { url, restart } = await killAndRestart();
    const client = await connect(url);
    const reports: number[] = [];
    const held = client.callTool({ name: "train", arguments: {} }, undefined, {
      onprogress: ({ progress }) => void reports.push(progress),
    });
    await eventually(() => reports.some((epoch) => epoch >= 3));
    await restart();
    const { structuredContent } = await held;
    expect(structuredContent).toMatchObject({ epochs: 10, attempt: 2 });
    expect((structuredContent as { readonly from: number }).from).toBeGreaterThanOrEqual(2);
    // The stream that goes on tells of progress by the same token.
    expect(Math.max(...reports)).toBeGreaterThanOrEqual(8);
  });

  it("answers tasks/result, in the session that it never saw begin", async () => {
    const { url, restart } = await killAndRestart();
    const client = await connect(url);
    const stream = client.experimental.tasks.callToolStream(
      { name: "train", arguments: {} },
      CallToolResultSchema,
      {
        task: {},
      },
    );
    const { value: created } = await stream.next();
    const taskId = created?.type === "taskCreated" ? created.task.taskId : "";
    const waiting = client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    await sleep(500);
    await restart();
    expect(await waiting).toMatchObject({ structuredContent: { epochs: 10, attempt: 2 } });
    expect((await client.experimental.tasks.listTasks()).tasks).toMatchObject([
      { taskId, status: "completed" },
    ]);
  });

  it.each(["a held call", "tasks/result"])("takes the answer to what was asked before: %s", async (way) => {
    const { url, restart } = await killAndRestart();
    const up = Promise.withResolvers<void>();
    const who = await person(httpTransport(url), {
      answer: () => up.promise.then(() => accept({ sure: true })),
    });
    const result =
      way === "a held call"
        ? who.client.callTool({ name: "confirm", arguments: {} })
        : startTask(who, "confirm").then((taskId) => resultOf(who, taskId));
    await eventually(() => who.asked.length === 1);
    await restart();
    await sleep(1_000);
    up.resolve();
    expect(await result).toMatchObject({ structuredContent: { sure: true } });
    expect(who.messages()).toEqual(["Go on?"]);
  });
});
