/**
 * What `/ping` of `BedrockAgentCoreApp` says. It stamps `time_of_last_update` where the status is seen to change (0.4), so
 * that is what real progress does here: the status is Healthy for the instant between two lines, which no ping can see.
 */
import { type Clock, systemClock } from "../task/clock.ts";

/** Of `BedrockAgentCoreApp`. */
interface PingedApp {
  addAsyncTask(name: string): number;
  completeAsyncTask(id: number): boolean;
  getCurrentPingStatus(): unknown;
}

const name = "invocation";
/** The stamp has whole seconds. */
const everyMs = 1_000;

export class Activity {
  readonly #app: PingedApp;
  readonly #clock: Clock;
  #running = 0;
  #taskId: number | undefined;
  #stampedAt = Number.NEGATIVE_INFINITY;

  constructor(app: PingedApp, clock: Clock = systemClock) {
    this.#app = app;
    this.#clock = clock;
  }

  /** Busy, until what it returns is called. */
  begin(): () => void {
    this.#running += 1;
    this.#taskId ??= this.#app.addAsyncTask(name);
    this.#app.getCurrentPingStatus();
    return () => {
      this.#running -= 1;
      if (this.#running > 0) return;
      this.#idle();
    };
  }

  /** Something was really done. */
  moved(): void {
    const now = this.#clock.now();
    if (this.#taskId === undefined || now - this.#stampedAt < everyMs) return;
    this.#stampedAt = now;
    this.#idle();
    this.#taskId = this.#app.addAsyncTask(name);
    this.#app.getCurrentPingStatus();
  }

  #idle(): void {
    if (this.#taskId !== undefined) this.#app.completeAsyncTask(this.#taskId);
    this.#taskId = undefined;
    this.#app.getCurrentPingStatus();
  }
}
