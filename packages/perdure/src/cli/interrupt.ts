/** Ctrl-C asks; a second one ends the process at once. */
import { exitCodes } from "./exit.ts";

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(exitCodes.interrupted);
    this.#controller.abort("Ctrl-C");
  };

  constructor() {
    process.on("SIGINT", this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What `promise` gives, or `undefined` once Ctrl-C came first. */
  async before<T>(promise: Promise<T>): Promise<T | undefined> {
    // Nobody may be left to hear of it.
    promise.catch(() => undefined);
    const { signal } = this;
    const interrupted = Promise.withResolvers<undefined>();
    const onAbort = (): void => interrupted.resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([promise, interrupted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#onSignal);
  }
}
