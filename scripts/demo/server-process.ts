/** `perdure serve` in a process of its own, so that it can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "../..");
const command = join(root, "packages/perdure/dist/cli/main.js");
const application = join(root, "examples/model-training/server.ts");

export class ServerProcess {
  readonly #file: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #url: string | undefined;
  /** What it wrote to standard error. */
  complaints = "";

  constructor(file: string, env: Readonly<Record<string, string>>) {
    this.#file = file;
    this.#env = env;
  }

  get url(): string {
    if (this.#url === undefined) throw new Error("The server was not started.");
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** On a free port; again on the same one. */
  async start(): Promise<void> {
    const port = this.#url === undefined ? "0" : new URL(this.#url).port;
    const child = spawn(process.execPath, [command, "serve", application, "--port", port, "--json"], {
      env: { ...process.env, ...this.#env, TRAINER_STORE: `sqlite:${this.#file}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.complaints += text));
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([
      once(lines, "line"),
      once(child, "exit").then(() => {
        throw new Error(`The server did not start.\n${this.complaints}`);
      }),
    ])) as [string];
    this.#url = (JSON.parse(line) as { readonly url: string }).url;
  }

  /** SIGKILL: no handler of it runs any more. Returns the signal that ended the process. */
  async kill(): Promise<NodeJS.Signals | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    return child.signalCode;
  }

  killNow(): void {
    this.#child?.kill("SIGKILL");
  }
}
