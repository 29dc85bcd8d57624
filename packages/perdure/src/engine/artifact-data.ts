/** What a handler may give as the content of an artifact, as chunks of bytes. */
import { Readable } from "node:stream";
import { ReadableStream } from "node:stream/web";
import { PerdureError, quote } from "../task/errors.ts";

/** A stream of node:stream is an `AsyncIterable` too. */
export type ArtifactData =
  string | Uint8Array | AsyncIterable<string | Uint8Array> | ReadableStream<string | Uint8Array>;

/** A large chunk goes in pieces, between which other work is done: to hash one takes about a millisecond. */
const pieceBytes = 1_048_576;

/**
 * @throws the reason of `ended`, also while the source gives nothing
 * @throws PerdureError `INVALID_VALUE` for what is neither text nor bytes
 */
export async function* chunksOf(
  data: ArtifactData,
  name: string,
  ended: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof data === "string" || data instanceof Uint8Array) {
    yield* pieces(toBytes(data, name));
    return;
  }
  if (!isAsyncIterable(data)) throw noData(data, name);
  const source = data[Symbol.asyncIterator]();
  using watch = abortable(ended);
  try {
    for (;;) {
      const next = await watch.race(source.next());
      if (next.done === true) return;
      yield* pieces(toBytes(next.value, name));
    }
  } finally {
    // Ends a stream that was not read to its end. Not awaited: a generator that hangs would hang here too.
    source.return?.().catch(() => undefined);
  }
}

/** Of content that is not read, because it is recorded already: a file would stay open. */
export function releaseData(data: ArtifactData): void {
  if (typeof data !== "object" || data instanceof Uint8Array) return;
  if (data instanceof Readable) {
    // It may end with an error that nobody else is there to hear, which would end the process.
    data.on("error", () => undefined);
    data.destroy();
  }
  if (data instanceof ReadableStream && !data.locked) data.cancel().catch(() => undefined);
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function toBytes(chunk: unknown, name: string): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk !== "string") throw noData(chunk, name);
  if (chunk.isWellFormed()) return Buffer.from(chunk);
  throw new PerdureError("INVALID_VALUE", {
    message:
      `the artifact ${quote(name)}: a text has an unpaired surrogate, perhaps because a character was cut in two. ` +
      `Give bytes instead.`,
  });
}

function isAsyncIterable(data: unknown): data is AsyncIterable<unknown> {
  return typeof data === "object" && data !== null && Symbol.asyncIterator in data;
}

function noData(came: unknown, name: string): PerdureError {
  return new PerdureError("INVALID_VALUE", {
    message: `the artifact ${quote(name)} must be text, bytes (Uint8Array) or a stream of them; ${typeof came} came.`,
  });
}

/** Waits for one promise after another, or the abort. One listener for all: a race for each would pile up. */
function abortable(signal: AbortSignal): Disposable & { race<T>(promise: Promise<T>): Promise<T> } {
  let refuse: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => refuse?.(signal.reason);
  signal.addEventListener("abort", onAbort);
  return {
    race: (promise) =>
      new Promise((resolve, reject) => {
        refuse = reject;
        promise.then(resolve, reject);
        if (signal.aborted) onAbort();
      }),
    [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort),
  };
}
