/**
 * Requests that are being waited for, and how their cancellation finds them.
 *
 * Over HTTP `notifications/cancelled` comes in a request of its own. In the same process it finds the wait by session
 * and request id. Behind a load balancer it may reach another process, which knows nothing of the call; so a held call
 * that lasts leaves a row in the record, under a name made of the same two, that says which task it waits for. Whoever
 * receives the cancellation then does to the task what the holder would have done, and ends the row; the holder looks
 * at its row from time to time, and stops waiting when it was ended.
 *
 * Calls that are over sooner write nothing. Where a call has no row yet, the cancellation is tried once more.
 */
import type { Runtime } from "../../engine/runtime.ts";
import type { SessionKey } from "../../store/sessions.ts";
import type { TaskId } from "../../task/id.ts";
import type { Timer } from "../../task/clock.ts";
import { cancelledByClient, CallEnd } from "../call/call-end.ts";
import type { Exchange } from "../exchange.ts";
import type { Cancellation } from "./request.ts";

/** From then on a call has a row. */
const rowAfterMs = 500;
/** Within which it is there, on a machine with much to do. */
const rowWriteMs = 500;
/** How long the holder may not notice that another process was told of the cancellation. */
const lookAgainMs = 2_000;

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
        row = new CallRow(this.#runtime, key, taskId, holdMs, () =>
          wait.abort(new CallEnd("detach", "the client cancelled the call at another process")),
        );
      },
      close: () => {
        row?.close();
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
    else if (!(await this.#cancelElsewhere(key, end))) this.#cancelLater(key, end);
  }

  /** The call may be so young that it has no row yet. */
  #cancelLater(key: SessionKey, end: CallEnd): void {
    this.#runtime.clock.after(rowAfterMs + rowWriteMs, () => {
      this.#cancelElsewhere(key, end).catch((error: unknown) =>
        this.#runtime.logger.warn({ err: error }, "a call at another process could not be cancelled"),
      );
    });
  }

  /** False where no row says that another process holds the call. */
  async #cancelElsewhere(key: SessionKey, end: CallEnd): Promise<boolean> {
    const { store, clock } = this.#runtime;
    const row = await store.sessions.get(key);
    if (row === undefined || row.endedAt !== undefined) return false;
    const { taskId, until } = row.capabilities as { readonly taskId: TaskId; readonly until: number };
    // The holder died: the row says nothing of what its client waits for today.
    if (until < clock.now()) return false;
    if (end.effect === "cancel") await store.cancel({ taskId, owner: key.owner, reason: end.message });
    else await store.stopWaiting({ taskId, caller: "lost" });
    await store.sessions.end(key);
    return true;
  }
}

/** Beside the client's own sessions, whose ids hold no space. The owner is part of it: a row of another is no obstacle. */
function rowKey(owner: string, sessionId: string, requestId: string | number): SessionKey {
  return { id: `call ${JSON.stringify([owner, sessionId, requestId])}`, owner };
}

class CallRow {
  readonly #runtime: Runtime;
  readonly #key: SessionKey;
  readonly #onEnded: () => void;
  #timer: Timer;
  #written = false;

  constructor(runtime: Runtime, key: SessionKey, taskId: TaskId, holdMs: number, onEnded: () => void) {
    this.#runtime = runtime;
    this.#key = key;
    this.#onEnded = onEnded;
    const until = runtime.clock.now() + holdMs;
    this.#timer = runtime.clock.after(rowAfterMs, () => {
      this.#written = true;
      this.#try(() =>
        runtime.store.sessions.put({
          ...key,
          protocolVersion: "",
          capabilities: { taskId, until },
          clientInfo: {},
        }),
      );
      this.#lookAgain();
    });
  }

  close(): void {
    this.#timer.cancel();
    if (this.#written) this.#try(() => this.#runtime.store.sessions.end(this.#key));
  }

  #lookAgain(): void {
    this.#timer = this.#runtime.clock.after(lookAgainMs, () => {
      this.#try(async () => {
        const row = await this.#runtime.store.sessions.get(this.#key);
        if (row?.endedAt !== undefined) this.#onEnded();
      });
      this.#lookAgain();
    });
  }

  /** Without its row a call is only not found from elsewhere. */
  #try(run: () => Promise<void>): void {
    const log = (error: unknown): void =>
      this.#runtime.logger.debug({ err: error }, "the row of a held call could not be kept");
    // Once the application is closed the store itself is refused.
    Promise.resolve().then(run).catch(log);
  }
}
