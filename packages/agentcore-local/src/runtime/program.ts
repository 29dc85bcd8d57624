/**
 * The process of one session: in a group of its own, so that all it has started ends with it; on a disk of its own, a
 * fresh folder that is its working directory, its HOME and its TMPDIR, and is removed with it; with an environment of
 * its own, which has nothing of this process's but PATH.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Keeping } from "./keeping.ts";

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `{folder}` of what is configured: where the code is. */
  readonly folder: string;
  /** `{url}`: where agentcore-local is. */
  readonly url: string;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

export class Program {
  readonly disk: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** What it ended with, in words, when it has. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #keeping: Keeping;
  readonly #onLine: ProgramOptions["onLine"];
  #isOver = false;

  private constructor(
    child: ChildProcess,
    disk: string,
    port: number,
    keeping: Keeping,
    onLine: ProgramOptions["onLine"],
  ) {
    this.#child = child;
    this.#onLine = onLine;
    this.disk = disk;
    this.port = port;
    this.pid = child.pid;
    this.#keeping = keeping;
    this.exited = ending(child).then((said) => {
      this.#isOver = true;
      return said;
    });
  }

  static async start(options: ProgramOptions, keeping: Keeping): Promise<Program> {
    const disk = await mkdtemp(join(tmpdir(), "agentcore-local-session-"));
    const tmp = join(disk, "tmp");
    await mkdir(tmp);
    const port = await freePort();
    const { folder, url } = options;
    const places: Record<string, string> = { port: String(port), disk, folder, url };
    const filled = (text: string): string =>
      text.replaceAll(/\{(port|disk|folder|url)\}/g, (_, name: string) => places[name] ?? "");
    keeping.start();
    const child = spawn(filled(options.command), options.args.map(filled), {
      cwd: disk,
      env: {
        ...inherited(),
        HOME: disk,
        TMPDIR: tmp,
        PORT: String(port),
        HOST: "127.0.0.1",
        ...Object.fromEntries(Object.entries(options.env).map(([name, value]) => [name, filled(value)])),
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
    if (child.pid !== undefined) keeping.keep(child.pid, disk);
    for (const stream of ["stdout", "stderr"] as const)
      createInterface(child[stream]).on("line", (line) => options.onLine(stream, line));
    return new Program(child, disk, port, keeping, options.onLine);
  }

  /** SIGTERM for the program, as a container gets it; SIGKILL for all that is left of its group, then or `graceMs` later. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#isOver) {
      this.#child.kill("SIGTERM");
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), graceMs);
      await Promise.race([this.exited, late.promise]);
      clearTimeout(timer);
    }
    this.#killGroup();
    await this.exited;
    await this.#removeDisk();
    givenPorts.delete(this.port);
    if (this.pid !== undefined) this.#keeping.forget(this.pid);
  }

  /** Never rejects: a folder that a program has made read-only is left, and said. */
  async #removeDisk(): Promise<void> {
    try {
      await rm(this.disk, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.#onLine("stderr", `agentcore-local: the disk of the session could not be removed: ${said}`);
    }
  }

  #killGroup(): void {
    try {
      if (this.pid === undefined) return;
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-this.pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  }
}

async function ending(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal === null ? `ended with exit code ${code ?? "?"}` : `was ended by ${signal}`;
  } catch (error) {
    return `could not be started (${(error as NodeJS.ErrnoException).code ?? "unknown"})`;
  }
}

/** What a machine has, and not what this process was given. */
function inherited(): Record<string, string> {
  const names = process.platform === "win32" ? ["PATH", "Path", "SystemRoot", "ComSpec"] : ["PATH"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** Given to a program that may not listen yet: the system would give it away again. */
const givenPorts = new Set<number>();

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  if (givenPorts.has(port)) return freePort();
  givenPorts.add(port);
  return port;
}
