/** Tells the keeper, a process that is started with the first program, which programs run. */
import { type ChildProcess, spawn } from "node:child_process";
import { extname, join } from "node:path";

const keeperFile = join(import.meta.dirname, `keeper${extname(import.meta.filename)}`);

export class Keeping {
  #keeper: ChildProcess | undefined;

  /** It is in a group of its own: what kills ours leaves it alive. */
  start(): void {
    if (this.#keeper !== undefined) return;
    const keeper = spawn(process.execPath, ["--no-warnings", keeperFile], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      windowsHide: true,
    });
    this.#keeper = keeper;
    // Without a keeper all goes on; only a SIGKILL of this process would leave something.
    keeper.on("error", () => undefined);
    keeper.stdin.on("error", () => undefined);
    keeper.unref();
  }

  keep(pid: number, disk: string): void {
    this.#tell({ pid, disk });
  }

  forget(pid: number): void {
    this.#tell({ pid });
  }

  close(): void {
    this.#keeper?.stdin?.end();
    this.#keeper = undefined;
  }

  #tell(line: object): void {
    this.#keeper?.stdin?.write(`${JSON.stringify(line)}\n`);
  }
}
