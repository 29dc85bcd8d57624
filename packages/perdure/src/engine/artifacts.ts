/** Artifacts as callers see them: those of a task that is theirs, whatever channel they ask by. */
import type { Readable } from "node:stream";
import type { ArtifactStore, ByteRange } from "../store/artifacts/artifact-store.ts";
import type { TaskKey, TaskStore } from "../store/store.ts";
import { artifactsIn, type RecordedArtifact } from "../task/artifact.ts";
import { PerdureError } from "../task/errors.ts";
import type { TaskId } from "../task/id.ts";
import type { TaskSummary } from "../task/record.ts";

export class Artifacts {
  readonly #records: () => TaskStore;
  readonly #place: ArtifactStore | undefined;

  constructor(records: () => TaskStore, place: ArtifactStore | undefined) {
    this.#records = records;
    this.#place = place;
  }

  /** In the order in which they were written; `undefined`: no such task, or none of this owner's. */
  async list(key: TaskKey): Promise<readonly RecordedArtifact[] | undefined> {
    const task = await this.#records().summary(key);
    return task === undefined ? undefined : this.of(task);
  }

  /** Those of a task that is known. One that has none is not asked for them. */
  async of(task: TaskSummary): Promise<readonly RecordedArtifact[]> {
    if (task.artifacts === undefined) return [];
    return artifactsIn(await this.#records().operations({ taskId: task.id }));
  }

  /** `undefined`: no such artifact, task, or none of this owner's. */
  async find(key: TaskKey, name: string): Promise<RecordedArtifact | undefined> {
    return (await this.list(key))?.find((artifact) => artifact.name === name);
  }

  /** Its bytes, or a range that lies within them. Read the stream to its end, or destroy it. */
  async open(taskId: TaskId, { name, attempt }: RecordedArtifact, range?: ByteRange): Promise<Readable> {
    if (this.#place === undefined) {
      throw new PerdureError("ARTIFACT_STORE", {
        message: "this process was not told where artifacts are: set artifacts as where they were written.",
      });
    }
    return this.#place.open({ taskId, name, attempt }, range);
  }
}
