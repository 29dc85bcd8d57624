/**
 * The stream that a client opens by GET, for what answers no request. A session has one that is used: the newest, since
 * an older one may be a connection that broke unnoticed.
 */
import type { Clock, Timer } from "../../task/clock.ts";
import type { SessionKey } from "../../store/sessions.ts";
import type { V1Stream } from "./client.ts";

/** Proxies cut streams that are silent for 60 s, some sooner. */
const keepAliveMs = 15_000;

export class StandaloneStreams {
  readonly #clock: Clock;
  readonly #newest = new Map<string, V1Stream>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(session: SessionKey): V1Stream | undefined {
    return this.#newest.get(nameOf(session));
  }

  /** Keeps the stream open until it is gone. */
  async serve(session: SessionKey, stream: V1Stream): Promise<void> {
    const name = nameOf(session);
    this.#newest.set(name, stream);
    let timer: Timer | undefined;
    const keepAlive = (): void => {
      timer = this.#clock.after(keepAliveMs, () => {
        stream.keepAlive();
        keepAlive();
      });
    };
    keepAlive();
    if (!stream.gone.aborted) {
      await new Promise((resolve) => stream.gone.addEventListener("abort", resolve, { once: true }));
    }
    timer?.cancel();
    if (this.#newest.get(name) === stream) this.#newest.delete(name);
  }
}

function nameOf({ owner, id }: SessionKey): string {
  return JSON.stringify([owner, id]);
}
