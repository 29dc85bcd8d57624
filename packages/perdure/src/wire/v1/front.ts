/**
 * The generations 2025-11-25 and 2025-06-18, whatever carries them: which messages are ours, and their answers.
 *
 * Ours are `tools/call` of durable tools and `tasks/*`. Everything else, and every request that is not perfect in its
 * form, goes to a server of the SDK, which serves or refuses it in its own words.
 */
import type { Exchange, JsonRpcRequest } from "../exchange.ts";

/** What is known of the client behind a request: manners, no authority. */
export interface V1Session {
  /** Absent on stdio, and where a client sends none. */
  readonly id: string | undefined;
  /** Absent where it was never said. */
  readonly protocolVersion: string | undefined;
  readonly clientName: string | undefined;
  /** Of `logging/setLevel`. */
  readonly logLevel: string | undefined;
  /** Where messages may be sent that answer nothing: a GET stream; the connection itself on stdio. */
  readonly stream: V1Stream | undefined;
}

/** A way to the client that is no answer. */
export interface V1Stream {
  /** Aborted when the connection closes. */
  readonly gone: AbortSignal;
  notify(method: string, params: Parameters<Exchange["notify"]>[1]): void;
  keepAlive(): void;
  /** Ends the stream: its session was ended. */
  close(): void;
}

export interface V1Exchange extends Exchange {
  /**
   * Instead of an answer, after `notifications/cancelled`: ends the stream; 202 without a body where nothing was sent
   * yet; nothing on stdio.
   */
  close(): void;
}

export interface V1Front {
  /** The request, where the message is one that we answer. */
  claim(message: unknown, session: V1Session): JsonRpcRequest | undefined;
  /** Answers a claimed request. Resolves when it is answered or nobody waits any more; never rejects. */
  serve(exchange: V1Exchange, session: V1Session): Promise<void>;
}
