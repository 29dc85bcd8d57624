/** The real commands, each a process of its own, and a server that one of them serves. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const main = join(import.meta.dirname, "main.ts");
const fixture = join(import.meta.dirname, "app.fixture.ts");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** All that it has said so far. */
  readonly text: () => { readonly stdout: string; readonly stderr: string };
}

/** Everything that was started is ended with it. */
export class Bench implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "perdure-cli-"));
  readonly file = join(this.folder, "tasks.db");
  /** Of `--arg`: `count` goes on until `open()`. */
  readonly gate = `gate=${join(this.folder, "gate")}`;
  readonly #started: Running[] = [];

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = once(child, "close").then(([code, signal]): Ended => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    }));
    const running = { child, ended, text: () => ({ stdout, stderr }) };
    this.#started.push(running);
    return running;
  }

  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
    return this.start(args, env).ended;
  }

  /** `perdure serve`, over the file of this bench. */
  async serve(
    env: Readonly<Record<string, string>> = {},
    port = "0",
  ): Promise<Running & { readonly url: string }> {
    const store = { FIXTURE_STORE: `sqlite:${this.file}` };
    const running = this.start(["serve", fixture, "--port", port, "--json"], { ...store, ...env });
    const url = await new Promise<string>((resolve, reject) => {
      if (running.child.stdout === null) throw new Error("no standard output");
      createInterface({ input: running.child.stdout }).once("line", (line) => {
        resolve((JSON.parse(line) as { readonly url: string }).url);
      });
      void running.ended.then(({ stderr }) => reject(new Error(`it did not serve: ${stderr}`)));
    });
    return { ...running, url };
  }

  open(): void {
    writeFileSync(join(this.folder, "gate"), "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#started) child.kill("SIGKILL");
    await Promise.all(this.#started.map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves once the process has said, now or before, something that fits. */
export async function said(
  { child, text }: Running,
  stream: "stdout" | "stderr",
  pattern: RegExp,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (pattern.test(text()[stream])) resolve();
    };
    child[stream]?.on("data", look);
    child.once("close", () => reject(new Error(`it ended, having said: ${text()[stream]}`)));
    look();
  });
}
