/** Output as it is read: its lines, and its end. Both are bounded, whatever a program writes. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { OutputLine, OutputStream } from "./exec.ts";

/** A longer line, a progress bar without line ends say, comes in pieces, in UTF-16 units. */
const maxLineLength = 65_536;

/** Puts lines together from chunks. `\n`, `\r\n` and a lone `\r` (a progress bar) end one. */
export class Lines {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(chunk: Uint8Array): string[] {
    return this.#split(this.#rest + this.#decoder.write(Buffer.from(chunk)));
  }

  /** What stands after the last line end. */
  end(): string[] {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    const line = last.endsWith("\r") ? last.slice(0, -1) : last;
    return line === "" ? [] : [line];
  }

  #split(text: string): string[] {
    // A `\r` at the end may be the first half of a line end.
    const lines = text.split(/\r\n|\n|\r(?=[^])/);
    this.#rest = lines.pop() ?? "";
    while (this.#rest.length > maxLineLength) {
      lines.push(this.#rest.slice(0, maxLineLength));
      this.#rest = this.#rest.slice(maxLineLength);
    }
    return lines;
  }
}

/** The last bytes of a stream. */
export class Tail {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #cut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (let [first] = this.#chunks; first !== undefined; [first] = this.#chunks) {
      if (this.#bytes - first.length < this.#maxBytes) break;
      this.#chunks.shift();
      this.#bytes -= first.length;
      this.#cut = true;
    }
  }

  /** Begins with "…" where something is missing. */
  toString(): string {
    const all = Buffer.concat(this.#chunks);
    if (!this.#cut && all.length <= this.#maxBytes) return all.toString("utf8");
    let from = Math.max(0, all.length - this.#maxBytes);
    // Not in the middle of a character.
    while (from < all.length && ((all[from] ?? 0) & 0xc0) === 0x80) from++;
    return `…${all.toString("utf8", from)}`;
  }
}

/** Reads a stream, line by line, as fast as they are taken. */
export class Output {
  readonly #stream: Readable | null;
  readonly #tail: Tail;
  readonly #done: Promise<void>;
  /** Since when it waits for the program, and not for whoever takes the lines. */
  #waitingSince: number | undefined;

  constructor(
    stream: Readable | null,
    name: OutputStream,
    maxBytes: number,
    give: (lines: readonly OutputLine[]) => Promise<void>,
  ) {
    this.#stream = stream;
    this.#tail = new Tail(maxBytes);
    // It ends early where it is destroyed.
    this.#done = this.#read(async (lines) => {
      if (lines.length > 0) await give(lines.map((line): OutputLine => [line, name]));
    }).catch(() => undefined);
  }

  /** The program is gone; who left its group may still hold the pipe, and is not waited for longer than `quietMs`. */
  async end(quietMs: number): Promise<string> {
    const look = setInterval(() => {
      const quiet = this.#waitingSince !== undefined && performance.now() - this.#waitingSince >= quietMs;
      if (quiet) this.#stream?.destroy();
    }, quietMs / 4);
    await this.#done;
    clearInterval(look);
    return String(this.#tail);
  }

  async #read(give: (lines: readonly string[]) => Promise<void>): Promise<void> {
    if (this.#stream === null) return;
    const lines = new Lines();
    this.#waitingSince = performance.now();
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      this.#waitingSince = undefined;
      this.#tail.push(chunk);
      await give(lines.push(chunk));
      this.#waitingSince = performance.now();
    }
    this.#waitingSince = undefined;
    await give(lines.end());
  }
}
