/** The threads of an application: a pool for each tool that runs in them. Loaded only where there is such a tool. */
import type { Clock } from "../../task/clock.ts";
import type { Run, RunParts } from "../run.ts";
import type { TaskTool } from "../tool.ts";
import { ThreadPool } from "./pool.ts";
import { ThreadRun } from "./thread-run.ts";

export class Threads {
  readonly #clock: Clock;
  readonly #pools = new Map<string, { readonly pool: ThreadPool; readonly graceMs: number }>();

  constructor(tools: Iterable<TaskTool>, clock: Clock) {
    this.#clock = clock;
    for (const { name, handler } of tools) {
      if (typeof handler === "function") continue;
      const pool = new ThreadPool({ ...handler, tool: name, clock });
      this.#pools.set(name, { pool, graceMs: handler.graceMs });
    }
  }

  /** Loads each module once, in a thread that is then kept for the first task. @throws PerdureError `INVALID_OPTION` */
  async load(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.load()));
  }

  /** @throws PerdureError `INVALID_VALUE` for an input that cannot be sent. */
  start(parts: RunParts): Run {
    const found = this.#pools.get(parts.task.tool);
    if (found === undefined) throw new Error(`${parts.task.tool} does not run in threads`);
    return new ThreadRun({ ...parts, ...found, clock: this.#clock });
  }

  /** How many there are of a tool, busy or idle. */
  size(tool: string): number {
    return this.#pools.get(tool)?.pool.size ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.close()));
  }
}
