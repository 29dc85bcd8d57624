/** One server process over HTTP, which can be killed, started again on the same port and file, and told to cut. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Orders } from "../program/orders.ts";

export const program = fileURLToPath(new URL("../program/server.ts", import.meta.url));

const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export class ServerProcess {
  readonly #orders: Orders;
  #child: ChildProcess;
  #port: number;

  private constructor(orders: Orders, child: ChildProcess, port: number) {
    this.#orders = orders;
    this.#child = child;
    this.#port = port;
  }

  static async start(orders: Orders): Promise<ServerProcess> {
    const { child, port } = await begin({ ...orders, port: orders.port ?? 0 });
    return new ServerProcess(orders, child, port);
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Destroys every connection, from the server's side. */
  cut(): void {
    this.#child.send("cut");
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Nothing where it runs. */
  async restart(): Promise<void> {
    if (this.running) return;
    const { child, port } = await begin({ ...this.#orders, port: this.#port });
    this.#child = child;
    this.#port = port;
  }
}

async function begin(orders: Orders): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(program, [JSON.stringify(orders)], { execArgv: [] });
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  const told = once(child, "message") as Promise<[{ readonly port: number }]>;
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the server ended at its start, with ${String(code)}`);
  });
  const [{ port }] = await Promise.race([told, ended]);
  ended.catch(() => undefined);
  return { child, port };
}
