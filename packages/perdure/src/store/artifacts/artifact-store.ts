/**
 * Where the bytes of artifacts are.
 *
 * The record decides, the files follow. An artifact exists when the record says so, which it does after its bytes are
 * durable under their last name; before that they are nobody's. What is under a name never changes: the attempt that
 * wrote it is part of the name, so that a new attempt writes beside what a dead or fenced-off one has left, and a
 * reader never sees half of anything.
 *
 * What no record names is removed by a *sweep*. A task that ends or is deleted leaves an entry in its record's outbox
 * (`TaskStore.artifactSweeps`), in the commit that makes it so; the executing process removes the files, then the
 * entry, and begins again after whatever crash. Nobody looks for files to delete by listing a place: one that two
 * records share would lose the artifacts of the other. Within a task that has ended, every attempt that still writes
 * is fenced off, so that its files too may go while it does.
 *
 * What the names are on the disk, in a bucket or a table is each store's own affair, and no part of them is text that somebody
 * else chose (`artifact-path.ts`).
 */
import type { Readable } from "node:stream";
import type { TaskId } from "../../task/id.ts";

/** Names the bytes: written once, by this attempt. */
export interface ArtifactKey {
  readonly taskId: TaskId;
  readonly name: string;
  readonly attempt: number;
}

/** From `start` to `end`, both included, as HTTP has it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Every method, and those of a writer, @throws PerdureError `ARTIFACT_STORE`, `STORE_FULL` where there is no space, or as
 * the record where it is in its database. After one that is `retryable` the same call may be made again.
 */
export interface ArtifactStore {
  /** For messages: `/var/lib/app.db.artifacts`, `s3://bucket/prefix`. Holds no secret. */
  readonly location: string;
  /** Begins to write; what is there already under the key is replaced at the end. */
  create(key: ArtifactKey): Promise<ArtifactWriter>;
  /** The bytes, or a range of them, which lies within them. Read the stream to its end, or destroy it. */
  open(key: ArtifactKey, range?: ByteRange): Promise<Readable>;
  /** Removes one, and what was left of writing it. Nothing happens where there is none. */
  remove(key: ArtifactKey): Promise<void>;
  /** Removes what there is of a task but `keep`, begun or whole. Another process may be at the same. */
  sweep(taskId: TaskId, keep: readonly ArtifactKey[]): Promise<void>;
  close(): Promise<void>;
}

/** One artifact that is being written. The calls follow each other; after an error, or instead of `finish`, `abort`. */
export interface ArtifactWriter {
  /** Once it resolves, the chunk may be used for something else. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes it whole and durable: afterwards it survives a power cut. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}
