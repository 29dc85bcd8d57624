/**
 * Progress and log lines of one attempt, on their way into the record. The first report of a quiet time is written at
 * once, later ones at most ten times a second: of progress the latest counts, of log lines all do.
 *
 * While a handler runs again over what is already recorded, its reports are old news and are dropped (`muted`), and
 * progress never goes back.
 */
import { inspect } from "node:util";
import type { Clock, Timer } from "../task/clock.ts";
import { PerdureError, quote } from "../task/errors.ts";
import { encodeJson, type JsonValue } from "../task/json.ts";
import type { LogLevel, LogLine, Progress } from "../task/record.ts";
import type { Report } from "../store/store.ts";

const intervalMs = 100;
/** Lines that wait to be written; when the record cannot be written, the oldest are given up. */
const maxPendingLines = 1_000;

export interface ReporterParts {
  readonly clock: Clock;
  /** The highest progress so far. */
  readonly progress: Progress | undefined;
  readonly muted: () => boolean;
  readonly write: (report: Pick<Report, "progress" | "logs">) => Promise<void>;
}

export class Reporter {
  readonly #parts: ReporterParts;
  #highest: number;
  #progress: Progress | undefined;
  #lines: LogLine[] = [];
  #timer: Timer | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#highest = parts.progress?.done ?? Number.NEGATIVE_INFINITY;
  }

  /** @throws PerdureError `INVALID_VALUE` for counts that are no finite numbers. */
  progress(done: number, total: number | undefined, message: string | undefined): void {
    if (!Number.isFinite(done) || (total !== undefined && !Number.isFinite(total))) {
      throw new PerdureError("INVALID_VALUE", {
        message: `progress takes finite numbers; progress(${quote(done)}, ${quote(total)}) came.`,
      });
    }
    if (this.#parts.muted() || done < this.#highest) return;
    this.#highest = done;
    this.#progress = {
      done,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message }),
    };
    this.#schedule();
  }

  log(level: LogLevel, message: string, data: JsonValue | undefined): void {
    if (this.#parts.muted()) return;
    this.#lines.push({
      level,
      message,
      ...(data !== undefined && { data: loggable(data) }),
    });
    if (this.#lines.length > maxPendingLines) this.#lines.shift();
    this.#schedule();
  }

  /** Writes what waits, in the commit of this turn. */
  flush(): void {
    const { progress, lines } = this.#take();
    if (progress === undefined && lines.length === 0) return;
    this.#parts.write({ progress, logs: lines }).catch((error: unknown) => {
      if (error instanceof PerdureError && error.retryable) this.#putBack(progress, lines);
    });
  }

  /** Drops what waits: nobody may write any more. */
  end(): void {
    this.#take();
    this.#timer?.cancel();
  }

  #schedule(): void {
    // In a thread a loop may never yield, and no timer comes: its reports go out all the same.
    if (this.#timer !== undefined && this.#parts.clock.now() - this.#writtenAt < 2 * intervalMs) return;
    this.#timer?.cancel();
    this.#writtenAt = this.#parts.clock.now();
    this.flush();
    this.#timer = this.#parts.clock.after(intervalMs, () => {
      this.#timer = undefined;
      if (this.#progress !== undefined || this.#lines.length > 0) this.#schedule();
    });
  }

  #take(): { progress: Progress | undefined; lines: LogLine[] } {
    const taken = { progress: this.#progress, lines: this.#lines };
    this.#progress = undefined;
    this.#lines = [];
    return taken;
  }

  #putBack(progress: Progress | undefined, lines: readonly LogLine[]): void {
    this.#progress ??= progress;
    this.#lines = [...lines, ...this.#lines].slice(-maxPendingLines);
  }
}

/** A log line is not worth an error: what JSON does not keep is kept as text. */
function loggable(data: JsonValue): JsonValue {
  try {
    encodeJson(data, "data");
    return data;
  } catch {
    return inspect(data, { depth: 4, maxStringLength: 2_000, maxArrayLength: 50 });
  }
}
