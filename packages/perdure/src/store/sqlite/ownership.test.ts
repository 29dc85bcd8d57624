/** Who executes: several processes on one file, killed, stopped and left alone. Times are of the machine's clock. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { TaskRecord } from "../../task/record.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { openSqliteStore } from "./index.ts";
import { eventually, request, StoreProcess, temporaryFolder } from "./processes.fixture.ts";

const newFile = (): string => join(temporaryFolder(), "tasks.db");

async function ownerAndAttached(file = newFile()): Promise<readonly [StoreProcess, StoreProcess]> {
  const [owner, attached] = await Promise.all([StoreProcess.open(file), StoreProcess.open(file)]);
  await owner.start();
  await attached.start();
  return [owner, attached];
}

const lastWakeAt = (process: StoreProcess): number =>
  process.notices.reduce((at, notice) => (notice.notice === "wake" ? notice.at : at), 0);

describe("two processes on one file", () => {
  it("do not both execute: the second is attached", async () => {
    const [owner, attached] = await ownerAndAttached();
    expect([await owner.executes(), await attached.executes()]).toEqual([true, false]);
    expect(await attached.ask("activeTools")).toEqual(["train"]);
    await attached.create();
    expect((await attached.claim()).begun).toEqual([]);
  });

  it("see each other's tasks, and the owner notices within 250 ms what the other submits", async () => {
    const [owner, attached] = await ownerAndAttached();
    const noticedMs: number[] = [];
    for (let n = 0; n < 5; n++) {
      await delay(17 * n);
      const { id, createdAt } = await attached.create({ input: n });
      await eventually(() => lastWakeAt(owner) >= createdAt, 2_000);
      noticedMs.push(lastWakeAt(owner) - createdAt);
      expect((await owner.claim()).begun.map((task) => task.id)).toEqual([id]);
    }
    noticedMs.sort((a, b) => a - b);
    // The poll is every 200 ms; the middle one leaves out what a busy machine adds to the worst.
    expect(noticedMs[2]).toBeLessThanOrEqual(250);
  });

  it("cancel each other's running tasks, which the owner is told", async () => {
    const [owner, attached] = await ownerAndAttached();
    await owner.ask("subscribe");
    const { id: taskId } = await owner.create();
    await owner.claim();
    const before = owner.notices.length;
    await attached.ask("cancel", { taskId });
    await eventually(() => owner.notices.slice(before).some(({ notice }) => notice === "change"), 2_000);
    await expect(owner.ask("complete", { taskId, attempt: 1, result: 1 })).rejects.toMatchObject({
      code: "STALE_ATTEMPT",
    });
  });
});

describe("when the owner", () => {
  it("is killed, an attached process takes over within a second what it was running", async () => {
    const [owner, attached] = await ownerAndAttached();
    const { id: taskId } = await owner.create();
    await owner.claim();
    const killedAt = Date.now();
    await owner.kill();
    await eventually(() => attached.executes(), 3_000);
    expect(lastWakeAt(attached) - killedAt).toBeLessThan(1_000);
    expect((await attached.claim()).begun).toMatchObject([{ id: taskId, attempt: 2, crashes: 1 }]);
  });

  it("ends well, an attached process takes over, and nothing counts as a crash", async () => {
    const [owner, attached] = await ownerAndAttached();
    const { id } = await owner.create();
    await owner.ask("stop");
    await eventually(() => attached.executes(), 1_000);
    expect((await attached.claim()).begun).toMatchObject([{ id, attempt: 1, crashes: 0 }]);
  });

  it("is stopped by SIGSTOP, nobody takes over, the others go on reading and writing, and it goes on later", async () => {
    const [owner, attached] = await ownerAndAttached();
    const { id: taskId } = await owner.create();
    await owner.claim();
    owner.signal("SIGSTOP");
    await delay(1_100);
    expect(await attached.executes()).toBe(false);
    const later = await attached.create();
    expect(await attached.ask<TaskRecord>("get", { taskId: later.id })).toMatchObject({ phase: "queued" });
    owner.signal("SIGCONT");
    await owner.ask("complete", { taskId, attempt: 1, result: "in time" });
    expect(await owner.executes()).toBe(true);
    expect(await attached.ask("get", { taskId })).toMatchObject({ status: "completed" });
  });

  it("leaves its lock file behind, that locks nothing", async () => {
    const file = newFile();
    const owner = await StoreProcess.open(file);
    await owner.start();
    await owner.kill();
    expect(existsSync(`${file}.lock`)).toBe(true);
    const next = await StoreProcess.open(file);
    await next.start();
    expect(await next.executes()).toBe(true);
  });

  it("dies and the attached one lacks the tools, that one leaves the lock free for five seconds", async () => {
    const file = newFile();
    const clock = new ManualClock();
    const poor = openSqliteStore({ file, clock });
    onTestFinished(() => poor.close());
    const owner = await StoreProcess.open(file);
    await owner.start(["train"]);
    await owner.create();
    await poor.executor.start({ tools: ["other"], wake: () => undefined });
    await clock.advance("20s");
    await owner.kill();
    await clock.advance(4_900);
    expect(poor.executor.executes).toBe(false);
    expect(await poor.executor.activeTools(), "the lock is free").toBeUndefined();
    await clock.advance(500);
    expect(poor.executor.executes).toBe(true);
  });

  it("dies and two are attached, the one with its tools takes over", async () => {
    const file = newFile();
    const [owner, poor, able] = await Promise.all([1, 2, 3].map(() => StoreProcess.open(file)));
    if (owner === undefined || poor === undefined || able === undefined) throw new Error("three processes");
    await owner.start(["train"]);
    await owner.create();
    await poor.start(["other"]);
    await able.start(["train", "other"]);
    await owner.kill();
    await eventually(() => able.executes(), 1_500);
    expect(await poor.executes()).toBe(false);
  });
});

describe("when the lock file is deleted under the owner and another process takes a new one", () => {
  it("the first executes no more, its attempts write nothing, and there is one owner from then on", async () => {
    const file = newFile();
    const [first, second] = await ownerAndAttached(file);
    const { id: taskId } = await first.create();
    await first.claim();
    rmSync(`${file}.lock`);
    await eventually(() => second.executes(), 2_000);
    await expect(first.ask("complete", { taskId, attempt: 1, result: 1 })).rejects.toMatchObject({
      code: "STALE_ATTEMPT",
    });
    await eventually(async () => !(await first.executes()), 1_000);
    expect((await second.claim()).begun).toMatchObject([{ id: taskId, attempt: 2, crashes: 1 }]);
    await delay(700);
    expect([await first.executes(), await second.executes()]).toEqual([false, true]);
    await second.ask("complete", { taskId, attempt: 2, result: 2 });
    await second.kill();
    await eventually(() => first.executes(), 2_000);
  });
});

describe("an executor that is stopped while it begins", () => {
  it("does not execute, and leaves alone what another runs by then", async () => {
    const file = newFile();
    const [one, other] = [openSqliteStore({ file }), openSqliteStore({ file })];
    for (const store of [one, other]) onTestFinished(() => store.close());
    const executing = { tools: ["train"], wake: () => undefined };
    const task = request();
    // The other's commit comes first, because it was asked for first; then the one of who was stopped.
    const created = other.create(task);
    const calls = [one.executor.start(executing), one.executor.stop(), other.executor.start(executing)];
    const begun = other.begin({ taskId: task.id, maxCrashes: 1 });
    await Promise.all([created, ...calls]);
    expect(await begun).toMatchObject({ attempt: 1 });
    expect([one.executor.executes, other.executor.executes]).toEqual([false, true]);
    await other.complete({ taskId: task.id, attempt: 1, result: 1 });
    expect(await other.executor.activeTools()).toEqual(["train"]);
  });
});
