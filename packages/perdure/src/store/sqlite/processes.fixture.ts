/** Temporary folders and store processes, all gone at the end of the test that asked for them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { newTaskId } from "../../task/id.ts";
import type { CreatedTask, CreateTask } from "../store.ts";
import type { Answer, Notice } from "./store-process.fixture.ts";

const program = fileURLToPath(new URL("store-process.fixture.ts", import.meta.url));

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "perdure-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function request(given: Partial<CreateTask> = {}): CreateTask {
  return { id: newTaskId(Date.now()), tool: "train", owner: "ada", input: { epochs: 3 }, ...given };
}

/** Looks every few milliseconds; fails the test when it does not hold in time. */
export async function eventually(holds: () => unknown, withinMs: number): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not happen within ${withinMs} ms: ${holds.toString()}`);
    await delay(5);
  }
}

export class StoreProcess {
  readonly child: ChildProcess;
  readonly notices: Notice[] = [];
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #orders = 0;

  constructor(file: string, ...more: readonly string[]) {
    this.child = fork(program, [file, ...more], { execArgv: [], serialization: "advanced" });
    this.child.on("message", (message: Answer | Notice) => {
      if ("notice" in message) this.notices.push(message);
      else this.#answers.get(message.id)?.(message);
    });
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** A process that has the file open. */
  static async open(file: string): Promise<StoreProcess> {
    const process = new StoreProcess(file);
    await eventually(() => process.notices.length > 0, 10_000);
    return process;
  }

  /** Rejects with an error of the code that the process got. */
  async ask<T>(call: string, argument?: unknown): Promise<T> {
    const id = ++this.#orders;
    const answer = await new Promise<Answer>((resolve) => {
      this.#answers.set(id, resolve);
      this.child.send({ id, call, argument });
    });
    if (answer.code !== undefined) throw Object.assign(new Error(answer.message), { code: answer.code });
    return answer.value as T;
  }

  async create(given: Partial<CreateTask> = {}): Promise<CreatedTask["task"]> {
    const { task } = await this.ask<CreatedTask>("create", request(given));
    return task;
  }

  executes(): Promise<boolean> {
    return this.ask("executes");
  }

  start(tools: readonly string[] = ["train"]): Promise<void> {
    return this.ask("start", { tools });
  }

  claim(tools: readonly string[] = ["train"]): Promise<{ begun: readonly CreatedTask["task"][] }> {
    return this.ask("claim", {
      tools: tools.map((tool) => ({ tool, slots: 10, maxCrashes: 20 })),
      limit: 10,
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}
