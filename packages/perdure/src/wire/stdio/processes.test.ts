/** Servers that die, and several of them on one record, as every host starts one of its own. */
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, onTestFinished, test } from "vitest";
import type { TaskStore } from "../../store/store.ts";
import type { TaskId } from "../../task/id.ts";
import {
  envelope,
  eventually,
  RawClient,
  sdk1Client,
  taskIdOf,
  trainer,
  withTasks,
} from "./clients.fixture.ts";
import { inSqlite, openTestStore, temporaryStore } from "../../store/store-under-test.fixture.ts";

const call = { name: "train", arguments: { epochs: 40, epochMs: 40 } };

/** A server that was started just now may have accepted a task before it executes. */
async function begun(record: string, ...ids: readonly string[]): Promise<TaskStore> {
  const store = openTestStore(undefined, record);
  onTestFinished(() => store.close());
  for (const taskId of ids as TaskId[]) {
    await eventually(async () => (await store.summary({ taskId }))?.attempt === 1);
  }
  return store;
}

test("a server is killed while its client waits: the next one goes on at the epoch where it was", async () => {
  const record = temporaryStore();
  const first = await sdk1Client([trainer, record]);
  const done: number[] = [];
  const lost = first.client.callTool(call, CallToolResultSchema, {
    onprogress: ({ progress }) => done.push(progress),
  });
  await eventually(() => done.some((epoch) => epoch >= 5));
  process.kill(first.pid, "SIGKILL");
  await expect(lost).rejects.toThrow("Connection closed");

  const second = await sdk1Client([trainer, record]);
  const seen: number[] = [];
  // The same call joins the task that has lost its caller.
  const result = await second.client.callTool(call, CallToolResultSchema, {
    onprogress: ({ progress }) => seen.push(progress),
  });
  expect(result.structuredContent).toEqual({ epochs: 40, runs: 2, pids: [first.pid, second.pid] });
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(5);
});

test("a task outlives its server on every channel", async () => {
  const record = temporaryStore();
  const first = new RawClient([trainer, record]);
  await first.initialize();
  const v1 = await first.ask("tools/call", { ...call, task: {} });
  const v2 = await first.ask("tools/call", { ...call, _meta: envelope(withTasks) });
  const id1 = taskIdOf(v1);
  const id2 = taskIdOf(v2);
  await begun(record, id1, id2);
  first.child.kill("SIGKILL");
  await first.ended();

  const second = new RawClient([trainer, record]);
  await second.initialize();
  const listen = second.send("subscriptions/listen", {
    notifications: { taskIds: [id2] },
    _meta: envelope(withTasks),
  });
  const result = await second.ask("tasks/result", { taskId: id1 }, 10_000);
  expect(result.result).toMatchObject({ structuredContent: { epochs: 40, runs: 2 } });
  await second.answer(listen, 10_000);
  expect(second.notifications("notifications/tasks").at(-1)).toMatchObject({
    taskId: id2,
    status: "completed",
    result: { structuredContent: { epochs: 40, runs: 2 } },
  });
});

// On Postgres both execute.
test.runIf(inSqlite)(
  "two servers on one file: one executes, the other serves, and takes over when the first is killed",
  async () => {
    const record = temporaryStore();
    const executing = new RawClient([trainer, record]);
    await executing.initialize();
    const attached = new RawClient([trainer, record]);
    await attached.initialize();
    const held = attached.send("tools/call", {
      ...call,
      arguments: { epochs: 60, epochMs: 40 },
      _meta: { progressToken: "held" },
    });
    const epochs = (): number[] =>
      attached.notifications("notifications/progress").map(({ progress }) => Number(progress));
    await eventually(() => epochs().some((epoch) => epoch >= 5));
    executing.child.kill("SIGKILL");
    const { result } = await attached.answer(held, 10_000);
    expect(result?.["structuredContent"]).toEqual({
      epochs: 60,
      runs: 2,
      pids: [executing.child.pid, attached.child.pid],
    });
    expect(epochs()).toEqual(epochs().toSorted((a, b) => a - b));
  },
);

test("the server that executes closes in good order, and the other one goes on", async () => {
  const record = temporaryStore();
  const executing = new RawClient([trainer, record]);
  await executing.initialize();
  const attached = new RawClient([trainer, record]);
  await attached.initialize();
  const created = await executing.ask("tools/call", { ...call, _meta: envelope(withTasks) });
  const taskId = taskIdOf(created);
  executing.child.stdin.end();
  expect(await executing.ended()).toBe(0);
  const status = async (): Promise<unknown> =>
    (await attached.ask("tasks/get", { taskId, _meta: envelope(withTasks) })).result?.["status"];
  await eventually(async () => (await status()) === "completed", 10_000);
});

test("a server that is only asked who it is takes up nothing; one that is used does, and one that is left alone", async () => {
  const record = temporaryStore();
  const first = new RawClient([trainer, record]);
  await first.initialize();
  const id = taskIdOf(await first.ask("tools/call", { ...call, task: {} }));
  const store = await begun(record, id);
  const taskId = id as TaskId;
  first.child.kill("SIGKILL");
  await first.ended();
  // On Postgres it counts until its lease is over, which is longer than a server is left alone.
  await expect.poll(() => store.executor.activeTools(), { timeout: 10_000 }).toBeUndefined();

  const probed = new RawClient([trainer, record]);
  await probed.ask("server/discover", { _meta: envelope({}) });
  await probed.ask("ping", {});
  expect(await store.executor.activeTools()).toBeUndefined();
  probed.child.kill("SIGKILL");
  await probed.ended();
  expect(await store.summary({ taskId })).toMatchObject({ attempt: 1, crashes: 0 });

  const leftAlone = new RawClient([trainer, record]);
  await leftAlone.ask("ping", {});
  await eventually(async () => (await store.summary({ taskId }))?.status === "completed");
  leftAlone.child.stdin.end();
  expect(await leftAlone.ended()).toBe(0);
});
