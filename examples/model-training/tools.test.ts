import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { type App, perdure, type TaskHandle } from "perdure";
import { afterEach, beforeEach, expect, test } from "vitest";

import { declareTools } from "./tools.ts";

let folder: string;
const apps: App[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "model-training-"));
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close({ drainMs: 0 })));
  rmSync(folder, { recursive: true });
});

async function start(file: string) {
  const app = perdure({ name: "trainer", version: "1.0.0", store: `sqlite:${join(folder, file)}` });
  apps.push(app);
  const tools = declareTools(app);
  await app.start();
  return { app, ...tools };
}

async function progressed(handle: TaskHandle, done: number): Promise<void> {
  for await (const event of handle.watch()) if (event.type === "progress" && event.done >= done) return;
}

test("a training that is interrupted ends like one that was left alone", { timeout: 30_000 }, async () => {
  const input = { epochs: 4, hidden: 8 };
  const alone = await start("alone.db");
  const expected = await (await alone.app.submit(alone.trainModel, input)).result();
  expect(expected.epochs).toBe(4);
  expect(expected.accuracy).toBeGreaterThan(0.6);

  const before = await start("interrupted.db");
  const handle = await before.app.submit(before.trainModel, input);
  await progressed(handle, 2);
  await before.app.close({ drainMs: 0 });

  const after = await start("interrupted.db");
  const resumed = after.app.tasks.handle(handle.id);
  expect(await resumed.result()).toEqual(expected);
  expect((await resumed.status()).attempt).toBe(2);
});

test(
  "a training that asks goes on as one that does not, or ends where it was told to",
  { timeout: 30_000 },
  async () => {
    const { app, trainModel } = await start("asks.db");
    const input = { epochs: 3, hidden: 8 };
    const expected = await (await app.submit(trainModel, input)).result();
    const answered = async (go_on: boolean) => {
      const handle = await app.submit(trainModel, { ...input, ask_after: 2 });
      for await (const event of handle.watch()) if (event.type === "operation" && event.kind === "ask") break;
      const [asked] = await app.tasks.questions(handle.id);
      expect(asked?.message).toMatch(/^Accuracy [\d.]+ % after 2 epochs\. Go on\?$/);
      await app.tasks.answer(handle.id, asked?.key ?? "", { action: "accept", content: { go_on } });
      return handle.result();
    };
    expect(await answered(true)).toEqual(expected);
    expect(await answered(false)).toMatchObject({ epochs: 2 });
  },
);

test("training and search run in threads, whose modules are tried at the start", async () => {
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): number => threads.push(worker);
  process.on("worker", onWorker);
  await start("threads.db");
  process.off("worker", onWorker);
  expect(threads).toHaveLength(2);
});

test("a search finds settings that a training takes", { timeout: 30_000 }, async () => {
  const { app, searchSettings, trainModel } = await start("search.db");
  const found = await (await app.submit(searchSettings, { patience: 1 })).result();
  expect(found.rounds).toBeGreaterThan(0);
  const result = await (await app.submit(trainModel, { ...found.settings, epochs: 1 })).result();
  expect(result.accuracy).toBeGreaterThan(0.6);
});

test("settings out of bounds are refused before anything runs", async () => {
  const { app, trainModel } = await start("refused.db");
  await expect(app.submit(trainModel, { rate: 5 })).rejects.toThrow("rate");
});

test("a training that learns nothing fails, and says why", async () => {
  const { app, trainModel } = await start("nothing.db");
  const handle = await app.submit(trainModel, { rate: 1, hidden: 4, batch: 8, epochs: 10 });
  await expect(handle.result()).rejects.toThrow(
    "After 2 epochs the model is worse than guessing: its loss is 2.33. A rate of 1 is wrong for it.",
  );
});
