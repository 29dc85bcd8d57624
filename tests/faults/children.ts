/**
 * The processes under test. Only what was started here is ever signalled, by its own id, and nothing outlives the
 * driver: a driver that ends in any way that it can notice kills what is left.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import type { Journal } from "./journal.ts";
import type { Orders } from "./program/orders.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
}

const keptStderr = 4_000;
const alive = new Set<ChildProcess>();
let spawned = 0;

process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Has a process killed with the driver. */
export function track(child: ChildProcess): void {
  alive.add(child);
  child.once("close", () => alive.delete(child));
}

export class Child {
  readonly number = ++spawned;
  readonly name: string;
  /** Resolves when it says so, with what it says, or has ended. */
  readonly ready: Promise<string | undefined>;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #journal: Journal;
  #stderr = "";

  constructor(journal: Journal, orders: Pick<Orders, "name">, program: string) {
    this.name = orders.name;
    this.#journal = journal;
    journal.append({ event: "spawned", child: this.number, name: orders.name });
    const file = fileURLToPath(new URL(`program/${program}.ts`, import.meta.url));
    const child = spawn(process.execPath, [file, JSON.stringify(orders)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    track(child);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderr);
    });
    this.exited = once(child, "close").then(([code, signal]) => ({
      code: code as Exit["code"],
      signal: signal as Exit["signal"],
      stderr: this.#stderr,
    }));
    const saidSo = once(child.stdout, "data").then(([text]) => String(text).trim());
    this.ready = Promise.race([saidSo, this.exited.then(() => undefined)]);
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.running) return;
    this.#process.kill(signal);
    this.#journal.append({ event: "signalled", child: this.number, signal });
  }

  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return this.exited;
  }

  /** Its end, or `undefined` when it did not end in time. */
  async exitWithin(ms: number): Promise<Exit | undefined> {
    const late = new AbortController();
    const waited = pause(ms, undefined, { signal: late.signal }).catch(() => undefined);
    try {
      return await Promise.race([this.exited, waited]);
    } finally {
      late.abort();
    }
  }
}
