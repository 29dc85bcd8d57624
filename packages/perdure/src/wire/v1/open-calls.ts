/**
 * Requests that are being waited for, and how their cancellation finds them.
 *
 * Over HTTP `notifications/cancelled` comes in a request of its own. In the same process it finds the wait by session
 * and request id. Behind a load balancer it may reach another process, which knows nothing of the call. So the two meet
 * in the record, under a name made of the same two (`call-row.ts`): a held call that lasts, or whose client is gone,
 * leaves a row that says which task it waits for, and whoever receives the cancellation does to the task what the
 * holder would have done. Where there is no such row yet, the cancellation leaves one, for the holder to find. Both
 * look once more, in case each has written over the other.
 *
 * Calls that are over sooner write nothing.
 */
import type { Runtime } from "../../engine/runtime.ts";
import type { SessionKey } from "../../store/sessions.ts";
import type { Timestamp } from "../../task/record.ts";
import type { TaskId } from "../../task/id.ts";
import { type CallEnd, cancelledByClient } from "../call/call-end.ts";
import type { Exchange } from "../exchange.ts";
import {
  CallRow,
  cancellationMs,
  endCall,
  readCall,
  rowAfterMs,
  rowWriteMs,
  writeCancellation,
} from "./call-row.ts";
import type { Cancellation } from "./request.ts";

export interface OpenCall {
  /** Aborted when nobody waits any more: as the exchange's `gone`, or with a {@link CallEnd}. */
  readonly signal: AbortSignal;
  /** The call waits for this task, at most so long: other processes may be told that it is cancelled. */
  waitsFor(taskId: TaskId, holdMs: number): void;
  close(): void;
}

export class OpenCalls {
  readonly #runtime: Runtime;
  readonly #waits = new Map<string, Set<AbortController>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  open(exchange: Pick<Exchange, "request" | "caller" | "gone">, sessionId: string | undefined): OpenCall {
    // Without a session two clients of one owner may use the same request id: nothing can be told apart.
    if (sessionId === undefined) {
      return { signal: exchange.gone, waitsFor: () => undefined, close: () => undefined };
    }
    const key = rowKey(exchange.caller.owner, sessionId, exchange.request.id);
    const wait = new AbortController();
    const waits = this.#waits.get(key.id) ?? new Set();
    this.#waits.set(key.id, waits.add(wait));
    let row: CallRow | undefined;
    return {
      signal: AbortSignal.any([exchange.gone, wait.signal]),
      waitsFor: (taskId, holdMs) => {
        row = new CallRow(this.#runtime, key, { taskId, holdMs, onEnded: (end) => wait.abort(end) });
      },
      close: () => {
        row?.close(exchange.gone.aborted && !wait.signal.aborted);
        waits.delete(wait);
        if (waits.size === 0) this.#waits.delete(key.id);
      },
    };
  }

  async cancel(owner: string, sessionId: string | undefined, cancellation: Cancellation): Promise<void> {
    if (sessionId === undefined) return;
    const { requestId, reason } = cancellation;
    const key = rowKey(owner, sessionId, requestId);
    const end = cancelledByClient(reason);
    const waits = this.#waits.get(key.id);
    if (waits !== undefined) for (const wait of waits) wait.abort(end);
    else {
      const heardAt = this.#runtime.clock.now();
      if (await this.#cancelElsewhere(key, end, heardAt)) return;
      await writeCancellation(this.#runtime, key, end);
      this.#lookOnceMore(key, end, heardAt);
    }
  }

  #lookOnceMore(key: SessionKey, end: CallEnd, heardAt: Timestamp): void {
    const { clock, logger, store } = this.#runtime;
    const log = (error: unknown): void => {
      if (this.#runtime.closing) return;
      logger.warn({ err: error }, "a call at another process could not be cancelled");
    };
    clock.after(rowAfterMs + rowWriteMs, () => void this.#cancelElsewhere(key, end, heardAt).catch(log));
    clock.after(cancellationMs, () => void store.sessions.end(key).catch(log));
  }

  /** False where no row says that another process held the call then. */
  async #cancelElsewhere(key: SessionKey, end: CallEnd, heardAt: Timestamp): Promise<boolean> {
    const found = await readCall(this.#runtime, key);
    if (found === undefined || !("waitsFor" in found) || found.since > heardAt) return false;
    await endCall(this.#runtime, key, found.waitsFor, end);
    return true;
  }
}

/** Beside the client's own sessions, whose ids hold no space. The owner is part of it: a row of another is no obstacle. */
function rowKey(owner: string, sessionId: string, requestId: string | number): SessionKey {
  return { id: `call ${JSON.stringify([owner, sessionId, requestId])}`, owner };
}
