/** Worker processes, ended with the benchmark that started them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("worker.child.ts", import.meta.url));

export class Worker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(url: string): Promise<Worker> {
    const child = fork(file, [url]);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`a worker ended at its start, with ${String(code)}`);
    });
    await Promise.race([once(child, "message"), ended]);
    ended.catch(() => undefined);
    return new Worker(child);
  }

  /** Begins a task that never ends, and returns its id. */
  async hang(): Promise<string> {
    this.#child.send("hang");
    const [{ running }] = (await once(this.#child, "message")) as [{ readonly running: string }];
    return running;
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}
