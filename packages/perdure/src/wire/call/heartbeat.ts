/**
 * Progress and signs of life of one held call.
 *
 * What the handler reports is passed on at once. When it has been silent for an interval, a heartbeat says so: it
 * repeats the last message with the elapsed time, and raises progress by less than one unit that the handler reports,
 * because progress must rise with each notification and must not run ahead of the work. Where there is no progress
 * token it is a log message, if the client asked for logging, or whatever keeps the connection open.
 */
import type { Clock, Timer } from "../../task/clock.ts";
import type { LogLine, Progress } from "../../task/record.ts";
import type { CallSink } from "./held-call.ts";

export interface HeartbeatParts {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly sink: CallSink;
  readonly tool: string;
}

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #since: number;
  #timer: Timer | undefined;
  #last: Progress | undefined;
  /** The smallest step that the handler has reported; before there were two reports, one that is smaller than most. */
  #unit = 0.001;
  #steps = 0;
  /** The highest progress that was sent. */
  #sent = Number.NEGATIVE_INFINITY;
  /** Heartbeats since the last report. */
  #beats = 0;
  #stopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#schedule();
  }

  report(progress: Progress): void {
    const last = this.#last;
    if (last !== undefined && last.done === progress.done && last.message === progress.message) return;
    // The first report is no step: a call may join a task that is far on.
    const step = last === undefined ? 0 : progress.done - last.done;
    if (step > 0) this.#unit = this.#steps++ === 0 ? step : Math.min(this.#unit, step);
    this.#last = progress;
    this.#beats = 0;
    this.#sendProgress(progress.done, progress.message);
    this.#schedule();
  }

  log(line: LogLine): void {
    this.#parts.sink.log?.(line);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(this.#parts.intervalMs, () => {
      this.#beat();
      this.#schedule();
    });
  }

  #beat(): void {
    const { sink, tool, clock } = this.#parts;
    const elapsed = `${Math.round((clock.now() - this.#since) / 1_000)} s`;
    if (sink.progress !== undefined) {
      this.#beats++;
      // Ever closer to, and never at, half a unit above the last report.
      const raise = (this.#unit / 2) * (this.#beats / (this.#beats + 1));
      const message = this.#last?.message ?? `${tool} is running`;
      this.#sendProgress((this.#last?.done ?? 0) + raise, `${message} (${elapsed})`);
    } else if (sink.log !== undefined) {
      sink.log({ level: "info", message: `${this.#last?.message ?? `${tool} is running`} (${elapsed})` });
    } else {
      sink.keepAlive();
    }
  }

  #sendProgress(progress: number, message: string | undefined): void {
    // Smaller steps than before may fall behind a heartbeat; and a new message alone does not raise the count.
    // A large count (of bytes, say) is not raised by less than what a number can tell apart.
    const least = Math.max(this.#unit / 1_000_000, Math.abs(this.#sent) * 2 * Number.EPSILON);
    this.#sent = progress > this.#sent ? progress : this.#sent + least;
    const total = this.#last?.total;
    this.#parts.sink.progress?.({
      progress: this.#sent,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message }),
    });
  }
}
