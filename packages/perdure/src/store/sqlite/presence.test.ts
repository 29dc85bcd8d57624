/** A call whose process is gone waits for nothing: an equal call joins its task, whoever executes. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openSqliteStore } from "./index.ts";
import { request, StoreProcess, temporaryFolder } from "./processes.fixture.ts";

const rejoinKey = "the-same";
const key = { owner: "ada", tool: "train", rejoinKey };

it("of an attached process that was killed, at once; of one that is there, not", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "tasks.db");
  const executing = openSqliteStore({ file });
  onTestFinished(() => executing.close());
  await executing.executor.start({ tools: ["train"], wake: () => undefined });
  const caller = await StoreProcess.open(file);
  const { id } = await caller.create({ rejoinKey });
  expect(await executing.isAwaited(key)).toBe(true);
  const second = await executing.create({ ...request(), rejoinKey });
  expect(second.created).toBe(true);
  await executing.stopWaiting({ taskId: second.task.id, caller: "told" });
  await caller.kill();
  expect(await executing.isAwaited(key)).toBe(false);
  expect(await executing.create({ ...request(), rejoinKey })).toMatchObject({ created: false, task: { id } });
  expect(await executing.isAwaited(key)).toBe(true);
});

it("leaves no files behind: neither when it is closed, nor those of the killed", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "tasks.db");
  const caller = await StoreProcess.open(file);
  await caller.create({ rejoinKey });
  expect(readdirSync(folder).filter((name) => name.includes(".caller-"))).not.toEqual([]);
  await caller.kill();
  const store = openSqliteStore({ file });
  await store.create({ ...request(), rejoinKey: "another" });
  await store.close();
  expect(readdirSync(folder).filter((name) => name.includes(".caller-"))).toEqual([]);
});
