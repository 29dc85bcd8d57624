/** Artifacts and processes: a gigabyte in flat memory, and death at every stage of writing one. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { artifactFile } from "../store/artifacts/artifact-path.ts";
import type { WriteStage } from "../store/artifacts/folder.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { temporaryFolder } from "../store/sqlite/processes.fixture.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { closeNow } from "./app.fixture.ts";
import { perdure } from "./app.ts";

const program = fileURLToPath(new URL("artifacts.fixture.ts", import.meta.url));
const run = promisify(execFile);

interface Told {
  readonly id: string;
  readonly result: { readonly size: number; readonly sha256: string; readonly attempt: number };
  readonly grownBytes: number;
}

async function leave(file: string, stage: string, bytes: number): Promise<Told> {
  const { stdout } = await run(process.execPath, ["--no-warnings", program, file, stage, String(bytes)]);
  return JSON.parse(stdout) as Told;
}

function filesOf(file: string, id: string): string[] {
  const folder = join(`${file}.artifacts`, id);
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

const gigabyte = 1_073_741_824;

it("a gigabyte is kept and read in flat memory", { timeout: 120_000 }, async () => {
  const file = join(temporaryFolder(), "tasks.db");
  const { id, result, grownBytes } = await leave(file, "none", gigabyte);
  expect(result.size).toBe(gigabyte);
  expect(grownBytes).toBeLessThan(96 * 1_048_576);
  const app = perdure({ name: "reader", version: "0", store: `sqlite:${file}` });
  onTestFinished(() => app.close());
  const before = process.memoryUsage().rss;
  const hash = createHash("sha256");
  let most = before;
  for await (const chunk of await app.tasks.artifact(id, "big")) {
    hash.update(chunk as Uint8Array);
    most = Math.max(most, process.memoryUsage().rss);
  }
  expect(hash.digest("hex")).toBe(result.sha256);
  expect(most - before).toBeLessThan(96 * 1_048_576);
});

/** Each with the attempts whose file the last one finds, whole or not. */
const stages: readonly (WriteStage | "recorded")[] = [
  "folder",
  "file",
  "write",
  "flush",
  "rename",
  "flush folder",
  "written",
  "recorded",
];

describe("kill -9 in the middle of an artifact", () => {
  it.each(stages)("at %j: the next process has it whole, and nothing else is left", async (stage) => {
    const file = join(temporaryFolder(), "tasks.db");
    await expect(leave(file, stage, 300_000)).rejects.toMatchObject({ signal: "SIGKILL" });
    const { id, result } = await leave(file, "none", 300_000);
    const writer = stage === "recorded" ? 1 : 2;
    expect(result).toMatchObject({ size: 300_000, attempt: 2 });
    expect(filesOf(file, id)).toEqual([artifactFile({ name: "big", attempt: writer })]);
    const app = perdure({ name: "reader", version: "0", store: `sqlite:${file}` });
    onTestFinished(() => app.close());
    const hash = createHash("sha256");
    for await (const chunk of await app.tasks.artifact(id, "big")) hash.update(chunk as Uint8Array);
    expect(hash.digest("hex")).toBe(result.sha256);
    expect(await app.tasks.artifacts(id)).toMatchObject([{ name: "big", size: 300_000 }]);
  });

  it.each(["write", "written"])("at %j, and no next run: its end takes away what it left", async (stage) => {
    const file = join(temporaryFolder(), "tasks.db");
    await expect(leave(file, stage, 300_000)).rejects.toMatchObject({ signal: "SIGKILL" });
    const clock = new ManualClock(Date.now());
    const app = perdure({ name: "other", version: "0", store: openSqliteStore({ file, clock }), clock });
    onTestFinished(() => closeNow(app, clock));
    const [task] = (await app.tasks.list()).tasks;
    const id = task?.id ?? "";
    expect(filesOf(file, id)).toHaveLength(1);
    await app.tasks.cancel(id);
    await app.start();
    await clock.advance(0);
    await expect.poll(() => filesOf(file, id)).toEqual([]);
  });
});
