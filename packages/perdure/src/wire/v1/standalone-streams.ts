/**
 * The stream that a client opens by GET, for what answers no request. A session has one that is used: the newest, since
 * an older one may be a connection that broke unnoticed.
 */
import type { SessionKey } from "../../store/sessions.ts";
import type { Clock, Timer } from "../../task/clock.ts";
import type { V1Stream } from "./client.ts";

/** Proxies cut streams that are silent for 60 s, some sooner. */
const keepAliveMs = 15_000;

export class StandaloneStreams {
  readonly #clock: Clock;
  readonly #open = new Map<string, OpenStream[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(session: SessionKey): V1Stream | undefined {
    return this.#open.get(nameOf(session))?.at(-1);
  }

  /** Keeps the stream open until its client or its session is gone. */
  async serve(
    session: SessionKey,
    stream: V1Stream,
    onOpen: (stream: V1Stream) => void = () => undefined,
  ): Promise<void> {
    const name = nameOf(session);
    const open = new OpenStream(stream, this.#clock);
    const streams = this.#open.get(name) ?? [];
    this.#open.set(name, [...streams, open]);
    onOpen(open);
    await open.ended;
    const left = (this.#open.get(name) ?? []).filter((other) => other !== open);
    if (left.length > 0) this.#open.set(name, left);
    else this.#open.delete(name);
  }

  /** The session was ended: so are its streams. */
  close(session: SessionKey): void {
    for (const stream of this.#open.get(nameOf(session)) ?? []) stream.close();
  }
}

class OpenStream implements V1Stream {
  /** Resolves once the client is gone or the stream was closed; what is sent then is dropped. */
  readonly ended: Promise<void>;
  readonly gone: AbortSignal;
  readonly #stream: V1Stream;
  readonly #closed = new AbortController();
  #timer: Timer | undefined;

  constructor(stream: V1Stream, clock: Clock) {
    this.#stream = stream;
    this.gone = AbortSignal.any([stream.gone, this.#closed.signal]);
    this.#keepAlive(clock);
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#timer?.cancel();
        resolve();
      };
      if (this.gone.aborted) end();
      else this.gone.addEventListener("abort", end, { once: true });
    });
  }

  notify(...message: Parameters<V1Stream["notify"]>): void {
    if (!this.gone.aborted) this.#stream.notify(...message);
  }

  ask(...request: Parameters<V1Stream["ask"]>): void {
    if (!this.gone.aborted) this.#stream.ask(...request);
  }

  prime(eventId: string): void {
    if (!this.gone.aborted) this.#stream.prime(eventId);
  }

  keepAlive(): void {
    if (!this.gone.aborted) this.#stream.keepAlive();
  }

  close(): void {
    if (this.gone.aborted) return;
    this.#closed.abort();
    this.#stream.close();
  }

  #keepAlive(clock: Clock): void {
    this.#timer = clock.after(keepAliveMs, () => {
      this.keepAlive();
      this.#keepAlive(clock);
    });
  }
}

function nameOf({ owner, id }: SessionKey): string {
  return JSON.stringify([owner, id]);
}
