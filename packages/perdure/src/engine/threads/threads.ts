/** The threads of an application: a pool for each handler that runs in them. Loaded only where there is such a one. */
import type { Clock } from "../../task/clock.ts";
import { quote } from "../../task/errors.ts";
import type { Logger } from "../logger.ts";
import type { Run, RunParts } from "../run.ts";
import type { TaskTool, ThreadHandler } from "../tool.ts";
import { threadHandlers } from "../versions.ts";
import { ThreadPool } from "./pool.ts";
import { ThreadRun } from "./thread-run.ts";

/** A thread that does not end because native code computes in it must not stop the process from closing. */
const lastWaitMs = 1_000;

export class Threads {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pools = new Map<ThreadHandler, ThreadPool>();
  readonly #runs = new Set<ThreadRun>();

  constructor(tools: Iterable<TaskTool>, clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    for (const tool of tools) {
      for (const handler of threadHandlers(tool)) {
        this.#pools.set(handler, new ThreadPool({ ...handler, tool: tool.name, clock }));
      }
    }
  }

  /** Loads each module once, in a thread that is then kept for the first task. @throws PerdureError `INVALID_OPTION` */
  async load(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.load()));
  }

  /** @throws PerdureError `INVALID_VALUE` for an input that cannot be sent. */
  start(parts: RunParts, handler: ThreadHandler): Run {
    const pool = this.#pools.get(handler);
    if (pool === undefined) throw new Error(`${parts.task.tool} does not run in threads`);
    const run = new ThreadRun({ ...parts, pool, graceMs: handler.graceMs, lastWaitMs, clock: this.#clock });
    this.#runs.add(run);
    void run.gone?.then(() => this.#runs.delete(run));
    return run;
  }

  /** Ends what still computes, also what was ended before and is in its grace; nothing of it is waited for long. */
  shutDown(): void {
    for (const run of this.#runs) run.shutDown();
  }

  /** Ends all threads, and says which are left. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => this.#close(pool)));
  }

  async #close(pool: ThreadPool): Promise<void> {
    const left = await pool.close(lastWaitMs);
    if (left === 0) return;
    this.#logger.warn(
      { tool: pool.tool, threads: left },
      `${left === 1 ? "a thread" : `${left} threads`} of ${quote(pool.tool)} did not end: native code computes there, ` +
        `which nothing can interrupt. The tasks were given back; only the end of the process waits until it returns, ` +
        `unless a signal ends it.`,
    );
  }
}
