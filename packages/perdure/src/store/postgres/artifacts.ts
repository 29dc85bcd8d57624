/**
 * Artifacts in the database: for programs whose processes share nothing else, up to a size that a database bears.
 *
 * One is kept in chunks of a fixed size, so that a range is found by its number, and neither side ever has more than
 * one in memory. An upload has a row of its own: *begun*, then *whole* in the statement that writes its last chunk, so
 * that a reader sees all of it or nothing; or *gone*, while its chunks are deleted a few at a time. Every chunk is
 * written only while its upload is begun: whoever is fenced off writes nothing that nobody would ever delete. A call
 * that failed because the database was away may be made again.
 */
import { Readable } from "node:stream";
import { PerdureError, quote } from "../../task/errors.ts";
import type { TaskId } from "../../task/id.ts";
import { spoken } from "../../task/limits.ts";
import { artifactFile } from "../artifacts/artifact-path.ts";
import type { ArtifactKey, ArtifactStore, ArtifactWriter, ByteRange } from "../artifacts/artifact-store.ts";
import { goneError } from "../artifacts/errors.ts";
import type { Database } from "./database.ts";

/** A commit for each: smaller ones cost more of them, and a larger one memory for each that is read or written. */
const chunkBytes = 262_144;
/** 16 MiB: a batch that keeps no other writer waiting. */
const chunksAtOnce = 64;

export interface DatabaseArtifactsOptions {
  /** Open, and of the right version. */
  readonly ready: () => Promise<Database>;
  readonly location: string;
  /** Of one artifact. */
  readonly maxBytes: number;
}

export class DatabaseArtifacts implements ArtifactStore {
  readonly location: string;
  readonly #options: DatabaseArtifactsOptions;

  constructor(options: DatabaseArtifactsOptions) {
    this.location = options.location;
    this.#options = options;
  }

