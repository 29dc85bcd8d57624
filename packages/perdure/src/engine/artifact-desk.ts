/**
 * The artifact store as one attempt sees it: only its own files, by their names. What it is told is plain values, so
 * that the handler may be in a thread; and what a handler leaves half written is gone when its attempt is over.
 */
import type { ArtifactStore, ArtifactWriter } from "../store/artifacts/artifact-store.ts";
import type { AttemptKey } from "../store/store.ts";
import { PerdureError } from "../task/errors.ts";

/** One step of writing an artifact: `create`, then `write` and `write`, and `finish` or `abort`. */
export type ArtifactStep =
  | { readonly do: "create" | "finish" | "abort"; readonly name: string }
  | { readonly do: "write"; readonly name: string; readonly chunk: Uint8Array }
  /** What an earlier attempt, or this one, has left. */
  | { readonly do: "remove"; readonly name: string; readonly attempt: number };

export class ArtifactDesk {
  readonly #key: AttemptKey;
  readonly #store: ArtifactStore | undefined;
  readonly #writers = new Map<string, ArtifactWriter>();
  #closed = false;

  constructor(key: AttemptKey, store: ArtifactStore | undefined) {
    this.#key = key;
    this.#store = store;
  }

  /** @throws PerdureError as {@link ArtifactStore}; `INVALID_OPTION` where there is no store */
  async take(step: ArtifactStep): Promise<void> {
    if (this.#store === undefined) throw noPlace();
    const key = { ...this.#key, name: step.name };
    switch (step.do) {
      case "create":
        return this.#keep(step.name, await this.#store.create(key));
      case "write":
        return this.#writer(step.name).write(step.chunk);
      case "finish":
        await this.#writer(step.name).finish();
        this.#writers.delete(step.name);
        return;
      case "abort":
        return this.#abort(step.name);
      case "remove":
        return this.#store.remove({ ...key, attempt: step.attempt });
    }
  }

  /** The attempt is over: nothing is written any more. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#writers.size === 0) return;
    await Promise.allSettled([...this.#writers.keys()].map((name) => this.#abort(name)));
  }

  async #keep(name: string, writer: ArtifactWriter): Promise<void> {
    this.#writers.set(name, writer);
    if (this.#closed) await this.#abort(name);
  }

  #writer(name: string): ArtifactWriter {
    const writer = this.#writers.get(name);
    if (writer !== undefined) return writer;
    throw new PerdureError("STALE_ATTEMPT", { message: "the attempt is over; nothing is written any more." });
  }

  async #abort(name: string): Promise<void> {
    const writer = this.#writers.get(name);
    this.#writers.delete(name);
    await writer?.abort();
  }
}

function noPlace(): PerdureError {
  return new PerdureError("INVALID_OPTION", {
    message:
      `there is no place for artifacts: the store has none of its own. Set artifacts to a folder that all processes ` +
      `share, or to "s3://bucket/prefix".`,
  });
}
