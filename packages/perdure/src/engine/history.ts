/**
 * History leaves: expired tasks, idle sessions and the artifacts of what is gone are deleted in small batches with
 * pauses between them, so that no request waits for it, and the file gives back what falls free.
 */
import type { TaskStore } from "../store/store.ts";
import type { Clock, Timer } from "../task/clock.ts";
import { ArtifactSweeper, type ArtifactSweeperParts } from "./artifact-sweeper.ts";

/** So many in one transaction. */
const batchSize = 100;
const intervalMs = 10_000;
const againMs = 60_000;
const pauseMs = 20;
/** A client that comes back later than this initializes anew. */
const sessionIdleMs = 30 * 86_400_000;

export interface HistoryParts extends ArtifactSweeperParts {
  readonly store: TaskStore;
  readonly clock: Clock;
}

export class History {
  readonly #parts: HistoryParts;
  readonly #sweeper: ArtifactSweeper;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#sweeper = new ArtifactSweeper({ ...parts, onFailure: (...failure) => this.#tell(...failure) });
  }

  start(): void {
    this.#lookIn(0);
  }

  /** A batch that is under way may be refused by the store from now on; the next start does it again. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #lookIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(ms, () => {
      void this.#delete().then((next) => this.#lookIn(next));
    });
  }

  /** Returns when to go on. */
  async #delete(): Promise<number> {
    const { store } = this.#parts;
    if (!store.executor.executes) return intervalMs;
    try {
      const [tasks, sessions] = await Promise.all([
        store.deleteExpired({ limit: batchSize }),
        store.sessions.deleteIdle({ idleMs: sessionIdleMs, limit: batchSize }),
      ]);
      const swept = await this.#sweeper.sweep({ limit: batchSize });
      if (tasks > 0 || sessions === batchSize || swept === batchSize) return pauseMs;
      if (this.#stopped) return intervalMs;
      return (await store.compact?.()) === true ? pauseMs : intervalMs;
    } catch (error) {
      this.#tell(error, "expired tasks could not be deleted, trying again");
      return againMs;
    }
  }

  #tell(error: unknown, message: string): void {
    if (!this.#stopped) this.#parts.onFailure(error, message);
  }
}
