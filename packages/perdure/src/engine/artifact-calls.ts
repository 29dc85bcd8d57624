/**
 * `task.artifact`: bytes on their way from a handler to the artifact store.
 *
 * Three writes, of which each may be the last that a process does. The record says that the artifact is *begun*, so that
 * whatever file follows will be swept; the bytes are written and made durable; the record says that they are *there*.
 * Both records are fenced. Died in between, the next run of the handler writes it again, under its own attempt's name.
 *
 * One chunk is under way at a time: memory stays flat however fast the source is, and a source may use its buffer again.
 * While a chunk is written it is hashed.
 */
import { createHash } from "node:crypto";
import { type Artifact, toArtifact } from "../task/artifact.ts";
import { PerdureError, quote } from "../task/errors.ts";
import type { JsonObject } from "../task/json.ts";
import { limitExceeded, spoken } from "../task/limits.ts";
import type { Operation } from "../task/record.ts";
import { type ArtifactData, chunksOf, releaseData } from "./artifact-data.ts";
import { toMediaType } from "./media-type.ts";
import type { Operations } from "./operations.ts";
import type { AttemptStore } from "./run.ts";

export interface ArtifactCallsParts {
  readonly attempt: number;
  readonly operations: Pick<Operations, "use">;
  readonly maxBytes: number;
  /** Aborted when the attempt has ended: nothing more is read or written. */
  readonly ended: AbortSignal;
  readonly store: Pick<AttemptStore, "recordOperation" | "artifact">;
}

export interface ArtifactOptions {
  /** Default: `text/plain; charset=utf-8` for a string, `application/octet-stream` for all else. */
  readonly mediaType?: string;
}

export class ArtifactCalls {
  readonly #parts: ArtifactCallsParts;

  constructor(parts: ArtifactCallsParts) {
    this.#parts = parts;
  }

  async artifact(name: string, data: ArtifactData, { mediaType }: ArtifactOptions): Promise<Artifact> {
    try {
      const type = toMediaType(mediaType ?? defaultTypeOf(data));
      const { operations, store } = this.#parts;
      const recorded = operations.use(name, "artifact");
      if (recorded?.state === "done") return toArtifact(recorded.value);
      if (recorded !== undefined) await this.#removeLeft(recorded);
      else await store.recordOperation({ name, kind: "artifact", state: "attempted", tries: 0, delayMs: 0 });
      return await this.#write(name, type, data);
    } finally {
      releaseData(data);
    }
  }

  /**
   * Of attempts that died while they wrote it. That it was begun is not recorded again: a process that dies of this
   * artifact every time is to be seen as a crash loop.
   */
  async #removeLeft({ name, attempt: first }: Operation): Promise<void> {
    const { attempt, store } = this.#parts;
    for (let left = Math.max(first, attempt - mostLeft); left < attempt; left++) {
      await store.artifact({ do: "remove", name, attempt: left });
    }
  }

  async #write(name: string, mediaType: string, data: ArtifactData): Promise<Artifact> {
    const { attempt, store } = this.#parts;
    const value: Artifact & JsonObject = { name, mediaType, ...(await this.#copy(name, data)) };
    try {
      await store.recordOperation({ name, kind: "artifact", state: "done", value });
    } catch (error) {
      // A refusal is certain: nobody will ever name it. What cannot be removed is swept with the task.
      if (error instanceof PerdureError) {
        await store.artifact({ do: "remove", name, attempt }).catch(() => undefined);
      }
      throw error;
    }
    return value;
  }

  async #copy(name: string, data: ArtifactData): Promise<Pick<Artifact, "size" | "sha256">> {
    const { maxBytes, ended, store } = this.#parts;
    await store.artifact({ do: "create", name });
    const hash = createHash("sha256");
    let size = 0;
    try {
      for await (const chunk of chunksOf(data, name, ended)) {
        size += chunk.byteLength;
        if (size > maxBytes) throw tooLarge(name, maxBytes);
        const written = store.artifact({ do: "write", name, chunk });
        hash.update(chunk);
        await written;
      }
      ended.throwIfAborted();
      await store.artifact({ do: "finish", name });
    } catch (error) {
      await store.artifact({ do: "abort", name }).catch(() => undefined);
      throw error;
    }
    return { size, sha256: hash.digest("hex") };
  }
}

/** More dead attempts in a row than `maxCrashes` allows by default. */
const mostLeft = 50;

function defaultTypeOf(data: ArtifactData): string {
  return typeof data === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
}

function tooLarge(name: string, maxBytes: number): PerdureError {
  const came = `the artifact ${quote(name)} is more than ${spoken(maxBytes)} bytes`;
  return limitExceeded("artifactBytes", came, maxBytes, "Write it in parts");
}
