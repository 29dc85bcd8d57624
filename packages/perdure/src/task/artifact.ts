/**
 * An artifact: bytes that a task leaves beside its result, too many for a value. The record keeps what is said here, as
 * the value of an operation of kind `artifact`; the bytes are in an artifact store, as long as the task is kept.
 */
import type { JsonValue } from "./json.ts";
import type { Operation } from "./record.ts";

export interface Artifact {
  /** As the handler gave it: for people, never the name of a file. */
  readonly name: string;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** Of the bytes, in hex. */
  readonly sha256: string;
}

/** An artifact of a task, and the attempt that wrote it: with both its bytes are found. */
export interface RecordedArtifact extends Artifact {
  readonly attempt: number;
}

/** The artifacts that are recorded whole, in the order in which they were. */
export function artifactsIn(operations: readonly Operation[]): RecordedArtifact[] {
  return operations.flatMap((operation) =>
    operation.kind === "artifact" && operation.state === "done"
      ? [{ ...toArtifact(operation.value), attempt: operation.attempt }]
      : [],
  );
}

/** The value of a recorded operation of kind `artifact`. */
export function toArtifact(value: JsonValue | undefined): Artifact {
  const { name, mediaType, size, sha256 } = value as unknown as Artifact;
  return { name, mediaType, size, sha256 };
}
