/**
 * Works off the outbox of artifacts to be swept. One that fails (a bucket that does not answer) stays for the next round
 * and stands in nobody's way.
 */
import type { ArtifactKey, ArtifactStore } from "../store/artifacts/artifact-store.ts";
import type { ArtifactSweep, TaskStore } from "../store/store.ts";
import { artifactsIn } from "../task/artifact.ts";

export interface ArtifactSweeperParts {
  readonly store: TaskStore;
  readonly artifacts: ArtifactStore | undefined;
  readonly onFailure: (error: unknown, message: string) => void;
}

export class ArtifactSweeper {
  readonly #parts: ArtifactSweeperParts;
  /** How far this round has come. */
  #after = 0;

  constructor(parts: ArtifactSweeperParts) {
    this.#parts = parts;
  }

  /** Returns how many were looked at: `limit` where there may be more. */
  async sweep({ limit }: { readonly limit: number }): Promise<number> {
    const { store, artifacts, onFailure } = this.#parts;
    if (artifacts === undefined) return 0;
    const sweeps = await store.artifactSweeps({ after: this.#after, limit });
    for (const sweep of sweeps) {
      try {
        await this.#sweepOne(artifacts, sweep);
      } catch (error) {
        onFailure(error, `artifacts of task ${sweep.taskId} could not be removed, trying again`);
      }
    }
    this.#after = sweeps.length < limit ? 0 : (sweeps.at(-1)?.id ?? 0);
    return sweeps.length;
  }

  async #sweepOne(artifacts: ArtifactStore, sweep: ArtifactSweep): Promise<void> {
    const { taskId } = sweep;
    // Of a task that is gone there are none: then all goes.
    const keep: ArtifactKey[] = artifactsIn(await this.#parts.store.operations({ taskId })).map(
      ({ name, attempt }) => ({ taskId, name, attempt }),
    );
    await artifacts.sweep(taskId, keep);
    await this.#parts.store.artifactsSwept(sweep);
  }
}
