/**
 * `npm run soak -- [--seconds 600] [--clients 8] [--seed 1]`
 *
 * A real server and real clients, for long: calls, steps, sleeps, questions, cancels, retries, and tasks that expire
 * after seconds. Nothing may grow: not the heap, not the number of handles and timers, not the file. When the load is
 * over and everything has expired, the file must be empty and small. It ends with 1, and says what grew.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SoakClient } from "./client.ts";
import type { Size } from "./server.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    clients: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
  },
});
const seconds = Number(options.seconds);
assert.ok(seconds >= 30, "--seconds must be at least 30: what grows must have the time to");
const ttlMs = 5_000;
/** The pages that a file keeps for what comes next. */
const emptyFileBytes = 8_000_000;

const folder = mkdtempSync(join(tmpdir(), "perdure-soak-"));
const server = fork(join(import.meta.dirname, "server.ts"), [join(folder, "soak.db"), String(ttlMs)], {
  execArgv: ["--no-warnings"],
  stdio: "inherit",
});
let died: Error | undefined;
server.once("exit", (code, signal) => (died ??= new Error(`the server ended: ${code ?? signal}`)));
try {
  await soak();
} finally {
  died ??= new Error("it is over");
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

async function soak(): Promise<void> {
  const [{ url }] = (await once(server, "message")) as [{ url: string }];
  const random = mulberry32(Number(options.seed));
  const clients = await Promise.all(
    Array.from({ length: Number(options.clients) }, () => SoakClient.connect(url, ttlMs, random)),
  );
  const untilMs = performance.now() + seconds * 1_000;
  const sizes: Size[] = [];
  await Promise.all([...clients.map((client) => client.run(untilMs)), sample(untilMs, sizes)]);
  for (const client of clients) await client.close();
  const done = new Map<string, number>();
  for (const client of clients) {
    for (const [name, count] of client.done) done.set(name, (done.get(name) ?? 0) + count);
  }
  console.log([...done].map(([name, count]) => `${name} ${count}`).join(", "));
  // The first third fills caches, and the file up to what expires.
  const [early, late] = [
    sizes.slice(sizes.length / 3, (2 * sizes.length) / 3),
    sizes.slice((-1 * sizes.length) / 3),
  ];
  const grown = [
    ...grew("heapBytes", early, late, 1.05, 2_000_000),
    ...grew("resources", early, late, 1.25, 20),
    ...grew("handles", early, late, 1.1, 8),
    ...grew("fileBytes", early, late, 1.3, 4_000_000),
    ...grew("walBytes", early, late, 1.3, 8_000_000),
    ...grew("tasks", early, late, 1.5, 200),
  ];
  assert.deepEqual(grown, []);
  await emptied();
}

/** All that has expired goes, and the room that it took. */
async function emptied(): Promise<void> {
  let size = await ask();
  for (let waited = 0; waited < 120 && (size.tasks > 0 || size.fileBytes > emptyFileBytes); waited++) {
    await sleep(1_000);
    size = await ask();
  }
  console.log("afterwards", shown(size));
  assert.equal(size.open, 0, "nothing is left running");
  assert.equal(size.tasks, 0, "what has expired is deleted");
  assert.ok(size.fileBytes <= emptyFileBytes, `the file is empty, and still ${size.fileBytes} bytes`);
}

async function sample(untilMs: number, sizes: Size[]): Promise<void> {
  while (performance.now() < untilMs) {
    await sleep(Math.min(5_000, (seconds * 1_000) / 30));
    sizes.push(await ask());
    console.log(shown(sizes.at(-1)));
  }
}

async function ask(): Promise<Size> {
  if (died !== undefined) throw died;
  server.send("size");
  const [size] = (await Promise.race([
    once(server, "message"),
    sleep(30_000, undefined, { ref: false }).then(() => {
      throw new Error("the server does not answer");
    }),
  ])) as [Size];
  return size;
}

/** By the median of the samples, and the room that chance is given. */
function grew(
  what: keyof Size,
  early: readonly Size[],
  late: readonly Size[],
  factor: number,
  room: number,
): string[] {
  const [before, after] = [median(early.map((size) => size[what])), median(late.map((size) => size[what]))];
  if (after <= before * factor + room) return [];
  return [`${what} grew from ${before} to ${after}`];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function shown(size: Size | undefined): string {
  return Object.entries(size ?? {})
    .map(([name, value]) => `${name} ${Number(value).toLocaleString("en-US")}`)
    .join("  ");
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
