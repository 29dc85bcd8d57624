/**
 * A program with one task that leaves an artifact, and dies at a stage of writing it:
 * `node artifacts.fixture.ts FILE STAGE|none BYTES`. It tells the task's result, and the most memory it had.
 */
import { perdure } from "./app.ts";
import { openFolderArtifacts, type WriteStage } from "../store/artifacts/folder.ts";
import { z } from "zod";

const [file = "", stage = "none", bytes = "0"] = process.argv.slice(2);

function dieAt(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;); // no line more
}

const app = perdure({
  name: "artifacts",
  version: "0",
  store: `sqlite:${file}`,
  artifacts: openFolderArtifacts(`${file}.artifacts`, {
    at: (at: WriteStage) => {
      if (at === stage) dieAt();
    },
  }),
});

/** The same buffer again and again, as a parser of files does. */
async function* content(size: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(65_536);
  for (let at = 0; at < size; at += chunk.length) {
    chunk.writeUInt32LE(at / chunk.length, 0);
    yield chunk.subarray(0, Math.min(chunk.length, size - at));
    if (at % (256 * chunk.length) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

app.task("leave", { description: "Leaves.", input: z.object({ bytes: z.number() }) }, async (input, task) => {
  const artifact = await task.artifact("big", content(input.bytes));
  if (stage === "recorded") dieAt();
  return { size: artifact.size, sha256: artifact.sha256, attempt: task.attempt };
});

async function live(): Promise<void> {
  await app.start();
  const rss = process.memoryUsage().rss;
  let most = rss;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const { tasks } = await app.tasks.list();
  const handle =
    tasks[0] === undefined
      ? await app.submit("leave", { bytes: Number(bytes) })
      : app.tasks.handle(tasks[0].id);
  const result = await handle.result();
  clearInterval(watch);
  process.stdout.write(`${JSON.stringify({ id: handle.id, result, grownBytes: most - rss })}\n`);
  await app.close();
}

void live();
