/** Real processes, killed at the worst moments, that deliver to a real server: each result once, and in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { HttpMemoryService } from "./http-memory.fixture.ts";
import { inSqlite, temporaryStore } from "../store/store-under-test.fixture.ts";

const program = fileURLToPath(new URL("delivering.fixture.ts", import.meta.url));
/** How long a commit over Postgres may take here. */
const besideMs = 250;
const patience = { timeout: 30_000, interval: 20 };

interface Program {
  readonly child: ChildProcess;
  readonly said: () => string;
}

function start(...args: readonly string[]): Program {
  const child = spawn(process.execPath, ["--no-warnings", program, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, said: () => said };
}

async function kill({ child }: Program): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name}${n + 1}`);

const numberOf = (result: string): number => Number(result.slice(1));

it("killed between the commit and the delivery: the next process delivers", async () => {
  const memory = await HttpMemoryService.start();
  memory.behave = () => "cut";
  const record = temporaryStore();
  const first = start(record, memory.url, "r", "5");
  await expect.poll(first.said, patience).toContain("submitted 5\n");
  await expect.poll(() => memory.tries, patience).toBeGreaterThan(0);
  await kill(first);
  expect(memory.kept).toEqual([]);
  memory.behave = () => 201;
  start(record, memory.url);
  await expect.poll(() => memory.results, patience).toEqual(numbered("r", 5));
}, 60_000);

it("killed between the delivery and its acknowledgement: the same message again, kept once", async () => {
  const memory = await HttpMemoryService.start();
  memory.behave = () => "no answer";
  const record = temporaryStore();
  const first = start(record, memory.url, "r", "3");
  await expect.poll(first.said, patience).toContain("submitted 3\n");
  await expect.poll(() => memory.kept.length, patience).toBe(1);
  await kill(first);
  memory.behave = () => 201;
  const tries = memory.tries;
  start(record, memory.url, "again", "2");
  await expect.poll(() => memory.results, patience).toEqual([...numbered("r", 3), ...numbered("again", 2)]);
  expect(memory.tries).toBeGreaterThan(tries + 1);
}, 60_000);

it("two processes on one record, a memory of every bad temper, and kills: each result once, in order", async () => {
  const memory = await HttpMemoryService.start();
  const tempers = [201, "500 after", 201, 503, 201, 409, "500 after", 201, "cut", 201] as const;
  memory.behave = () => tempers[memory.tries % tempers.length] ?? 201;
  const record = temporaryStore();
  const [first, second] = [start(record, memory.url, "a", "30"), start(record, memory.url, "b", "30")];
  await expect.poll(first.said, patience).toContain("submitted 30\n");
  await expect.poll(second.said, patience).toContain("submitted 30\n");
  await kill(first);
  const third = start(record, memory.url, "c", "10");
  await expect.poll(third.said, patience).toContain("submitted 10\n");
  await kill(second);
  await expect.poll(() => memory.results.length, patience).toBe(70);
  for (const [name, count] of [
    ["a", 30],
    ["b", 30],
    ["c", 10],
  ] as const) {
    const results = memory.results.filter((result) => result.startsWith(name));
    // Postgres commits the ends of several tasks beside one another, not as they were submitted.
    const asSubmitted = inSqlite ? results : results.toSorted((one, two) => numberOf(one) - numberOf(two));
    expect(asSubmitted).toEqual(numbered(name, count));
  }
  const ended = memory.kept.flatMap(({ entries }) => entries.map(({ at }) => at));
  // Of two that are being committed at the same time, either may be there first.
  const late = ended.filter((at, n) => Math.max(...ended.slice(0, n)) - at > (inSqlite ? 0 : besideMs));
  expect(late).toEqual([]);
}, 90_000);