  async create(key: ArtifactKey): Promise<ArtifactWriter> {
    const [row] = await this.#query<{ upload: number }>(
      `INSERT INTO @.artifact_files (task_id, file, chunk_bytes, state) VALUES ($1, $2, $3, 'begun')
       RETURNING upload`,
      [key.taskId, artifactFile(key), chunkBytes],
    );
    if (row === undefined) throw goneError(key.name, this.location);
    return this.#writer(key, row.upload);
  }

  #writer(key: ArtifactKey, upload: number): ArtifactWriter {
    const { maxBytes } = this.#options;
    const buffer = Buffer.allocUnsafe(chunkBytes);
    let [number, filled, total] = [0, 0, 0];
    /** Of the chunk that is being taken: a call that is made again goes on from there. */
    let taken = 0;
    const flush = async (): Promise<void> => {
      await this.#writeChunk(key, upload, number, buffer.subarray(0, filled));
      number++;
      filled = 0;
    };
    return {
      write: async (chunk) => {
        if (total - taken + chunk.byteLength > maxBytes) throw tooLarge(key.name, maxBytes);
        while (taken < chunk.byteLength) {
          if (filled === chunkBytes) await flush();
          const part = chunk.subarray(taken, taken + chunkBytes - filled);
          buffer.set(part, filled);
          filled += part.byteLength;
          taken += part.byteLength;
          total += part.byteLength;
        }
        taken = 0;
      },
      finish: () => this.#finish(key, upload, { number, bytes: buffer.subarray(0, filled), total }),
      abort: async () => this.#delete(await this.#condemn("upload = $1", [upload])),
    };
  }

  async #writeChunk(key: ArtifactKey, upload: number, number: number, bytes: Buffer): Promise<void> {
    const written = await this.#query(
      `INSERT INTO @.artifact_chunks (upload, number, bytes)
       SELECT upload, $2, $3 FROM @.artifact_files WHERE upload = $1 AND state = 'begun' FOR SHARE
       ON CONFLICT (upload, number) DO UPDATE SET bytes = excluded.bytes RETURNING number`,
      [upload, number, bytes],
    );
    if (written.length === 0) throw goneError(key.name, this.location);
  }

  /** With its last chunk, and what was there under the key before gives way. */
  async #finish(
    key: ArtifactKey,
    upload: number,
    last: { readonly number: number; readonly bytes: Buffer; readonly total: number },
  ): Promise<void> {
    const ended = await this.#query<{ upload: number }>(
      `WITH mine AS MATERIALIZED (SELECT upload FROM @.artifact_files WHERE upload = $1 AND state <> 'gone' FOR UPDATE),
       written AS (
         INSERT INTO @.artifact_chunks (upload, number, bytes)
         SELECT upload, $4::integer, $5::bytea FROM mine WHERE length($5::bytea) > 0
         ON CONFLICT (upload, number) DO UPDATE SET bytes = excluded.bytes)
       UPDATE @.artifact_files AS f
       SET state = CASE WHEN f.upload = mine.upload THEN 'whole' ELSE 'gone' END, bytes = $6::bigint
       FROM mine WHERE f.task_id = $2 AND f.file = $3 AND (f.upload = mine.upload OR f.state = 'whole')
       RETURNING f.upload`,
      [upload, key.taskId, artifactFile(key), last.number, last.bytes, last.total],
    );
    if (ended.length === 0) throw goneError(key.name, this.location);
    await this.#delete(ended.map((one) => one.upload).filter((one) => one !== upload));
  }

  async open(key: ArtifactKey, range?: ByteRange): Promise<Readable> {
    const [found] = await this.#query<Whole>(
      `SELECT upload, chunk_bytes AS "chunkBytes", bytes FROM @.artifact_files
       WHERE task_id = $1 AND file = $2 AND state = 'whole' ORDER BY upload DESC LIMIT 1`,
      [key.taskId, artifactFile(key)],
    );
    if (found === undefined) throw goneError(key.name, this.location);
    const { start, end } = range ?? { start: 0, end: found.bytes - 1 };
    return Readable.from(this.#chunks(key, found, start, end), { objectMode: false, highWaterMark: 1 });
  }

  async *#chunks(key: ArtifactKey, whole: Whole, start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at <= end;) {
      const number = Math.floor(at / whole.chunkBytes);
      const [row] = await this.#query<{ bytes: Buffer }>(
        "SELECT bytes FROM @.artifact_chunks WHERE upload = $1 AND number = $2",
        [whole.upload, number],
      );
      const first = number * whole.chunkBytes;
      const part = row?.bytes.subarray(at - first, end + 1 - first);
      if (part === undefined || part.byteLength === 0) throw goneError(key.name, this.location);
      yield part;
      at += part.byteLength;
    }
  }

  async remove(key: ArtifactKey): Promise<void> {
    await this.#delete(await this.#condemn("task_id = $1 AND file = $2", [key.taskId, artifactFile(key)]));
  }

  async sweep(taskId: TaskId, keep: readonly ArtifactKey[]): Promise<void> {
    await this.#delete(
      await this.#condemn("task_id = $1 AND NOT (state = 'whole' AND file = ANY ($2))", [
        taskId,
        keep.map(artifactFile),
      ]),
    );
  }

  async close(): Promise<void> {
    // The database is closed with the record.
  }

  /** From now on nothing is written to them, and nobody begins to read. */
  async #condemn(which: string, parameters: readonly unknown[]): Promise<number[]> {
    const rows = await this.#query<{ upload: number }>(
      `UPDATE @.artifact_files SET state = 'gone' WHERE ${which} RETURNING upload`,
      parameters,
    );
    return rows.map(({ upload }) => upload);
  }

  /** What a process that dies here leaves is still condemned, and goes with the next sweep of its task. */
  async #delete(uploads: readonly number[]): Promise<void> {
    if (uploads.length === 0) return;
    let deleted: unknown[];
    do {
      deleted = await this.#query(
        `DELETE FROM @.artifact_chunks WHERE ctid = ANY (ARRAY (
           SELECT ctid FROM @.artifact_chunks WHERE upload = ANY ($1) LIMIT $2)) RETURNING number`,
        [uploads, chunksAtOnce],
      );
    } while (deleted.length === chunksAtOnce);
    await this.#query("DELETE FROM @.artifact_files WHERE upload = ANY ($1)", [uploads]);
  }

  async #query<T extends object>(text: string, parameters: readonly unknown[]): Promise<T[]> {
    return (await this.#options.ready()).query<T>(text, parameters);
  }
}

interface Whole {
  readonly upload: number;
  readonly chunkBytes: number;
  readonly bytes: number;
}

function tooLarge(name: string, maxBytes: number): PerdureError {
  return new PerdureError("LIMIT_EXCEEDED", {
    message:
      `the artifact ${quote(name)} is more than ${spoken(maxBytes)} bytes; maxArtifactBytes of the store allows ` +
      `${spoken(maxBytes)} in the database. Set artifacts to a folder that all processes share or to ` +
      `"s3://bucket/prefix", or raise maxArtifactBytes.`,
  });
}
